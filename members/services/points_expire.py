"""Points whose time is over go back to their issuer."""

from datetime import datetime

from django.db import transaction

from config.kernel import locks
from members.models import PointLot
from members.services.points_settle import ISSUED, LOCK
from stores.ledger import AccountSpec, Draft, accounts_ensure, post
from stores.states import Unit


def points_expire(*, now: datetime, limit: int = 500) -> int:
    """End up to ``limit`` lots that have expired; returns how many. Call until it returns 0."""
    due = PointLot.objects.filter(remaining_points__gt=0, expires_at__lte=now)
    with transaction.atomic():
        ids = dict(due.order_by("expires_at").values_list("pk", "member_id")[:limit])
        locks.advisory(LOCK, ids.values())
        # What a settlement took in the meantime is not ours to end.
        lots = list(due.filter(pk__in=ids).select_related("member"))
        if not lots:
            return 0
        specs = [AccountSpec(ISSUED, Unit.POINTS)]
        specs += [AccountSpec(f"points:{x.member.no}", Unit.POINTS, guarded=True) for x in lots]
        accounts = accounts_ensure(specs)
        drafts = [
            Draft(
                debit_id=accounts[f"points:{lot.member.no}"],
                credit_id=accounts[ISSUED],
                amount=lot.remaining_points,
                code="points.expire",
                key=f"points.expire:{lot.pk}",
            )
            for lot in lots
        ]
        post(drafts, now=now)
        due.filter(pk__in=[lot.pk for lot in lots]).update(remaining_points=0)
    return len(lots)
