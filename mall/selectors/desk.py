"""What a store's desk shows: its parcels, and one order of it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, F, OuterRef, Prefetch, Q

from config.kernel import clock
from config.kernel.models import Event, User
from mall.models import AfterSale, Fulfilment, Order, OrderLine
from mall.states import AfterSaleState, FulfilmentKind, FulfilmentState, LineKind, OrderState
from members.identity import name_masked, phone_masked
from stores.models import Pickup, Store
from stores.permissions import DECIDE, DESK
from stores.reach import work_reach
from stores.states import PickupState

PER_SECTION = 50


@dataclass(frozen=True)
class Parcel:
    """A pickup and what is in it."""

    pickup: Pickup
    lines: list[OrderLine]

    @property
    def pieces(self) -> int:
        return sum(line.quantity - line.refunded_quantity for line in self.lines)


@dataclass(frozen=True)
class Sending:
    """What is sent, to whom in few letters, and what is in it. ``held``: an after-sale is open."""

    parcel: Fulfilment
    lines: list[OrderLine]
    held: bool = False

    @property
    def to(self) -> str:
        address = self.parcel.order.address
        return f"{name_masked(address.recipient)} {address.region}".strip()


@dataclass(frozen=True)
class DeskQueue:
    """``waiting``: held while an after-sale is open, or not collected in time. ``collected`` and
    ``shipped``: today's, or with a search all that match."""

    to_send: list[Sending] = field(default_factory=list)
    shipped: list[Sending] = field(default_factory=list)

    awaiting: list[Parcel] = field(default_factory=list)
    ready: list[Parcel] = field(default_factory=list)
    waiting: list[Parcel] = field(default_factory=list)
    collected: list[Parcel] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        parcels = self.awaiting or self.ready or self.waiting or self.collected
        return not (parcels or self.to_send or self.shipped)


def desk_stores(*, user, now: datetime) -> list[Store]:
    """The stores whose desk ``user`` works at now, by name, as far as they hand over or send
    something; two statements."""
    where = work_reach(user, DESK, now=now).stores()
    sends = Exists(Fulfilment.objects.filter(store=OuterRef("pk"), kind=FulfilmentKind.DELIVERY))
    stores = Store.objects.filter(where, Q(pickup_enabled=True) | sends, archived_at__isnull=True)
    return list(stores.order_by("name", "pk"))


def desk_queue(*, user, store: Store, q: str, now: datetime) -> DeskQueue:
    """Parcels of ``store`` as far as ``user`` may see it, oldest first, the collected newest
    first. ``q`` is part of an order number or the last four of a phone. Constant statements."""
    pickups = Pickup.objects.for_staff(user, DESK).filter(store=store)
    q = q.strip()
    open_states = [
        PickupState.AWAITING,
        PickupState.READY,
        PickupState.HELD,
        PickupState.EXPIRED,
    ]
    if q:
        match = Q(order_no__icontains=q)
        if len(q) == 4 and q.isdecimal():
            match |= Q(phone_tail=q)
        pickups = pickups.filter(match)
        done = Q(state=PickupState.COLLECTED)
    else:
        done = Q(state=PickupState.COLLECTED, collected_at__gte=clock.day_start(now))
    waiting = list(pickups.filter(state__in=open_states).order_by("pk")[: 4 * PER_SECTION])
    collected = list(
        pickups.filter(done).select_related("collected_by").order_by("-collected_at")[:PER_SECTION]
    )
    sent = _sent(user, store, q, now)
    lines = _goods([x.order_no for x in (*waiting, *collected)] + [x.order.no for x in sent])
    parcels = [Parcel(x, lines.get(x.order_no, [])) for x in (*waiting, *collected)]
    sendings = [Sending(x, lines.get(x.order.no, []), x.held) for x in sent]

    def section(*states: PickupState) -> list[Parcel]:
        return [p for p in parcels if p.pickup.state in states][:PER_SECTION]

    return DeskQueue(
        awaiting=section(PickupState.AWAITING),
        ready=section(PickupState.READY),
        waiting=section(PickupState.HELD, PickupState.EXPIRED),
        collected=section(PickupState.COLLECTED),
        to_send=[x for x in sendings if x.parcel.shipped_at is None],
        shipped=[x for x in sendings if x.parcel.shipped_at is not None],
    )


