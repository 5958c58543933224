"""Refunds above what one may grant alone: the same decision, asked of a second person."""

from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.actors import Actor
from config.kernel.approvals import ApprovalKind, approval_request
from config.kernel.errors import Conflict
from config.kernel.models import Approval
from config.kernel.money import yuan
from config.kernel.states import ApprovalState
from mall.models import AfterSale, Order, Refund
from mall.pricing import refund_amount
from mall.services.aftersale import AfterSaleUnknown, aftersale_approve
from mall.services.order_membership import membership_worth
from mall.services.refund_create import RefundTooLarge
from mall.states import AfterSaleState, LineKind
from stores.approvals import approval_needed
from stores.states import Role

REFUND = "mall.refund"


def aftersale_amount(*, after_sale: AfterSale) -> int:
    """Fen that approving it now would give back; of a membership, what it was worth when it was
    asked for. Raises RefundTooLarge and what ``membership_worth`` raises."""
    total_fen = 0
    for row in after_sale.lines.select_related("line"):
        line = row.line
        if line.refunded_quantity + row.quantity > line.quantity:
            raise RefundTooLarge(line=line.position)
        if line.kind == LineKind.MEMBERSHIP:
            total_fen += membership_worth(
                order=after_sale.order, line=line, moment=after_sale.created_at
            )
            continue
        total_fen += refund_amount(
            line.net_fen, line.quantity, line.refunded_quantity, row.quantity
        )
    return total_fen


def granted_alone(*, order: Order) -> int:
    """Fen of ``order`` that went back by after-sales on which no second person decided."""
    by_two = Approval.objects.filter(
        kind=REFUND,
        state=ApprovalState.APPROVED,
        subject_type=AfterSale._meta.label_lower,
        subject_id=OuterRef("after_sale_id"),
    )
    alone = Refund.objects.filter(~Exists(by_two), after_sale__order=order)
    return alone.aggregate(fen=Sum("amount_fen"))["fen"] or 0


def aftersale_approval(
    *, after_sale_no: str, reason: str, user: Any, now: datetime
) -> Approval | None:
    """Approve an after-sale, or ask for it where ``user`` may not grant that much alone.

    The limit holds for the order: what came back piece by piece without a second person counts.
    Returns the request that now waits, None when it is done. Raises ApprovalPending and what
    ``aftersale_approve`` raises. The amount is read without a lock: while the after-sale is open,
    no other one of its order is. A lock would come before the request's own row here and after it
    in the decision (config.kernel.locks).
    """
    actor = Actor.user(user)
    after_sale = AfterSale.objects.filter(no=after_sale_no).select_related("order").first()
    if after_sale is None:
        raise AfterSaleUnknown()
    if after_sale.state == AfterSaleState.REQUESTED:
        order = after_sale.order
        amount_fen = aftersale_amount(after_sale=after_sale)
        if approval_needed(
            user=user,
            kind=REFUND,
            amount_fen=amount_fen + granted_alone(order=order),
            operator_id=order.operator_id,
            store_id=order.store_id,
            now=now,
        ):
            return approval_request(
                kind=REFUND,
                subject_type=AfterSale._meta.label_lower,
                subject_id=after_sale.pk,
                amount_fen=amount_fen,
                reason=reason,
                operator_id=order.operator_id,
                store_id=order.store_id,
                actor=actor,
                now=now,
            )
    aftersale_approve(after_sale_no=after_sale_no, reason=reason, actor=actor, now=now)
    return None


def _run(approval: Approval, *, actor: Actor, now: datetime) -> None:
    after_sale = AfterSale.objects.get(pk=approval.subject_id)
    waits = after_sale.state == AfterSaleState.REQUESTED
    if waits and aftersale_amount(after_sale=after_sale) != approval.amount_fen:
        raise Conflict()
    aftersale_approve(after_sale_no=after_sale.no, reason=approval.reason, actor=actor, now=now)


def _describe(approval: Approval) -> str:
    after_sale = AfterSale.objects.select_related("order").get(pk=approval.subject_id)
    units = ", ".join(
        f"{row.quantity} × {row.line.title}"
        for row in after_sale.lines.select_related("line").order_by("line__position")
    )
    return _("{amount} of order {order} goes back to the member for {units}.").format(
        amount=yuan(approval.amount_fen), order=after_sale.order.no, units=units
    )


REFUND_KIND = ApprovalKind(
    code=REFUND,
    label=gettext_lazy("refund above the limit"),
    permission="mall.change_aftersale",
    run=_run,
    describe=_describe,
    limits={
        "alone": {
            Role.MANAGER: 50_000,
            Role.SERVICE: 20_000,
            Role.FINANCE: 500_000,
            Role.HEADQUARTERS: None,
        },
        "check": {Role.MANAGER: 200_000, Role.FINANCE: None, Role.HEADQUARTERS: None},
    },
)
