"""Orders as their member sees them."""

from typing import Any

from django.db.models import Prefetch

from mall.locks import OrderUnknown
from mall.models import AfterSale, DeliveryAddress, Fulfilment, Order, OrderLine, Refund
from mall.states import FulfilmentKind, FulfilmentState, OrderState, PaymentState
from stores.selectors import pickup_of
from stores.services.pickup_token import pickup_token

_OPEN = (OrderState.PLACED, OrderState.PAID)


def order_list(*, member_id: int):
    """The member's orders as plain values, newest first; the caller paginates."""
    return (
        Order.objects.for_member(member_id)
        .order_by("-id")
        .values("id", "no", "state", "total_fen", "placed_at", "paid_at", "store__name")
    )


def order_detail(*, no: str, member_id: int) -> dict[str, Any]:
    """One order of the member with lines, tenders, pickup and refunds. Raises OrderUnknown."""
    order = (
        Order.objects.for_member(member_id)
        .filter(no=no)
        .select_related("store", "operator", "address")
        .prefetch_related(
            Prefetch("lines", OrderLine.objects.order_by("position").select_related("sku")),
            "lines__adjustments",
            "tenders",
            Prefetch("refunds", Refund.objects.order_by("pk")),
            Prefetch(
                "after_sales", AfterSale.objects.order_by("pk").prefetch_related("lines__line")
            ),
            "payments",
        )
        .first()
    )
    if order is None:
        raise OrderUnknown()
    captured = [p for p in order.payments.all() if p.state == PaymentState.CAPTURED]
    return {
        "no": order.no,
        "state": order.state,
        "store": {"code": order.store.code, "name": order.store.name},
        "gross_fen": order.gross_fen,
        "discount_fen": order.discount_fen,
        "freight_fen": order.freight_fen,
        "total_fen": order.total_fen,
        "points": order.points,
        "points_fen": order.points_fen,
        "refunded_fen": sum(line.refunded_fen for line in order.lines.all()),
        "placed_at": order.placed_at,
        "expires_at": order.expires_at,
        "paid_at": order.paid_at,
        "completed_at": order.completed_at,
        "ended_at": order.ended_at,
        "transaction_ids": [p.transaction_id for p in captured],
        "lines": [_line(line) for line in order.lines.all()],
        "tenders": [
            {"kind": t.kind, "amount_fen": t.amount_fen, "points": t.points, "card": t.card_no}
            for t in sorted(order.tenders.all(), key=lambda t: t.position)
        ],
        "refunds": [
            {
                "no": r.no,
                "amount_fen": r.amount_fen,
                "points": r.points,
                "state": r.state,
                "to": _way(order, r),
                "created_at": r.created_at,
                "done_at": r.done_at,
            }
            for r in order.refunds.all()
        ],
        "after_sales": [after_sale_document(a) for a in order.after_sales.all()],
        **_parcel(order),
    }


def after_sale_document(after_sale: AfterSale) -> dict[str, Any]:
    return {
        "no": after_sale.no,
        "kind": after_sale.kind,
        "state": after_sale.state,
        "reason": after_sale.reason,
        "decision": after_sale.decision,
        "created_at": after_sale.created_at,
        "done_at": after_sale.done_at,
        "lines": [
            {"position": x.line.position, "quantity": x.quantity} for x in after_sale.lines.all()
        ],
    }


def _line(line: OrderLine) -> dict[str, Any]:
    return {
        "position": line.position,
        "kind": line.kind,
        "sku": line.sku.code if line.sku else "",
        "title": line.title,
        "options": line.options,
        "quantity": line.quantity,
        "unit_price_fen": line.unit_price_fen,
        "gross_fen": line.gross_fen,
        "discounts": [
            {
                "kind": a.kind,
                "reference": a.reference,
                "title": a.title,
                "amount_fen": a.amount_fen,
            }
            for a in line.adjustments.all()
        ],
        "discount_fen": line.discount_fen,
        "net_fen": line.net_fen,
        "bonus_fen": line.bonus_fen,
        "membership_days": line.membership_days,
        "points_price": line.points_price,
        "refunded_quantity": line.refunded_quantity,
        "refunded_fen": line.refunded_fen,
    }


def _way(order: Order, refund: Refund) -> str:
    kinds = {t.pk: t.kind for t in order.tenders.all()}
    return kinds.get(refund.tender_id or 0, "wechat")


def _parcel(order: Order) -> dict[str, Any]:
    """Where the goods are: a pickup at the store, or on their way. One statement."""
    address = getattr(order, "address", None)
    if address is None:
        return {"pickup": _pickup(order), "delivery": None}
    parcel = order.fulfilments.filter(kind=FulfilmentKind.DELIVERY).first()
    return {"pickup": None, "delivery": _delivery(order, address, parcel)}


def _delivery(order: Order, address: DeliveryAddress, parcel: Fulfilment | None) -> dict[str, Any]:
    # The parcel is opened in a reaction to the payment: an order that ended before has none.
    none = FulfilmentState.PENDING if order.state in _OPEN else FulfilmentState.CANCELLED
    return {
        "state": parcel.state if parcel else none,
        "recipient": address.recipient,
        "phone": address.phone,
        "adcode": address.adcode,
        "region": address.region,
        "detail": address.detail,
        "carrier": parcel.carrier if parcel else "",
        "tracking_no": parcel.tracking_no if parcel else "",
        "shipped_at": parcel.shipped_at if parcel else None,
        "deliver_by": parcel.deliver_by if parcel else None,
        "delivered_at": parcel.delivered_at if parcel else None,
    }


def _pickup(order: Order) -> dict[str, Any] | None:
    pickup = pickup_of(order_no=order.no)
    if pickup is None:
        return None
    return {
        "no": pickup.no,
        "state": pickup.state,
        "token": pickup_token(pickup),
        "digits": pickup.digits,
        "ready_at": pickup.ready_at,
        "expires_at": pickup.expires_at,
        "collected_at": pickup.collected_at,
    }
