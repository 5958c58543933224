"""What points are worth in these tests, and how a member comes by them."""

from datetime import timedelta

from members.services.points_settle import PointsTarget, points_settle
from stores.models import Account

POLICY = {
    "v": 2,
    "fen_per_point": 100,
    "expiry": {"kind": "days", "days": 365},
    "tender": {"fen_per_point": 2, "max_share_bp": 5_000, "step_points": 100},
    "min_days_after_return": 30,
}


def earn(member, fen, now, reference="SO0"):
    target = PointsTarget(member.pk, member.no, reference, fen, now - timedelta(days=1))
    return points_settle([target], now=now)


def held(member):
    return Account.objects.get(code=f"points:{member.no}").held
