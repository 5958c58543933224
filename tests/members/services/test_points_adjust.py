import pytest

from config.kernel.actors import SYSTEM
from config.kernel.approvals import (
    ApprovalOwn,
    ApprovalPending,
    approval_decide,
    approval_kind,
)
from config.kernel.errors import NotFound
from config.kernel.models import Event
from members.guards_points import PointsShort, points_spend
from members.models import PointLot
from members.selectors import points_balance
from members.services.points_adjust import PointsAmountRefused, points_adjust
from members.services.points_settle import PointsTarget, points_settle
from tests.factories import make_member, make_staff, publish_policy
from tests.planting import fired, plant

pytestmark = pytest.mark.django_db
BODY = {
    "v": 2,
    "fen_per_point": 100,
    "expiry": {"kind": "days", "days": 365},
    "tender": {"fen_per_point": 3, "max_share_bp": 5_000, "step_points": 1},
    "min_days_after_return": 30,
}


@pytest.fixture
def member(now):
    """Somebody with 100 points."""
    publish_policy(kind="points", body=BODY)
    member = make_member()
    points_settle([PointsTarget(member.pk, member.no, "SO1", 10_000, now)], now=now)
    return member


@pytest.fixture
def maker():
    return make_staff(role="finance")


@pytest.fixture
def checker():
    return make_staff(role="finance")


def ask(member, points, maker, now):
    return points_adjust(
        member_id=member.pk, points=points, reason="waited long", user=maker, now=now
    )


def decide(request, checker, now, approve=True):
    return approval_decide(approval_id=request.pk, approve=approve, user=checker, now=now)


def test_one_asks_and_another_gives_points(member, maker, checker, now):
    request = ask(member, 40, maker, now)
    # They are worth three fen each, which is what a checker's limit is about.
    assert (request.amount_fen, points_balance(member.pk)) == (120, (100, 0))
    assert member.no in approval_kind("members.points_adjust").describe(request)
    with pytest.raises(ApprovalOwn):
        decide(request, maker, now)
    with pytest.raises(ApprovalPending):
        ask(member, 40, maker, now)
    decide(request, checker, now)
    assert points_balance(member.pk) == (140, 0)
    lot = PointLot.objects.latest("pk")
    assert (lot.reference, lot.remaining_points) == (request.no, 40)
    event = Event.objects.get(kind="members.points_adjusted")
    assert (event.subject_id, event.reason, event.actor_id, event.payload) == (
        member.pk,
        "waited long",
        str(checker.pk),
        {"approval_id": request.pk, "points": 40},
    )


def test_points_are_taken_first_in_first_out_and_no_more_than_there_are(
    member, maker, checker, now
):
    decide(ask(member, -30, maker, now), checker, now)
    assert points_balance(member.pk) == (70, 0)
    request = ask(member, -71, maker, now)
    with pytest.raises(PointsShort):
        decide(request, checker, now)
    assert points_balance(member.pk) == (70, 0)
    assert Event.objects.filter(kind="members.points_adjusted").count() == 1


def test_points_given_repay_a_debt_first(member, maker, checker, now):
    points_spend(member_id=member.pk, points=100, reference="SO2", actor=SYSTEM, now=now)
    points_settle([PointsTarget(member.pk, member.no, "SO1", 0, now)], now=now)
    decide(ask(member, 130, maker, now), checker, now)
    assert points_balance(member.pk) == (30, 0)


def test_what_is_refused_changes_nothing(member, maker, checker, now):
    decide(ask(member, 40, maker, now), checker, now, approve=False)
    assert points_balance(member.pk) == (100, 0)
    for points in (0, 10_000_001, -10_000_001):
        with pytest.raises(PointsAmountRefused):
            ask(member, points, maker, now)
    with pytest.raises(NotFound):
        points_adjust(member_id=0, points=1, reason="x", user=maker, now=now)


@pytest.mark.corrupts
def test_points_that_nobody_approved(member, maker, checker, now):
    decide(ask(member, 40, maker, now), checker, now)
    plant("UPDATE kernel_approval SET kind = 'members.card_adjust'", table="kernel_approval")
    assert fired() == ["points.adjusted"]
