"""The goods of paid orders are to be handed over at a store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from config.kernel.numbers import new_no, random_digits
from stores.guards import PickupRow, pickups_insert
from stores.models import Pickup
from stores.services.pickup_token import token_hash, token_of
from stores.states import PickupState

_CANDIDATES = 4


class PickupExists(Conflict):
    code = "pickup_exists"


@dataclass(frozen=True, slots=True)
class PickupDraft:
    """``phone_tail``: the last four digits of the member's phone, or empty."""

    order_no: str
    store_id: int
    phone_tail: str = ""


def pickups_open(
    drafts: Sequence[PickupDraft], *, actor: Actor, now: datetime
) -> dict[str, Pickup]:
    """New pickups, awaiting, by order number. One statement for any number of them.

    Raises PickupExists: an order has one pickup.
    """
    opened: dict[str, Pickup] = {}
    missing = {draft.order_no: draft for draft in drafts}
    for _attempt in range(5):
        if not missing:
            return opened
        rows = _rows(list(missing.values()))
        made = pickups_insert(rows, actor=actor, now=now)
        for row in rows:
            if row.no in made:
                pk, digits = made[row.no]
                opened[row.order_no] = Pickup(
                    pk=pk,
                    no=row.no,
                    order_no=row.order_no,
                    store_id=row.store_id,
                    state=PickupState.AWAITING,
                    code_hash=row.code_hash,
                    digits=digits,
                    phone_tail=row.phone_tail,
                    created_at=now,
                )
                del missing[row.order_no]
        if missing and Pickup.objects.filter(order_no__in=missing).exists():
            raise PickupExists()
    if missing:
        raise RuntimeError("no free pickup digits: is a desk full of millions of parcels?")
    return opened


def _rows(drafts: Sequence[PickupDraft]) -> list[PickupRow]:
    """Numbers, tokens and candidates; what an earlier draft of the store may take is no longer a
    candidate of a later one."""
    rows = []
    taken: set[tuple[int, str]] = set()
    for draft in drafts:
        drawn = [random_digits(8) for _candidate in range(_CANDIDATES)]
        digits = tuple(d for d in drawn if (draft.store_id, d) not in taken)
        taken.update((draft.store_id, d) for d in digits)
        no = new_no("PK")
        code_hash = token_hash(token_of(no))
        rows.append(
            PickupRow(no, draft.order_no, draft.store_id, code_hash, draft.phone_tail, digits)
        )
    return rows
