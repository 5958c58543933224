"""Choices and state machines of the mall: orders, payments, refunds, fulfilment, after-sale."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class OrderState(TextChoices):
    PLACED = "placed", _("placed")
    PAID = "paid", _("paid")
    COMPLETED = "completed", _("completed")
    CLOSED = "closed", _("closed")
    CANCELLED = "cancelled", _("cancelled")
    EXPIRED = "expired", _("expired")


ORDER_MACHINE = {
    OrderState.PLACED: frozenset({OrderState.PAID, OrderState.CANCELLED, OrderState.EXPIRED}),
    OrderState.PAID: frozenset({OrderState.COMPLETED, OrderState.CANCELLED}),
    OrderState.COMPLETED: frozenset({OrderState.CLOSED}),
}


class OrderChannel(TextChoices):
    MINI_PROGRAM = "mini_program", _("mini-program")
    STORE = "store", _("store")
    GUIDE = "guide", _("guide")


class LineKind(TextChoices):
    GOODS = "goods", _("goods")
    CARD = "card", _("stored-value card")
    TOPUP = "topup", _("top-up of a card")
    MEMBERSHIP = "membership", _("membership")
    FREIGHT = "freight", _("freight")


class DiscountKind(TextChoices):
    PROMOTION = "promotion", _("promotion")
    COUPON = "coupon", _("coupon")


class PromotionKind(TextChoices):
    AMOUNT = "amount", _("amount off")
    PERCENT = "percent", _("percent off")
    PRICE = "price", _("a fixed price")
    MULTI = "multi", _("N for a price")
    NTH = "nth", _("every N-th piece cheaper")
    BUNDLE = "bundle", _("a bundle for a price")
    GIFT = "gift", _("a gift")


class TenderKind(TextChoices):
    POINTS = "points", _("points")
    POINTS_PRICE = "points_price", _("price in points")
    CARD_PRINCIPAL = "card_principal", _("card principal")
    CARD_BONUS = "card_bonus", _("card bonus")
    WECHAT = "wechat", _("WeChat Pay")
    CASH = "cash", _("cash")
    BANK_CARD = "bank_card", _("bank card")
    TRANSFER = "transfer", _("bank transfer")


class SaleWay(TextChoices):
    """How stored value is paid where it is sold: the one tender of its order."""

    CASH = TenderKind.CASH.value, _("cash")
    BANK_CARD = TenderKind.BANK_CARD.value, _("bank card")
    WECHAT = TenderKind.WECHAT.value, _("WeChat Pay")
    TRANSFER = TenderKind.TRANSFER.value, _("bank transfer")


# What is set aside and given back in points, whatever of an order's fen it pays.
POINT_KINDS = (TenderKind.POINTS, TenderKind.POINTS_PRICE)


class PaymentState(TextChoices):
    CREATED = "created", _("created")
    PENDING = "pending", _("pending")
    CAPTURED = "captured", _("captured")
    FAILED = "failed", _("failed")
    CLOSED = "closed", _("closed")


PAYMENT_MACHINE = {
    PaymentState.CREATED: frozenset(
        {PaymentState.PENDING, PaymentState.CAPTURED, PaymentState.FAILED, PaymentState.CLOSED}
    ),
    PaymentState.PENDING: frozenset(
        {PaymentState.CAPTURED, PaymentState.FAILED, PaymentState.CLOSED}
    ),
    # The gateway is right about money: a payment we had given up may still have been made.
    PaymentState.FAILED: frozenset({PaymentState.CAPTURED}),
    PaymentState.CLOSED: frozenset({PaymentState.CAPTURED}),
}


class RefundState(TextChoices):
    REQUESTED = "requested", _("requested")
    APPROVED = "approved", _("approved")
    SENT = "sent", _("sent")
    DONE = "done", _("done")
    FAILED = "failed", _("failed")
    GIVEN_UP = "given_up", _("paid another way")


REFUND_MACHINE = {
    RefundState.REQUESTED: frozenset({RefundState.APPROVED, RefundState.FAILED}),
    RefundState.APPROVED: frozenset({RefundState.SENT, RefundState.DONE, RefundState.FAILED}),
    RefundState.SENT: frozenset({RefundState.DONE, RefundState.FAILED}),
    RefundState.FAILED: frozenset({RefundState.APPROVED, RefundState.GIVEN_UP}),
    # The gateway is right about money: what it refused may still be paid out at its console.
    RefundState.GIVEN_UP: frozenset({RefundState.DONE}),
}


class RefundCause(TextChoices):
    AFTER_SALE = "after_sale", _("after-sale")
    LATE = "late", _("late payment")
    PAYBACK = "payback", _("card paid back")
    VOID = "void", _("sale voided")


class AfterSaleKind(TextChoices):
    REFUND = "refund", _("refund only")
    RETURN = "return", _("return and refund")


class AfterSaleState(TextChoices):
    REQUESTED = "requested", _("requested")
    APPROVED = "approved", _("approved")
    REFUSED = "refused", _("refused")
    DONE = "done", _("done")


AFTER_SALE_MACHINE = {
    AfterSaleState.REQUESTED: frozenset({AfterSaleState.APPROVED, AfterSaleState.REFUSED}),
    AfterSaleState.APPROVED: frozenset({AfterSaleState.DONE}),
}


class FulfilmentState(TextChoices):
    PENDING = "pending", _("pending")
    PREPARING = "preparing", _("preparing")
    READY = "ready", _("ready")
    COLLECTED = "collected", _("collected")
    SHIPPED = "shipped", _("shipped")
    DELIVERED = "delivered", _("delivered")
    RETURNED = "returned", _("returned")
    CANCELLED = "cancelled", _("cancelled")


# A parcel at the store gets ready and is collected; one that is sent is shipped and delivered, or
# comes back. Which of them a fulfilment may have, its kind says (mall_fulfilment_kind).
FULFILMENT_MACHINE = {
    FulfilmentState.PENDING: frozenset(
        {
            FulfilmentState.PREPARING,
            FulfilmentState.READY,
            FulfilmentState.SHIPPED,
            FulfilmentState.CANCELLED,
        }
    ),
    FulfilmentState.PREPARING: frozenset(
        {FulfilmentState.READY, FulfilmentState.SHIPPED, FulfilmentState.CANCELLED}
    ),
    FulfilmentState.READY: frozenset({FulfilmentState.COLLECTED, FulfilmentState.CANCELLED}),
    FulfilmentState.SHIPPED: frozenset({FulfilmentState.DELIVERED, FulfilmentState.RETURNED}),
}


class FulfilmentKind(TextChoices):
    PICKUP = "pickup", _("store pickup")
    DELIVERY = "delivery", _("delivery")


class ReservationState(TextChoices):
    OPEN = "open", _("open")
    SOLD = "sold", _("sold")
    RELEASED = "released", _("released")
    EXPIRED = "expired", _("expired")


RESERVATION_MACHINE = {
    ReservationState.OPEN: frozenset(
        {ReservationState.SOLD, ReservationState.RELEASED, ReservationState.EXPIRED}
    ),
}


class MovementKind(TextChoices):
    OPENING = "opening", _("opening")
    COUNT = "count", _("count")
    SALE = "sale", _("sale")
    RETURN = "return", _("return")


class PosTicketState(TextChoices):
    PAID = "paid", _("paid")
    VOIDED = "voided", _("voided")
    REFUNDED = "refunded", _("refunded")


POS_TICKET_MACHINE = {
    PosTicketState.PAID: frozenset({PosTicketState.VOIDED, PosTicketState.REFUNDED}),
}
