"""Hand a parcel over: once, at its store, by that store's staff."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import Conflict, Forbidden
from stores.models import Pickup
from stores.selectors import staff_at_store
from stores.services.pickup_transition import pickup_get, pickup_transition
from stores.states import PickupState


class PickupCollected(Conflict):
    """``at`` is ISO-8601 with the offset of Shanghai, ``by`` the name of who handed it over."""

    code = "pickup_collected"
    message = _("It was handed over at {at} by {by}.")


class PickupNotReady(Conflict):
    code = "pickup_not_ready"
    message = _("It cannot be handed over: {state}.")


class PickupElsewhere(Forbidden):
    code = "pickup_elsewhere"
    message = _("This parcel is handed over at {store}.")


def pickup_collect(*, pickup_id: int, user, actor: Actor, now: datetime) -> Pickup:
    """``user`` hands the parcel over. Of two at the same moment one gets PickupCollected, which
    says when and by whom. Raises NotFound, PickupElsewhere (not staff of that store at ``now``),
    PickupNotReady (``state`` says what it is instead)."""
    with transaction.atomic():
        pickup = pickup_get(pickup_id)
        if not staff_at_store(user, store=pickup.store, now=now):
            raise PickupElsewhere(store=pickup.store.name)
        refuse_uncollectable(pickup)
        try:
            return pickup_transition(
                pickup=pickup,
                to_state=PickupState.COLLECTED,
                actor=actor,
                now=now,
                collected_at=now,
                collected_by_id=user.pk,
            )
        except Conflict:
            # Somebody moved it since we read it: say what they made of it.
            refuse_uncollectable(pickup_get(pickup_id))
            raise


def refuse_uncollectable(pickup: Pickup) -> None:
    """Raise PickupCollected or PickupNotReady unless ``pickup`` may be handed over."""
    if pickup.state == PickupState.COLLECTED:
        assert pickup.collected_at is not None  # constraint stores_pickup_collected_stamped
        at = pickup.collected_at.astimezone(clock.SHANGHAI).isoformat(timespec="seconds")
        raise PickupCollected(at=at, by=str(pickup.collected_by))
    if pickup.state != PickupState.READY:
        raise PickupNotReady(state=str(PickupState(pickup.state).label))
