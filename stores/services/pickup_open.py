"""A paid order's goods are to be handed over at a store."""

from datetime import datetime

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from config.kernel.numbers import new_no, random_digits
from stores.guards import pickup_insert
from stores.models import Pickup
from stores.services.pickup_token import token_hash, token_of
from stores.states import PickupState


class PickupExists(Conflict):
    code = "pickup_exists"


def pickup_open(
    *, order_no: str, store_id: int, phone_tail: str, actor: Actor, now: datetime
) -> Pickup:
    """A new pickup, awaiting. ``phone_tail`` is the last four digits of the member's phone, or
    empty when there is none. One statement. Raises PickupExists: an order has one pickup."""
    no = new_no("PK")
    code_hash = token_hash(token_of(no))
    for _attempt in range(5):
        made = pickup_insert(
            no=no,
            order_no=order_no,
            store_id=store_id,
            code_hash=code_hash,
            digits=[random_digits(8) for _candidate in range(4)],
            phone_tail=phone_tail,
            actor=actor,
            now=now,
        )
        if made is not None:
            return Pickup(
                pk=made[0],
                no=no,
                order_no=order_no,
                store_id=store_id,
                state=PickupState.AWAITING,
                code_hash=code_hash,
                digits=made[1],
                phone_tail=phone_tail,
                created_at=now,
            )
        if Pickup.objects.filter(order_no=order_no).exists():
            raise PickupExists()
    raise RuntimeError("no free pickup digits: is the store's desk full of millions of parcels?")
