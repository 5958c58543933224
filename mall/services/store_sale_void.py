"""Undo a sale of stored value on its day, while nothing was spent of it."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from config.kernel.events import record
from config.kernel.numbers import new_no
from config.kernel.tasks import nudge
from mall.events import OrderRefunded, RefundDone, StoreSaleVoided
from mall.locks import order_lock, ticket_claim
from mall.models import (
    Order,
    OrderLine,
    Refund,
    RefundAllocation,
    StoreSale,
    Tender,
    TenderAllocation,
)
from mall.services.order_end import end_unpaid
from mall.services.order_value import value_key
from mall.services.pos_till import PosTicketInFlight, Till
from mall.services.store_sale import StoreSaleUnknown, sale_find
from mall.states import OrderState, RefundCause, RefundState, SaleWay
from members.services.card_void import card_purchase_void


class SaleVoidTooLate(Conflict):
    code = "sale_void_too_late"
    message = _("A sale is undone on its day. Close the card instead.")


class SaleNotVoidable(Conflict):
    """The gateway has the money: it goes back when the card is closed."""

    code = "sale_not_voidable"
    message = _("This was paid by WeChat. Close the card: the money goes back the way it came.")


def store_sale_void(
    *,
    till: Till,
    number: str,
    reason: str,
    actor: Actor,
    now: datetime,
    close_number: bool = False,
) -> StoreSale:
    """Value, bonus and offer go back, the money out of the drawer: a refund that is done, by the
    number of the sale. A code that still waits to be paid is called off. ``close_number``: of a
    number that was never sold, make sure that it never will be.

    A repetition is answered with the sale as it is. Raises PosTicketInFlight, StoreSaleUnknown,
    SaleVoidTooLate, SaleNotVoidable, CardNotUsable, CardHasHolds, CardPurchaseUsed.
    """
    with transaction.atomic():
        if not ticket_claim(f"sale:{till.counter}", number):
            raise PosTicketInFlight()
        try:
            found = sale_find(till=till, number=number)
        except StoreSaleUnknown:
            if not close_number:
                raise
            return _close_number(till, number, reason, actor, now)
        if found.order_id is None:
            return found
        order = order_lock(order_id=found.order_id, related=["operator", "store"])
        # Read again, now that nobody else is at it.
        sale = StoreSale.objects.select_related("order__member").get(pk=found.pk)
        if sale.voided_at is not None:
            return sale
        if order.state == OrderState.PLACED:
            end_unpaid(order=order, reason=reason, actor=actor, now=now)
        elif order.paid_at is not None:
            _check(sale, order, now)
            _give_back(sale, order, reason, actor, now)
        StoreSale.objects.filter(pk=sale.pk).update(voided_at=now)
        sale.voided_at, sale.order = now, order
        voided = StoreSaleVoided(
            subject_id=sale.pk, order_id=order.pk, member_id=order.member_id, reason=reason
        )
        record([voided], actor=actor, now=now)
        nudge()
    return sale


def _check(sale: StoreSale, order: Order, now: datetime) -> None:
    assert order.paid_at is not None  # asked by the caller
    if sale.way == SaleWay.WECHAT:
        raise SaleNotVoidable()
    if clock.local_date(order.paid_at) != clock.local_date(now):
        raise SaleVoidTooLate()


def _give_back(sale: StoreSale, order: Order, reason: str, actor: Actor, now: datetime) -> None:
    line = OrderLine.objects.get(order=order)
    tender = Tender.objects.get(order=order)
    refund = Refund.objects.create(
        no=new_no("RF"),
        order=order,
        operator_id=order.operator_id,
        tender=tender,
        cause=RefundCause.VOID,
        amount_fen=tender.amount_fen,
        state=RefundState.DONE,
        done_at=now,
        reason=reason[:80],
        # What the slip of the drawer says; there is no gateway.
        gateway_id=sale.no,
        created_at=now,
    )
    RefundAllocation.objects.create(refund=refund, line=line, amount_fen=tender.amount_fen)
    OrderLine.objects.filter(pk=line.pk).update(
        refunded_quantity=line.quantity, refunded_fen=line.net_fen
    )
    TenderAllocation.objects.filter(tender=tender).update(refunded_fen=line.net_fen)
    done = RefundDone(subject_id=refund.pk, order_id=order.pk, to_state=RefundState.DONE)
    # Whoever earned by the sale gives it back.
    back = OrderRefunded(
        subject_id=order.pk, member_id=order.member_id, after_sale_id=None, reason=reason
    )
    record([done, back], actor=actor, now=now)
    card_purchase_void(
        key=value_key(order.no, line.position),
        member_id=order.member_id,
        reason=reason,
        actor=actor,
        now=now,
    )


def _close_number(
    till: Till, ticket_no: str, reason: str, actor: Actor, now: datetime
) -> StoreSale:
    sale = StoreSale.objects.create(
        no=new_no("DS"),
        terminal_id=till.terminal_id,
        ticket_no=ticket_no,
        store_id=till.store_id,
        operator_id=till.operator_id,
        sold_by=f"{actor.kind}:{actor.id}"[:64],
        created_at=now,
        voided_at=now,
    )
    closed = StoreSaleVoided(subject_id=sale.pk, order_id=None, member_id=None, reason=reason)
    record([closed], actor=actor, now=now)
    return sale
