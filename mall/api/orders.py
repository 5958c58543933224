"""Quotes, orders, payment and after-sale of the calling member."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.generics import ListAPIView
from rest_framework.response import Response

from config.kernel.api import CommandView, MemberView
from config.kernel.auth import IsMember
from config.kernel.devices import device_hash
from mall.api import examples as ex
from mall.api import serializers as s
from mall.discount_words import hint_words, refusal_words
from mall.models import Order
from mall.selectors.orders import after_sale_document, order_detail, order_list
from mall.services.aftersale import aftersale_request
from mall.services.delivery_address import Address
from mall.services.order_deliver import order_received
from mall.services.order_end import order_cancel
from mall.services.order_place import order_place
from mall.services.payment_create import payment_create, payment_prepay
from mall.services.quote import Basket, quote, quote_remember
from mall.services.quote_earning import points_to_earn


def basket_of(data: dict[str, Any], member_id: int) -> Basket:
    return Basket(
        member_id=member_id,
        store_code=data["store"],
        lines=tuple((x["sku"], x["quantity"]) for x in data["lines"]),
        card_product=data["card_product"],
        topup_card=data["topup_card"],
        membership_plan=data["membership_plan"],
        amount_fen=data["amount_fen"],
        coupon_nos=tuple(data["coupons"]),
        best_coupons=data["best_coupons"],
        use_card=data["use_card"],
        card_no=data["card"],
        card_fen=data["card_fen"],
        use_points=data["use_points"],
        points=data["points"],
        points_lines=tuple((x["offer"], x["quantity"]) for x in data["points_lines"]),
        region=(data.get("delivery") or {}).get("adcode", ""),
    )


def address_of(data: dict[str, Any]) -> Address | None:
    return Address(**data["delivery"]) if data["delivery"] else None


# What a quote and an order refuse of a basket alike.
BASKET_REFUSALS = [
    "store_unknown",
    "sku_unavailable",
    "basket_invalid",
    "card_product_unknown",
    "card_unknown",
    "topup_elsewhere",
    "membership_plan_unknown",
    "membership_limit",
    "membership_too_far",
    "card_amount_refused",
    "card_identity_missing",
    "card_limit_exceeded",
    "card_not_usable",
    "coupon_not_applicable",
    "points_insufficient",
    "points_offer_unknown",
    "points_offer_tier",
    "points_offer_limit",
    "delivery_not_offered",
    "region_not_served",
]


@extend_schema(tags=["orders"])
class QuoteView(CommandView):
    """What a basket costs, every discount on its lines. Changes nothing and promises no stock, so
    ask as often as the basket changes. The cheapest choice among ``coupons`` is used, or with
    ``best_coupons`` among all that the shopper has; ``refused_coupons`` says of each other one why
    not, ``hints`` what is missing for more. Order by the ``version``, with the coupons that are in
    ``discounts``."""

    operations: ClassVar = {"POST": "quote_create"}
    refusals: ClassVar = {"POST": BASKET_REFUSALS}
    examples: ClassVar = {"POST": ex.QUOTE}
    input = s.QuoteInput
    output = s.QuoteOutput
    idempotent = False
    success_status = 200
    throttle_scope = "caller"

    def run(self, *, data, now, **kwargs):
        member_id = self.request.user.member_id
        priced = quote(basket=basket_of(data, member_id), now=now)
        document = priced.document()
        quote_remember(document, member_id=member_id)
        earns = points_to_earn(priced=priced, now=now) if data["estimate_points"] else None
        return {
            **document,
            "refused_coupons": [
                {**row, "message": refusal_words(row)} for row in document["refused_coupons"]
            ],
            "hints": [{**row, "message": hint_words(row)} for row in priced.hints()],
            "best_is_proven": priced.priced.exact,
            "stock": priced.stock(),
            "points_options": priced.points_options(),
            "points_to_earn": earns,
        }


@extend_schema(tags=["orders"])
class OrdersView(CommandView, ListAPIView):
    """The orders of the calling member."""

    input = s.OrderInput
    output = s.OrderPlacedOutput
    serializer_class = s.OrderRowOutput
    operations: ClassVar = {"GET": "order_list", "POST": "order_place"}
    refusals: ClassVar = {
        "POST": [
            *BASKET_REFUSALS,
            "quote_changed",
            "out_of_stock",
            "coupon_unavailable",
            "coupon_budget_exhausted",
            "insufficient_funds",
            "topup_offer_gone",
            "pickup_not_offered",
            "address_invalid",
        ]
    }
    examples: ClassVar = {"GET": ex.ORDER_ROW, "POST": ex.ORDER_PLACE}
    permission_classes = [IsMember]
    queryset = Order.objects.none()

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        return order_list(member_id=self.request.user.member_id)

    def get(self, request, *args, **kwargs):
        """My orders, newest first. Only the row of each; ask for one to see its lines."""
        return self.list(request, *args, **kwargs)

    def post(self, request, **kwargs):
        """Place an order exactly as quoted. Stock is reserved, coupons are locked and stored
        value is held until it is paid or expires; an order that stored value covers in full is
        paid at once. ``quote_changed`` carries the new quote and what differs in ``extra``: show
        it and ask again. Keep the Idempotency-Key until an answer is there. A header
        ``X-Device-Id`` is kept hashed: many cards bought from one device are looked at."""
        return super().post(request, **kwargs)

    def run(self, *, data, now, **kwargs):
        user = self.request.user
        return order_place(
            basket=basket_of(data, user.member_id),
            quote_version=data["quote_version"],
            source_token=data["source_token"],
            device=device_hash(self.request),
            actor=user.actor,
            address=address_of(data),
            now=now,
            before_stock=self.settle,
        )


@extend_schema(tags=["orders"])
class OrderView(MemberView):
    """One order with its lines, tenders, refunds and, once paid, its pickup code. ``pickup`` is
    null until the store has been told, a moment after the payment; draw ``token`` as a QR code
    and write ``digits`` below it. What is sent has a ``delivery`` instead: the address, and where
    the parcel is."""

    operations: ClassVar = {"GET": "order_get"}
    refusals: ClassVar = {"GET": ["order_unknown"]}
    examples: ClassVar = {"GET": ex.ORDER}
    output = s.OrderOutput

    def get(self, request, no: str):
        document = order_detail(no=no, member_id=request.user.member_id)
        return Response(s.OrderOutput(document).data)


@extend_schema(tags=["orders"])
class OrderPayView(CommandView):
    """The parameters for ``wx.requestPayment``. Repeat it freely: an order has one open payment.
    That the shopper has paid is known from the order alone, never from WeChat's word to the
    mini-program: ask for the order until its state changes."""

    operations: ClassVar = {"POST": "order_pay"}
    refusals: ClassVar = {
        "POST": [
            "order_unknown",
            "order_not_payable",
            "payer_unknown",
            "gateway_busy",
            "gateway_unavailable",
            "gateway_refused",
        ]
    }
    examples: ClassVar = {"POST": ex.ORDER_PAY}
    input = s.PayInput
    output = s.PayOutput
    success_status = 200

    def run(self, *, data, now, **kwargs):
        user = self.request.user
        payment = payment_create(
            order_no=kwargs["no"],
            member_id=user.member_id,
            appid=data["app_id"],
            actor=user.actor,
            now=now,
        )
        return {"payment": payment.no, "amount_fen": payment.amount_fen}

    def after(self, body, *, now, **kwargs):
        params = payment_prepay(payment_no=body["payment"], actor=self.request.user.actor, now=now)
        return {**body, "params": params}


@extend_schema(tags=["orders"])
class OrderCancelView(CommandView):
    """Cancel an unpaid order: stock, coupons and held stored value come back at once."""

    operations: ClassVar = {"POST": "order_cancel"}
    refusals: ClassVar = {"POST": ["order_unknown", "order_not_cancellable"]}
    examples: ClassVar = {"POST": ex.ORDER_CANCEL}
    input = s.CancelInput
    output = s.CancelOutput
    success_status = 200

    def run(self, *, data, now, **kwargs):
        user = self.request.user
        order = order_cancel(
            order_no=kwargs["no"],
            reason=data["reason"],
            actor=user.actor,
            now=now,
            member_id=user.member_id,
        )
        return {"no": order.no, "state": order.state}


@extend_schema(tags=["orders"])
class OrderReceivedView(CommandView):
    """I have the parcel: the order is completed. Without it, it counts as delivered some days
    after it was shipped. Saying so twice changes nothing."""

    operations: ClassVar = {"POST": "order_received"}
    refusals: ClassVar = {
        "POST": [
            "order_unknown",
            "delivery_missing",
            "not_shipped",
            "delivery_ended",
            "after_sale_pending",
        ]
    }
    examples: ClassVar = {"POST": ex.ORDER_RECEIVED}
    input = s.ReceivedInput
    output = s.CancelOutput
    success_status = 200

    def run(self, *, data, now, **kwargs):
        user = self.request.user
        order = order_received(
            order_no=kwargs["no"], member_id=user.member_id, actor=user.actor, now=now
        )
        return {"no": order.no, "state": order.state}


@extend_schema(tags=["orders"])
class AfterSalesView(CommandView):
    """Ask for units of an order to be taken back. Staff decide. From payment until the after-sale
    window ends; a parcel that waits is held meanwhile. Every tender gets its share back in
    proportion, to the fen. Freight comes back with all of the goods while nothing was shipped."""

    operations: ClassVar = {"POST": "after_sale_request"}
    refusals: ClassVar = {
        "POST": [
            "order_unknown",
            "line_unknown",
            "after_sale_empty",
            "after_sale_not_possible",
            "after_sale_open",
            "refund_too_large",
            "card_not_returnable",
            "freight_by_staff",
            "membership_by_staff",
            "membership_ended",
            "membership_renewed",
            "membership_used_up",
        ]
    }
    examples: ClassVar = {"POST": ex.AFTER_SALE}
    input = s.AfterSaleInput
    output = s.AfterSaleOutput

    def run(self, *, data, now, **kwargs):
        user = self.request.user
        after_sale = aftersale_request(
            order_no=kwargs["no"],
            lines=[(x["position"], x["quantity"]) for x in data["lines"]],
            kind=data["kind"],
            reason=data["reason"],
            actor=user.actor,
            now=now,
            member_id=user.member_id,
        )
        return s.AfterSaleOutput(after_sale_document(after_sale)).data