def _sent(user, store: Store, q: str, now: datetime) -> list[Any]:
    """What is to be sent, the oldest first, and what was; one statement."""
    rows = Fulfilment.objects.filter(
        store=store,
        store__in=Store.objects.for_staff(user, DESK),
        kind=FulfilmentKind.DELIVERY,
    )
    if q:
        match = Q(order__no__icontains=q)
        if len(q) == 4 and q.isdecimal():
            match |= Q(order__address__phone__endswith=q)
        shown = match & ~Q(state=FulfilmentState.CANCELLED)
    else:
        shown = Q(state__in=[FulfilmentState.PENDING, FulfilmentState.PREPARING])
        shown |= Q(state=FulfilmentState.SHIPPED, shipped_at__gte=clock.day_start(now))
    asked = AfterSale.objects.filter(order=OuterRef("order"), state=AfterSaleState.REQUESTED)
    rows = rows.filter(shown).select_related("order__address").annotate(held=Exists(asked))
    return list(rows.order_by(F("shipped_at").asc(nulls_first=True), "pk")[: 2 * PER_SECTION])


def _goods(order_nos: Iterable[str]) -> dict[str, list[OrderLine]]:
    """Order number → its goods."""
    lines: dict[str, list[OrderLine]] = {}
    goods = OrderLine.objects.filter(order__no__in=order_nos, kind=LineKind.GOODS).select_related(
        "order", "sku"
    )
    for line in goods.order_by("order_id", "position"):
        lines.setdefault(line.order.no, []).append(line)
    return lines


@dataclass(frozen=True)
class DeskOrder:
    """An order at its store's desk. ``returnable``: goods with units left to take back;
    ``parcel``: what is sent of it; ``may_decide``: whether the reader decides here on what is
    asked for; ``received_by``: who of the staff took the goods of the open request back, if it was
    not the member who asked."""

    order: Order
    pickup: Pickup | None
    lines: list[OrderLine]
    returnable: list[tuple[OrderLine, int]]
    after_sales: list[AfterSale]
    may_decide: bool = False
    received_by: str = ""
    parcel: Fulfilment | None = None

    @property
    def needs_address(self) -> bool:
        """Whether where it goes has to be known in full: from its payment until it is there, or
        never will be."""
        return self.parcel is not None and self.parcel.state in (
            FulfilmentState.PENDING,
            FulfilmentState.PREPARING,
            FulfilmentState.SHIPPED,
        )

    @property
    def recipient_masked(self) -> str:
        """Whom it went to, in few letters, and the end of their phone."""
        address = self.order.address
        return f"{name_masked(address.recipient)} {phone_masked(address.phone)}"

    @property
    def may_ship(self) -> bool:
        """Whether it is to be sent, and nothing is in the way."""
        waits = self.parcel is not None and self.parcel.state in (
            FulfilmentState.PENDING,
            FulfilmentState.PREPARING,
        )
        return waits and self.requested is None

    @property
    def requested(self) -> AfterSale | None:
        """What the member asks for and nobody has decided."""
        return next((a for a in self.after_sales if a.state == AfterSaleState.REQUESTED), None)

    @property
    def may_return(self) -> bool:
        completed = self.order.state == OrderState.COMPLETED
        return completed and bool(self.returnable) and self.requested is None


def desk_order(*, user, store: Store, order_no: str) -> DeskOrder | None:
    """The order with this number, when it is of ``store`` and ``user`` may see that."""
    order = (
        Order.objects.for_staff(user, DESK)
        .filter(store=store, no__iexact=order_no.strip())
        .select_related("address")
        .prefetch_related(
            Prefetch(
                "lines",
                OrderLine.objects.filter(kind=LineKind.GOODS)
                .order_by("position")
                .select_related("sku"),
                to_attr="goods",
            ),
            Prefetch(
                "after_sales",
                AfterSale.objects.order_by("pk").prefetch_related("lines__line", "refunds__tender"),
            ),
        )
        .first()
    )
    if order is None:
        return None
    goods: Iterable[OrderLine] = order.goods
    left = [(line, line.quantity - line.refunded_quantity) for line in goods]
    after_sales = list(order.after_sales.all())
    return DeskOrder(
        order=order,
        pickup=Pickup.objects.select_related("collected_by").filter(order_no=order.no).first(),
        lines=list(goods),
        returnable=[(line, units) for line, units in left if units > 0],
        after_sales=after_sales,
        may_decide=Store.objects.for_staff(user, DECIDE).filter(pk=store.pk).exists(),
        received_by=_received_by(after_sales),
        parcel=order.fulfilments.filter(kind=FulfilmentKind.DELIVERY).first()
        if hasattr(order, "address")
        else None,
    )


def _received_by(after_sales: list[AfterSale]) -> str:
    open_ids = [a.pk for a in after_sales if a.state == AfterSaleState.REQUESTED]
    if not open_ids:
        return ""
    asked = Event.objects.filter(
        subject_type="after_sale",
        subject_id__in=open_ids,
        to_state=AfterSaleState.REQUESTED,
        actor_kind="user",
    )
    user_id = asked.values_list("actor_id", flat=True).first()
    return "" if user_id is None else str(User.objects.get(pk=int(user_id)))
