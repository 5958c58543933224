"""The one function that changes a pickup's state."""

from datetime import datetime
from typing import Any

from config.kernel.actors import Actor
from config.kernel.errors import NotFound
from config.kernel.events import record
from config.kernel.states import compare_and_set
from stores.events import PickupChanged
from stores.models import Pickup
from stores.states import PICKUP_MACHINE


def pickup_get(pickup_id: int) -> Pickup:
    """The pickup with its store. Raises NotFound."""
    pickup = Pickup.objects.select_related("store").filter(pk=pickup_id).first()
    if pickup is None:
        raise NotFound()
    return pickup


def pickup_transition(
    *,
    pickup: Pickup,
    to_state: str,
    actor: Actor,
    now: datetime,
    reason: str = "",
    **fields: Any,
) -> Pickup:
    """Move ``pickup`` on by compare-and-set and write the event. Raises IllegalTransition,
    Conflict. Runs in the caller's transaction."""
    from_state, _to = compare_and_set(pickup, PICKUP_MACHINE, to_state, **fields)
    event = PickupChanged(
        subject_id=pickup.pk,
        from_state=from_state,
        to_state=to_state,
        reason=reason,
        store_id=pickup.store_id,
    )
    record([event], actor=actor, now=now)
    return pickup
