"""After-sale: a member asks for units back, staff decide, everything comes back in proportion.

Approving gives back, in one transaction: stored value into the lots it came from, stock, the
coupon (by its policy, when the whole order is refunded); WeChat's part is sent after commit.
Points and commission follow by the event, as the difference to what the order is now worth.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, DomainError, NotFound
from config.kernel.events import record
from config.kernel.numbers import new_no
from config.kernel.tasks import nudge
from coupons.guards import coupon_return
from mall.events import AfterSaleChanged, OrderRefunded
from mall.guards import stock_return
from mall.locks import aftersale_lock, order_lock
from mall.models import AfterSale, AfterSaleLine, Fulfilment, Order, OrderLine
from mall.services.order_coupons import order_coupons_reduce
from mall.services.order_membership import membership_back, membership_worth
from mall.services.order_state import (
    aftersale_transition,
    fulfilment_transition,
    order_transition,
)
from mall.services.refund_create import RefundTooLarge, refund_lines
from mall.services.refund_send import aftersale_settle
from mall.states import (
    AfterSaleKind,
    AfterSaleState,
    FulfilmentState,
    LineKind,
    OrderState,
)
from stores.selectors import pickup_of
from stores.services.pickup_prepare import pickup_cancel, pickup_hold, pickup_resume


class AfterSaleUnknown(NotFound):
    code = "after_sale_unknown"


class AfterSaleNotPossible(Conflict):
    code = "after_sale_not_possible"
    message = _("Units can be given back from payment until the after-sale window ends.")


class AfterSaleOpen(Conflict):
    code = "after_sale_open"
    message = _("There is an open request for this order already.")


class AfterSaleEmpty(DomainError):
    code = "after_sale_empty"
    message = _("Name at least one line and how many units of it.")


class LineUnknown(NotFound):
    code = "line_unknown"


class CardNotReturnable(Conflict):
    code = "card_not_returnable"
    message = _("A stored-value card is refunded at the service desk, not as goods.")


class MembershipByStaff(Conflict):
    """The plan says so."""

    code = "membership_by_staff"
    message = _("The service desk gives this membership back.")


class FreightByStaff(Conflict):
    """It comes back by itself with all of an order that was not shipped."""

    code = "freight_by_staff"
    message = _("Whether freight is given back is decided by the service desk.")


# What after-sale gives back; stored value is paid back by its own services.
RETURNABLE = (LineKind.GOODS, LineKind.MEMBERSHIP, LineKind.FREIGHT)


def may_come_back(order: Order) -> bool:
    """Whether something of the order may be given back now: goods until the after-sale window
    ends, a membership also after it."""
    if order.state == OrderState.CLOSED:
        return order.lines.filter(kind=LineKind.MEMBERSHIP).exists()
    return order.state in (OrderState.PAID, OrderState.COMPLETED)


def aftersale_request(
    *,
    order_no: str,
    lines: Sequence[tuple[int, int]],
    reason: str,
    actor: Actor,
    now: datetime,
    kind: str = AfterSaleKind.RETURN,
    restock: bool = True,
    member_id: int | None = None,
) -> AfterSale:
    """Ask for ``lines`` (position, units) back. A pickup that is waiting is held meanwhile, and so
    is what has to be sent.

    Freight comes with the rest of the goods while nothing was shipped; afterwards only staff may
    name it. A membership is given back for its days that are left now, as long as it lasts. Raises
    OrderUnknown, AfterSaleNotPossible, AfterSaleOpen, AfterSaleEmpty, LineUnknown, RefundTooLarge,
    CardNotReturnable, FreightByStaff, MembershipByStaff (a member whose plan does not let them ask)
    and what ``membership_worth`` raises.
    """
    scope: dict[str, Any] = {} if member_id is None else {"member_id": member_id}
    with transaction.atomic():
        order = order_lock(no=order_no, **scope)
        if not may_come_back(order):
            raise AfterSaleNotPossible()
        if order.after_sales.filter(state=AfterSaleState.REQUESTED).exists():
            raise AfterSaleOpen()
        wanted = _wanted(order, lines, by_member=member_id is not None)
        for line, _units in wanted:
            if line.kind == LineKind.MEMBERSHIP:
                _membership_check(order, line, by_member=member_id is not None, now=now)
        after_sale = AfterSale.objects.create(
            no=new_no("AS"),
            order=order,
            kind=kind,
            state=AfterSaleState.REQUESTED,
            reason=reason[:200],
            created_at=now,
        )
        AfterSaleLine.objects.bulk_create(
            AfterSaleLine(after_sale=after_sale, line=line, quantity=units, restock=restock)
            for line, units in wanted
        )
        event = AfterSaleChanged(
            subject_id=after_sale.pk,
            order_id=order.pk,
            to_state=AfterSaleState.REQUESTED,
            reason=reason,
        )
        record([event], actor=actor, now=now)
        pickup = pickup_of(order_no=order.no)
        if pickup is not None and pickup.state in ("awaiting", "ready"):
            pickup_hold(pickup_id=pickup.pk, actor=actor, now=now)
        nudge()
    return after_sale


def aftersale_approve(*, after_sale_no: str, reason: str, actor: Actor, now: datetime) -> AfterSale:
    """Give the money, the goods and what hangs on them back.

    Raises AfterSaleUnknown, IllegalTransition (decided already), RefundTooLarge, and for a
    membership what ``membership_worth`` raises.
    """
    with transaction.atomic():
        after_sale = _locked(after_sale_no)
        order = after_sale.order
        aftersale_transition(
            after_sale=after_sale,
            to_state=AfterSaleState.APPROVED,
            actor=actor,
            now=now,
            reason=reason,
            decision=reason[:200],
            decided_at=now,
        )
        rows = list(after_sale.lines.select_related("line"))
        quantities = {row.line_id: row.quantity for row in rows}
        whole = _takes_the_rest(order, quantities)
        # Before the refunds: coupons are locked before accounts (config.kernel.locks).
        order_coupons_reduce(order=order, quantities=quantities)
        if whole:
            # One for a parcel that was sent and stays paid for stays used.
            coupon_return(reference=order.no, emptied=True, now=now)
        refund_lines(
            order=order,
            after_sale=after_sale,
            quantities=quantities,
            worths=_memberships_end(after_sale, rows, reason, actor, now),
            actor=actor,
            now=now,
        )
        event = OrderRefunded(
            subject_id=order.pk,
            member_id=order.member_id,
            after_sale_id=after_sale.pk,
            reason=reason,
        )
        record([event], actor=actor, now=now)
        if whole:
            _end_refunded(order, actor, now)
        else:
            _resume_pickup(order, actor, now)
        aftersale_settle(after_sale_id=after_sale.pk, actor=actor, now=now)
        stock_return(
            [(row.line_id, row.quantity) for row in rows if row.restock],
            reference=after_sale.no,
            now=now,
        )
        nudge()
    after_sale.refresh_from_db()
    return after_sale


def aftersale_refuse(*, after_sale_no: str, reason: str, actor: Actor, now: datetime) -> AfterSale:
    """Refuse with a reason; a held pickup goes on. Raises AfterSaleUnknown, IllegalTransition."""
    with transaction.atomic():
        after_sale = _locked(after_sale_no)
        aftersale_transition(
            after_sale=after_sale,
            to_state=AfterSaleState.REFUSED,
            actor=actor,
            now=now,
            reason=reason,
            decision=reason[:200],
            decided_at=now,
        )
        _resume_pickup(after_sale.order, actor, now)
        nudge()
    return after_sale


def _locked(after_sale_no: str) -> AfterSale:
    """The request and its order, the order locked first."""
    found = AfterSale.objects.filter(no=after_sale_no).values("pk", "order_id").first()
    if found is None:
        raise AfterSaleUnknown()
    order = order_lock(order_id=found["order_id"])
    after_sale = aftersale_lock(after_sale_id=found["pk"])
    after_sale.order = order
    return after_sale


def _wanted(
    order: Order, lines: Sequence[tuple[int, int]], *, by_member: bool
) -> list[tuple[OrderLine, int]]:
    merged: dict[int, int] = {}
    for position, units in lines:
        merged[position] = merged.get(position, 0) + units
    if not merged or any(units <= 0 for units in merged.values()):
        raise AfterSaleEmpty()
    by_position: Mapping[int, OrderLine] = {x.position: x for x in order.lines.all()}
    wanted = []
    for position, units in sorted(merged.items()):
        line = by_position.get(position)
        if line is None:
            raise LineUnknown(line=position)
        if line.kind not in RETURNABLE:
            raise CardNotReturnable()
        if line.refunded_quantity + units > line.quantity:
            raise RefundTooLarge(line=position)
        wanted.append((line, units))
    freight = next((x for x in by_position.values() if x.kind == LineKind.FREIGHT), None)
    if freight is not None:
        goods = [x for x in by_position.values() if x.kind == LineKind.GOODS]
        whole = all(x.refunded_quantity + merged.get(x.position, 0) == x.quantity for x in goods)
        named = freight.position in merged
        if whole and not _shipped(order):
            return wanted if named or freight.refunded_quantity else [*wanted, (freight, 1)]
        if named and by_member:
            raise FreightByStaff()
    return wanted


def _shipped(order: Order) -> bool:
    """Whether the goods are on their way, or were. The order is locked."""
    return order.fulfilments.filter(shipped_at__isnull=False).exists()


def _membership_check(order: Order, line: OrderLine, *, by_member: bool, now: datetime) -> None:
    plan = line.membership_plan
    assert plan is not None  # constraint mall_orderline_membership
    if by_member and not plan.refund_on_request:
        raise MembershipByStaff()
    membership_worth(order=order, line=line, moment=now)


def _memberships_end(
    after_sale: AfterSale,
    rows: Sequence[AfterSaleLine],
    reason: str,
    actor: Actor,
    now: datetime,
) -> dict[int, int]:
    """End the memberships that come back; line id → the fen they are worth, by the days that were
    left when it was asked for."""
    return {
        row.line_id: membership_back(
            order=after_sale.order,
            line=row.line,
            reason=reason,
            asked_at=after_sale.created_at,
            actor=actor,
            now=now,
        )
        for row in rows
        if row.line.kind == LineKind.MEMBERSHIP
    }


def _takes_the_rest(order: Order, quantities: Mapping[int, int]) -> bool:
    """Whether no goods are left of the order once ``quantities`` (line id → units) are back."""
    goods = order.lines.filter(kind=LineKind.GOODS)
    return not any(
        quantity > refunded + quantities.get(pk, 0)
        for pk, quantity, refunded in goods.values_list("pk", "quantity", "refunded_quantity")
    )


def _end_refunded(order: Order, actor: Actor, now: datetime) -> None:
    """No goods are left of the order: what was not handed over yet never will be. With a top-up in
    it, or a parcel that was sent and stays paid for, that is what the order was for and did."""
    if order.state != OrderState.PAID:
        return
    pickup = pickup_of(order_no=order.no)
    if pickup is not None:
        pickup_cancel(pickup_id=pickup.pk, actor=actor, now=now)
    for fulfilment in Fulfilment.objects.filter(order=order).exclude(
        state__in=[FulfilmentState.COLLECTED, FulfilmentState.CANCELLED]
    ):
        shipped = fulfilment.state == FulfilmentState.SHIPPED
        fulfilment_transition(
            fulfilment=fulfilment,
            to_state=FulfilmentState.RETURNED if shipped else FulfilmentState.CANCELLED,
            actor=actor,
            now=now,
        )
    done = order.lines.filter(
        Q(kind=LineKind.TOPUP) | Q(kind=LineKind.FREIGHT, refunded_quantity=0)
    ).exists()
    order_transition(
        order=order,
        to_state=OrderState.COMPLETED if done else OrderState.CANCELLED,
        actor=actor,
        now=now,
        reason="refunded",
    )


def _resume_pickup(order: Order, actor: Actor, now: datetime) -> None:
    pickup = pickup_of(order_no=order.no)
    if pickup is not None and pickup.state == "held":
        pickup_resume(pickup_id=pickup.pk, actor=actor, now=now)
