"""What the mall does when its own events are relayed: pickup, points, messages.

Handlers take lists, may see events in any order and more than once, and post differences.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from config.kernel import read_cache
from config.kernel.approvals import approvals_close
from config.kernel.events import EventBase, echo, subscribe
from config.kernel.models import Event
from config.kernel.money import yuan
from config.kernel.reference import ReferenceChanged
from mall.events import (
    AfterSaleChanged,
    CatalogueChanged,
    OrderCancelled,
    OrderPaid,
    OrderRefunded,
    PosTicketPaid,
    PosTicketRefunded,
    PosTicketVoided,
    RefundDone,
)
from mall.listing import ANSWERS
from mall.models import AfterSale, Order, OrderLine, PosTicket, Refund
from mall.services.fulfilment_open import fulfilments_open
from mall.states import AfterSaleState, LineKind, TenderKind
from members.services.message_queue import MessageDraft, messages_queue
from members.services.points_settle import PointsTarget, points_settle


def parcels_open(events: Sequence[Event], now: datetime) -> None:
    fulfilments_open(order_ids={e.subject_id for e in events}, now=now)


def points_follow(events: Sequence[Event], now: datetime) -> None:
    """Points for what the order is worth now: goods only, net of what was given back."""
    ids = {e.subject_id for e in events}
    worth: dict[int, int] = defaultdict(int)
    rows = OrderLine.objects.filter(order_id__in=ids, kind=LineKind.GOODS)
    for order_id, net, refunded in rows.values_list("order_id", "net_fen", "refunded_fen"):
        worth[order_id] += net - refunded
    orders = Order.objects.filter(pk__in=worth, paid_at__isnull=False).order_by("pk")
    points_settle(
        [
            PointsTarget(
                member_id=member_id,
                member_no=member_no,
                reference=no,
                base_fen=worth[pk],
                moment=paid_at,
            )
            for pk, no, member_id, member_no, paid_at in orders.values_list(
                "pk", "no", "member_id", "member__no", "paid_at"
            )
            if paid_at is not None
        ],
        now=now,
    )


def till_points_follow(events: Sequence[Event], now: datetime) -> None:
    """Points for what a till's ticket is worth now, whatever paid it."""
    tickets = PosTicket.objects.filter(
        pk__in={e.subject_id for e in events}, paid_at__isnull=False
    ).select_related("member")
    points_settle(
        [
            PointsTarget(
                member_id=ticket.member.pk,
                member_no=ticket.member.no,
                reference=ticket.no,
                base_fen=ticket.total_fen - ticket.refunded_fen - ticket.other_refunded_fen,
                moment=ticket.paid_at,
            )
            for ticket in tickets.order_by("pk")
            if ticket.member is not None and ticket.paid_at is not None
        ],
        now=now,
    )


def approvals_follow(events: Sequence[Event], now: datetime) -> None:
    """What was asked of a second person is moot once the after-sale is decided without them."""
    decided = (AfterSaleState.APPROVED, AfterSaleState.REFUSED)
    approvals_close(
        subject_type=AfterSale._meta.label_lower,
        subject_ids={e.subject_id for e in events if e.to_state in decided},
        reason="decided otherwise",
        now=now,
    )


def messages_tell(events: Sequence[Event], now: datetime) -> None:
    """Tell the member that the order is paid, and that a refund has arrived."""
    paid = {e.subject_id for e in events if e.kind == OrderPaid.kind}
    done = {e.subject_id for e in events if e.kind == RefundDone.kind}
    drafts = [
        MessageDraft(
            member_id=member_id,
            template="order_paid",
            key=f"order_paid:{no}",
            reference=no,
            data={"character_string1": no, "amount2": _amount(total), "thing3": store},
        )
        for no, member_id, total, store in Order.objects.filter(pk__in=paid).values_list(
            "no", "member_id", "total_fen", "store__name"
        )
    ]
    refunds = Refund.objects.filter(pk__in=done, payment__isnull=False)
    drafts += [
        MessageDraft(
            member_id=member_id,
            template="refund_done",
            key=f"refund_done:{no}",
            reference=order_no,
            data={
                "character_string1": order_no,
                "amount2": _amount(amount),
                "thing3": str(TenderKind.WECHAT.label),
            },
        )
        for no, order_no, member_id, amount in refunds.values_list(
            "no", "order__no", "order__member_id", "amount_fen"
        )
    ]
    messages_queue(drafts, now=now)


def _amount(fen: int) -> str:
    """As WeChat takes an amount: a sign of currency and digits, no thousands separator."""
    return yuan(fen).replace(",", "")


# Reference data that shoppers are shown, or that decides what they are shown.
_SHOWN = {
    *("mall.brand", "mall.category", "mall.product", "mall.sku", "mall.storeoffer"),
    *("mall.review", "stores.store"),
}


def catalogue_changed(event: EventBase) -> CatalogueChanged | None:
    """What a change of reference data means for what shoppers are shown."""
    if event.subject_type not in _SHOWN:
        return None
    return CatalogueChanged(subject_id=event.subject_id, cause=event.subject_type)


def answers_end(events: Sequence[Event], now: datetime) -> None:
    """Kept answers about the catalogue end. Valkey is asked within the relay's transaction, for a
    second at most: after the commit a crash in between would let old answers stand."""
    read_cache.bump(ANSWERS)


def subscribe_all() -> None:
    """Called once by ``apps.ready()``; the names are remembered per event, never rename one."""
    subscribe("mall.fulfilment", [OrderPaid], parcels_open)
    subscribe("mall.points", [OrderPaid, OrderRefunded, OrderCancelled], points_follow)
    subscribe(
        "mall.till_points", [PosTicketPaid, PosTicketRefunded, PosTicketVoided], till_points_follow
    )
    subscribe("mall.messages", [OrderPaid, RefundDone], messages_tell)
    subscribe("mall.approvals", [AfterSaleChanged], approvals_follow)
    subscribe("mall.answers", [CatalogueChanged], answers_end)
    echo(ReferenceChanged, catalogue_changed)
