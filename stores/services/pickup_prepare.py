"""What happens to a pickup before it is handed over: ready, held, resumed, cancelled."""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from config.kernel.actors import Actor
from stores.models import Pickup
from stores.services.pickup_transition import pickup_get, pickup_transition
from stores.states import PickupState


def pickup_ready(*, pickup_id: int, actor: Actor, now: datetime) -> Pickup:
    """The parcel lies at the desk from now on, for ``PICKUP_DAYS`` days. Raises NotFound,
    IllegalTransition, Conflict."""
    with transaction.atomic():
        return pickup_transition(
            pickup=pickup_get(pickup_id),
            to_state=PickupState.READY,
            actor=actor,
            now=now,
            ready_at=now,
            expires_at=now + timedelta(days=settings.PICKUP_DAYS),
        )


def pickup_hold(*, pickup_id: int, actor: Actor, now: datetime, reason: str = "") -> Pickup:
    """Do not hand it over for now: an after-sale is open. Raises as :func:`pickup_ready`."""
    with transaction.atomic():
        return pickup_transition(
            pickup=pickup_get(pickup_id),
            to_state=PickupState.HELD,
            actor=actor,
            now=now,
            reason=reason,
        )


def pickup_resume(*, pickup_id: int, actor: Actor, now: datetime) -> Pickup:
    """Undo :func:`pickup_hold`: ready again when it was ready before, else awaiting."""
    with transaction.atomic():
        pickup = pickup_get(pickup_id)
        to_state = PickupState.READY if pickup.ready_at else PickupState.AWAITING
        return pickup_transition(pickup=pickup, to_state=to_state, actor=actor, now=now)


def pickup_cancel(*, pickup_id: int, actor: Actor, now: datetime, reason: str = "") -> Pickup:
    """There is nothing left to hand over. Raises as :func:`pickup_ready`."""
    with transaction.atomic():
        return pickup_transition(
            pickup=pickup_get(pickup_id),
            to_state=PickupState.CANCELLED,
            actor=actor,
            now=now,
            reason=reason,
        )
