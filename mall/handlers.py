"""What the mall does when its own events are relayed: pickup, points, messages.

Handlers take lists, may see events in any order and more than once, and post differences.
"""

from collections.abc import Sequence
from datetime import datetime

from config.kernel import read_cache
from config.kernel.approvals import approvals_close
from config.kernel.events import EventBase, echo, subscribe
from config.kernel.models import Event
from config.kernel.money import yuan
from config.kernel.reference import ReferenceChanged
from coupons.services.redemption_bear import Sold, redemptions_bear
from mall.earning import order_targets, ticket_targets
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
from mall.models import AfterSale, Order, Refund
from mall.payment_coupons import payment_coupons, payment_coupons_back
from mall.services.fulfilment_open import fulfilments_open
from mall.services.payback_refund import paybacks_refund
from mall.states import AfterSaleState, TenderKind
from members.events import CardPaidBack
from members.services.growth_settle import growth_settle
from members.services.message_queue import MessageDraft, messages_queue
from members.services.points_settle import points_settle


def parcels_open(events: Sequence[Event], now: datetime) -> None:
    fulfilments_open(order_ids={e.subject_id for e in events}, now=now)


def coupons_borne(events: Sequence[Event], now: datetime) -> None:
    """What coupons took off orders is booked as borne, as far as the goods did not come back."""
    orders = Order.objects.filter(
        pk__in={e.subject_id for e in events}, paid_at__isnull=False, discount_fen__gt=0
    )
    sales = orders.values_list("no", "operator_id", "operator__code")
    redemptions_bear([Sold(*sale) for sale in sales], now=now)


def points_follow(events: Sequence[Event], now: datetime) -> None:
    """Points and growth for what the order is worth now: goods only, net of what was given back.
    A purchase earns points in the tier that its member had before its growth counts."""
    targets = order_targets({e.subject_id for e in events})
    points_settle(targets, now=now)
    growth_settle(targets, now=now)


def till_points_follow(events: Sequence[Event], now: datetime) -> None:
    """Points and growth for what a till's ticket is worth now, whatever paid it."""
    targets = ticket_targets({e.subject_id for e in events})
    points_settle(targets, now=now)
    growth_settle(targets, now=now)


def paybacks_go(events: Sequence[Event], now: datetime) -> None:
    """A closed card's principal goes back the way it came."""
    paybacks_refund(payback_ids={e.payload["payback_id"] for e in events}, now=now)


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
    subscribe("mall.coupons_borne", [OrderPaid, OrderRefunded], coupons_borne)
    subscribe("mall.points", [OrderPaid, OrderRefunded, OrderCancelled], points_follow)
    subscribe(
        "mall.till_points", [PosTicketPaid, PosTicketRefunded, PosTicketVoided], till_points_follow
    )
    subscribe("mall.payment_coupons", [OrderPaid], payment_coupons)
    subscribe("mall.payment_coupons_back", [OrderRefunded, OrderCancelled], payment_coupons_back)
    subscribe("mall.messages", [OrderPaid, RefundDone], messages_tell)
    subscribe("mall.approvals", [AfterSaleChanged], approvals_follow)
    subscribe("mall.paybacks", [CardPaidBack], paybacks_go)
    subscribe("mall.answers", [CatalogueChanged], answers_end)
    echo(ReferenceChanged, catalogue_changed)
