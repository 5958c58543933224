"""Baskets that a guide prepared: looked at by their token, and ordered as any other basket."""

from datetime import datetime
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.response import Response

from config.kernel import clock
from config.kernel.api import CommandView, MemberView
from config.kernel.devices import device_hash
from guides.api import examples as ex
from guides.selectors_baskets import basket_document, basket_for
from guides.services.basket_order import basket_order
from guides.states import BasketState
from mall.api import serializers as mall
from mall.api.orders import OrdersView, address_of, basket_of


class BasketGuide(serializers.Serializer):
    name = serializers.CharField()


class BasketOperator(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()


class BasketStore(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    operator = BasketOperator()


class BasketLine(serializers.Serializer):
    sku = serializers.CharField()
    product = serializers.CharField()
    title = serializers.CharField()
    options = serializers.DictField(child=serializers.CharField())
    quantity = serializers.IntegerField()
    price_fen = serializers.IntegerField(help_text="a piece at this store today")
    sellable = serializers.BooleanField(help_text="false: leave it out of the quote")
    available = serializers.IntegerField(help_text="pieces in stock")


class BasketOutput(serializers.Serializer):
    token = serializers.CharField()
    state = serializers.ChoiceField(BasketState.choices)
    guide = BasketGuide()
    store = BasketStore()
    note = serializers.CharField()
    expires_at = serializers.DateTimeField()
    order = serializers.CharField(allow_null=True, help_text="number, once it is ordered")
    lines = BasketLine(many=True)


class BasketView(MemberView):
    """What a guide prepared for the caller. Quote and order its lines as any basket, with what the
    shopper changed. Reading leaves no trace: send the token to ``touches`` once, as for
    every code that the mini-program is opened with."""

    tags = ["guides"]
    operations: ClassVar = {"GET": "basket_get"}
    refusals: ClassVar = {
        "GET": [
            "basket_unknown",
            "basket_of_another",
            "basket_ordered",
            "basket_withdrawn",
            "basket_expired",
            "store_unknown",
        ]
    }
    examples: ClassVar = {"GET": ex.BASKET}
    output = BasketOutput

    def get(self, request: Any, token: str) -> Response:
        now = clock.now()
        found = basket_for(token=token, member_id=request.user.member_id, now=now)
        return Response(BasketOutput(basket_document(found, now=now)).data)


class BasketOrderView(CommandView):
    """Order what a guide prepared. The body, the answer and the refusals are those of ``POST
    orders``; the order is at the basket's store and has at least one of its articles. A basket is
    ordered once; when that order is cancelled or expires unpaid, it may be ordered again. Its
    guide opened the sale, whatever ``source_token`` says."""

    tags = ["guides"]
    operations: ClassVar = {"POST": "basket_order"}
    refusals: ClassVar = {
        "POST": [
            "basket_unknown",
            "basket_of_another",
            "basket_ordered",
            "basket_withdrawn",
            "basket_expired",
            "basket_not_ordered_here",
            *OrdersView.refusals["POST"],
        ]
    }
    examples: ClassVar = {"POST": ex.BASKET_ORDER}
    input = mall.OrderInput
    output = mall.OrderPlacedOutput

    def run(self, *, data: dict[str, Any], now: datetime, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user  # a Principal, by the permission
        return basket_order(
            token=kwargs["token"],
            basket=basket_of(data, user.member_id),
            quote_version=data["quote_version"],
            device=device_hash(self.request),
            address=address_of(data),
            actor=user.actor,
            now=now,
            before_stock=self.settle,
        )
