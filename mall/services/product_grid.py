"""Prices, listings and counts of SKUs at stores, many cells at once.

Each cell says what was seen of it. One that somebody else (or a sale, for a count) has changed
meanwhile is left alone and told; the others are written, in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.approvals import ApprovalPending, approval_request
from config.kernel.errors import DomainError, Forbidden
from config.kernel.events import record
from config.kernel.locks import advisory
from config.kernel.numbers import new_no
from config.kernel.reference import ReferenceChanged
from mall.guards_offer import OfferChange, offers_set
from mall.guards_stock_count import Count, Level, stock_count, stock_levels
from mall.models import Sku, Stock, StoreOffer
from mall.services.price_change import OFFER_PRICE
from stores.approvals import Alone
from stores.models import Store

MAX_CELLS = 500
MAX_FEN = 2_147_483_647
MAX_PIECES = 1_000_000_000
PRICE, COUNT = "mall.change_storeoffer", "mall.change_stock"

Key = tuple[int, int]


class GridStoreForeign(Forbidden):
    code = "grid_store_foreign"
    message = _("You may not change this at that store.")


class GridInvalid(DomainError):
    code = "grid_invalid"
    message = _("A price is above zero, a count a whole number; at most {most} cells at once.")


@dataclass(frozen=True, slots=True)
class CellEdit:
    """What a SKU at a store was seen to be (``was_…``) and is to be. ``counted``: pieces found
    there, None when nobody counted."""

    store_id: int
    sku_id: int
    was_fen: int | None
    was_listed: bool
    was_on_hand: int
    price_fen: int | None
    listed: bool
    counted: int | None = None

    @property
    def key(self) -> Key:
        return self.store_id, self.sku_id

    @property
    def offer_differs(self) -> bool:
        return (self.price_fen, self.listed) != (self.was_fen, self.was_listed)


@dataclass
class GridWritten:
    """How many cells were written; ``waiting`` are prices that a second person has to agree to;
    ``refused`` are (store id, SKU id, why)."""

    offers: int = 0
    counts: int = 0
    waiting: int = 0
    refused: list[tuple[int, int, Any]] = field(default_factory=list)


@dataclass
class _Step:
    """A change of price that wants a second person; ``amount_fen`` is how far it goes."""

    edit: CellEdit
    operator_id: int
    standard_fen: int
    amount_fen: int
    offer_id: int = 0


# (model, primary key, what happened, what changed)
_Told = tuple[Any, int, str, dict[str, Any]]

CHANGED = _("Somebody else has changed it meanwhile.")
MOVED = _("Pieces have moved meanwhile: count again.")
PROMISED = _("More pieces than that are promised to orders.")


def product_grid(
    *, user: Any, edits: Sequence[CellEdit], reason: str, now: datetime
) -> GridWritten:
    """Write the cells that differ, at stores where ``user`` may. A price that takes too large a
    step for ``user`` alone is asked for instead of set.

    Raises GridInvalid, GridStoreForeign, Conflict (somebody counted the same SKU at the same
    store for the first time in this moment); on any of them nothing remains.
    """
    offers = [e for e in edits if e.offer_differs]
    counts = [e for e in edits if e.counted is not None]
    _check(edits, offers, counts)
    written, actor = GridWritten(), Actor.user(user)
    with transaction.atomic():
        _within(user, PRICE, offers)
        _within(user, COUNT, counts)
        product_of = _products(offers, counts)
        # As every change of a product's prices: one after the other.
        advisory("mall.product", {product_of[e.sku_id] for e in offers})
        skus = Sku.objects.filter(pk__in={e.sku_id for e in offers})
        large = _too_large(user, offers, dict(skus.values_list("pk", "price_fen")), now)
        told = _offers(offers, large, written)
        _ask(large, written, reason, actor, now)
        record(_said(told, reason), actor=actor, now=now)
        # Stock comes last: these rows are hot.
        record(_said(_counts(counts, written, now), reason), actor=actor, now=now)
    return written


def _check(
    edits: Sequence[CellEdit], offers: Sequence[CellEdit], counts: Sequence[CellEdit]
) -> None:
    prices = [e.price_fen for e in offers if e.price_fen is not None]
    pieces = [e.counted for e in counts if e.counted is not None]
    if (
        len(edits) > MAX_CELLS
        or len({e.key for e in edits}) < len(edits)
        or not all(0 < price <= MAX_FEN for price in prices)
        or not all(0 <= counted <= MAX_PIECES for counted in pieces)
    ):
        raise GridInvalid(most=MAX_CELLS)


def _products(offers: Sequence[CellEdit], counts: Sequence[CellEdit]) -> dict[int, int]:
    """SKU to product, of all that is edited. Raises GridInvalid for a SKU that is not there."""
    wanted = {e.sku_id for e in (*offers, *counts)}
    found = dict(Sku.objects.filter(pk__in=wanted).values_list("pk", "product_id"))
    if len(found) < len(wanted):
        raise GridInvalid(most=MAX_CELLS)
    return found


def _within(user: Any, permission: str, edits: Sequence[CellEdit]) -> None:
    store_ids = {e.store_id for e in edits}
    if not store_ids:
        return
    mine = Store.objects.for_staff(user, permission).filter(archived_at=None)
    if mine.filter(pk__in=store_ids).count() < len(store_ids):
        raise GridStoreForeign()


def _too_large(
    user: Any, edits: Sequence[CellEdit], standard: dict[int, int], now: datetime
) -> dict[Key, _Step]:
    """The changes of price that ``user`` does not decide on alone."""
    priced = [e for e in edits if e.price_fen != e.was_fen]
    stores = Store.objects.filter(pk__in={e.store_id for e in priced})
    operators = dict(stores.values_list("pk", "operator_id"))
    found: dict[Key, _Step] = {}
    alone = Alone.at(user, now)
    for e in priced:
        own_fen = standard[e.sku_id]
        before_fen = own_fen if e.was_fen is None else e.was_fen
        after_fen = own_fen if e.price_fen is None else e.price_fen
        step = _Step(e, operators[e.store_id], own_fen, abs(after_fen - before_fen))
        if alone.needs_another(
            kind=OFFER_PRICE,
            amount_fen=step.amount_fen,
            base_fen=before_fen,
            operator_id=step.operator_id,
            store_id=e.store_id,
        ):
            found[e.key] = step
    return found


def _offers(
    edits: Sequence[CellEdit], large: dict[Key, _Step], written: GridWritten
) -> list[_Told]:
    # A price that is only asked for stays as it was; the row that it is asked for has to exist.
    prices = {e.key: e.was_fen if e.key in large else e.price_fen for e in edits}
    ids = offers_set(
        [OfferChange(*e.key, e.was_fen, e.was_listed, prices[e.key], e.listed) for e in edits]
    )
    told: list[_Told] = []
    for e in edits:
        pk = ids.get(e.key)
        if pk is None:
            written.refused.append((*e.key, CHANGED))
            large.pop(e.key, None)
            continue
        if e.key in large:
            large[e.key].offer_id = pk
        changes: dict[str, Any] = {}
        if prices[e.key] != e.was_fen:
            changes["price_fen"] = [e.was_fen, e.price_fen]
        if e.listed != e.was_listed:
            changes["listed"] = [e.was_listed, e.listed]
        if changes:
            what = "priced" if "price_fen" in changes else "changed"
            told.append((StoreOffer, pk, what, changes))
    written.offers = len(told)
    return told


def _ask(
    large: dict[Key, _Step], written: GridWritten, reason: str, actor: Actor, now: datetime
) -> None:
    for key, step in large.items():
        try:
            approval_request(
                kind=OFFER_PRICE,
                subject_type=StoreOffer._meta.label_lower,
                subject_id=step.offer_id,
                params={
                    "price_fen": step.edit.price_fen,
                    "from_fen": step.edit.was_fen,
                    "standard_fen": step.standard_fen,
                },
                amount_fen=step.amount_fen,
                operator_id=step.operator_id,
                store_id=step.edit.store_id,
                reason=reason,
                actor=actor,
                now=now,
            )
            written.waiting += 1
        except ApprovalPending as error:
            written.refused.append((*key, str(error)))


def _counts(edits: Sequence[CellEdit], written: GridWritten, now: datetime) -> list[_Told]:
    counts = {e.key: Count(*e.key, e.counted or 0, now) for e in edits}
    levels = stock_levels(list(counts.values()))
    changes: list[tuple[Level, int, datetime]] = []
    first: dict[Key, Count] = {}
    told: list[_Told] = []
    for e in edits:
        level, count = levels.get(e.key), counts[e.key]
        if (level.on_hand if level else 0) != e.was_on_hand:
            written.refused.append((*e.key, MOVED))
        elif count.on_hand == e.was_on_hand:
            continue  # as it should be
        elif level is None:
            first[e.key] = count
        elif count.on_hand < level.reserved:
            written.refused.append((*e.key, PROMISED))
        else:
            changes.append((level, count.on_hand - level.on_hand, now))
            pieces = {"on_hand": [level.on_hand, count.on_hand]}
            told.append((Stock, level.stock_id, "counted", pieces))
    stock_count(changes, list(first.values()), reference=new_no("CT"))
    opened = Stock.objects.filter(
        store_id__in={key[0] for key in first}, sku_id__in={key[1] for key in first}
    )
    for stock in opened if first else ():
        if (stock.store_id, stock.sku_id) in first:
            told.append((Stock, stock.pk, "counted", {"on_hand": [None, stock.on_hand]}))
    written.counts = len(told)
    return told


def _said(told: Sequence[_Told], reason: str) -> list[ReferenceChanged]:
    return [
        ReferenceChanged(
            subject_type=model._meta.label_lower,
            subject_id=pk,
            reason=reason,
            change=change,
            changes=changes,
        )
        for model, pk, change, changes in told
    ]
