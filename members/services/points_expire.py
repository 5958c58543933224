"""Points whose time is over go back to whose they are."""

from datetime import datetime

from django.db import transaction
from django.db.models import F

from config.kernel import locks
from config.kernel.actors import SYSTEM
from members.guards_points import points_holds_expire
from members.models import PointLot
from members.services.points_wallet import LOCK
from stores.ledger import AccountSpec, Draft, accounts_ensure, post
from stores.states import Unit

EXPIRED = "points.expired"


def points_expire(*, now: datetime, limit: int = 500) -> int:
    """End up to ``limit`` lots that have expired; returns how many. Call until it returns 0.

    What an order has set aside of a lot outlives it: it is spent, or given back and then ends.
    """
    due = PointLot.objects.filter(remaining_points__gt=F("held_points"), expires_at__lte=now)
    with transaction.atomic():
        ids = dict(due.order_by("expires_at").values_list("pk", "member_id")[:limit])
        locks.advisory(LOCK, ids.values())
        # What a settlement took in the meantime is not ours to end.
        lots = list(due.filter(pk__in=ids).select_related("member"))
        if not lots:
            return 0
        specs = [AccountSpec(EXPIRED, Unit.POINTS)]
        specs += [AccountSpec(f"points:{x.member.no}", Unit.POINTS, guarded=True) for x in lots]
        accounts = accounts_ensure(specs)
        drafts = [
            Draft(
                debit_id=accounts[f"points:{lot.member.no}"],
                credit_id=accounts[EXPIRED],
                amount=lot.remaining_points - lot.held_points,
                code="points.expire",
                # A lot ends in parts when some of it was set aside: it had less left each time.
                key=f"points.expire:{lot.pk}:{lot.remaining_points}",
            )
            for lot in lots
        ]
        ended = PointLot.objects.filter(pk__in=[lot.pk for lot in lots])
        ended.update(remaining_points=F("held_points"))
        post(drafts, now=now)
    return len(lots)


def points_hold_expire(*, now: datetime, limit: int = 500) -> int:
    """Give back what was set aside for too long; returns how many holds ended. Call until 0."""
    return points_holds_expire(now=now, limit=limit, actor=SYSTEM)
