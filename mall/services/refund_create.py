"""Refunds come into being: what each tender gives back, to the fen.

Stored value and points go back into exactly the lots they came from, at once. WeChat's part is
approved here and sent by ``refund_send`` after commit.
"""

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import Conflict
from config.kernel.events import EventBase, record
from config.kernel.numbers import new_no
from mall.events import RefundChanged, RefundDone
from mall.models import (
    AfterSale,
    Order,
    OrderLine,
    Payment,
    Refund,
    RefundAllocation,
    Tender,
    TenderAllocation,
)
from mall.pricing import refund_amount, refund_split
from mall.services.order_points import order_points_return, points_due
from mall.states import POINT_KINDS, PaymentState, RefundCause, RefundState, TenderKind
from members.guards import card_refund


class RefundTooLarge(Conflict):
    code = "refund_too_large"
    message = _("More units than are left of the line.")


def refund_lines(
    *,
    order: Order,
    after_sale: AfterSale,
    quantities: Mapping[int, int],
    actor: Actor,
    now: datetime,
    worths: Mapping[int, int] | None = None,
) -> list[Refund]:
    """Give back ``quantities`` (line id → units) of a locked order; of lines in ``worths`` (line id
    → fen), which time has used up in part, that much instead of what was paid.

    Updates the counters of lines and allocations, writes one Refund per tender. Returns the
    refunds; raises RefundTooLarge when a line has not that many units left.
    """
    lines = {x.pk: x for x in OrderLine.objects.filter(order=order, pk__in=quantities)}
    allocations = list(
        TenderAllocation.objects.filter(line__in=lines).order_by("line_id", "tender__position")
    )
    by_line: dict[int, list[TenderAllocation]] = defaultdict(list)
    for allocation in allocations:
        by_line[allocation.line_id].append(allocation)

    per_tender: dict[int, dict[int, int]] = defaultdict(dict)
    for line_id in sorted(quantities):
        line, units = lines[line_id], quantities[line_id]
        if line.refunded_quantity + units > line.quantity:
            raise RefundTooLarge(line=line.position)
        amount = refund_amount(line.net_fen, line.quantity, line.refunded_quantity, units)
        amount = (worths or {}).get(line_id, amount)
        left = [a.amount_fen - a.refunded_fen for a in by_line[line_id]]
        for allocation, part in zip(by_line[line_id], refund_split(amount, left), strict=True):
            allocation.refunded_fen += part
            if part:
                per_tender[allocation.tender_id][line_id] = part
        line.refunded_quantity += units
        line.refunded_fen += amount
    OrderLine.objects.bulk_update(lines.values(), ["refunded_quantity", "refunded_fen"])
    TenderAllocation.objects.bulk_update(allocations, ["refunded_fen"])
    points = points_due(
        order=order,
        price_points=sum(lines[pk].points_price * units for pk, units in quantities.items()),
        fens={tender_id: sum(parts.values()) for tender_id, parts in per_tender.items()},
    )
    return _write(order, after_sale, per_tender, points, actor, now)


def _write(
    order: Order,
    after_sale: AfterSale,
    per_tender: Mapping[int, Mapping[int, int]],
    points: Mapping[int, int],
    actor: Actor,
    now: datetime,
) -> list[Refund]:
    given_back = {**per_tender, **{pk: per_tender.get(pk, {}) for pk in points}}
    tenders = Tender.objects.in_bulk(list(given_back))
    payment = payment_of(order)
    refunds = []
    for tender_id, parts in sorted(given_back.items()):
        by_wechat = tenders[tender_id].kind == TenderKind.WECHAT
        refunds.append(
            Refund(
                no=new_no("RF"),
                order=order,
                operator_id=order.operator_id,
                after_sale=after_sale,
                tender=tenders[tender_id],
                payment=payment if by_wechat else None,
                amount_fen=sum(parts.values()),
                points=points.get(tender_id, 0),
                state=RefundState.APPROVED if by_wechat else RefundState.DONE,
                done_at=None if by_wechat else now,
                next_attempt_at=now if by_wechat else None,
                reason=after_sale.reason[:80],
                created_at=now,
            )
        )
    Refund.objects.bulk_create(refunds)
    RefundAllocation.objects.bulk_create(
        RefundAllocation(refund=refund, line_id=line_id, amount_fen=amount)
        for refund in refunds
        for line_id, amount in given_back[refund.tender_id or 0].items()
    )
    events: list[EventBase] = [
        (RefundDone if refund.done_at else RefundChanged)(
            subject_id=refund.pk, order_id=order.pk, to_state=refund.state
        )
        for refund in refunds
    ]
    record(events, actor=actor, now=now)
    by_points = [r for r in refunds if tenders[r.tender_id or 0].kind in POINT_KINDS]
    if by_points:
        order_points_return(
            order=order,
            points=sum(r.points for r in by_points),
            amount_fen=sum(r.amount_fen for r in by_points),
            key=after_sale.no,
            actor=actor,
            now=now,
        )
    card_items = [
        (tenders[r.tender_id].account_id or 0, r.amount_fen)
        for r in refunds
        if r.tender_id and tenders[r.tender_id].account_id
    ]
    if card_items:
        card_refund(
            items=card_items,
            reference=order.no,
            key=after_sale.no,
            acceptor_code=order.operator.code,
            now=now,
        )
    return refunds


def payment_of(order: Order) -> Payment | None:
    """The payment that paid the order. One that came late was captured too, possibly with an
    earlier moment, but belongs to no tender and goes back as a whole."""
    late = Refund.objects.filter(order=order, cause=RefundCause.LATE)
    captured = order.payments.filter(state=PaymentState.CAPTURED)
    return captured.exclude(pk__in=late.values("payment")).order_by("captured_at").first()


def refund_late_payment(*, order: Order, payment: Payment, now: datetime) -> Refund:
    """The whole of a payment that came when its order had ended goes back by itself."""
    refund = Refund.objects.create(
        no=new_no("RF"),
        order=order,
        operator_id=order.operator_id,
        payment=payment,
        cause=RefundCause.LATE,
        amount_fen=payment.amount_fen,
        state=RefundState.APPROVED,
        next_attempt_at=now,
        created_at=now,
    )
    event = RefundChanged(subject_id=refund.pk, order_id=order.pk, to_state=RefundState.APPROVED)
    record([event], actor=SYSTEM, now=now)
    return refund
