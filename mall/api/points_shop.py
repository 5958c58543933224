"""The points shop: what points buy, with or without money on top."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView

from config.kernel import clock
from config.kernel.api import MemberRequest
from config.kernel.auth import IsMember
from mall.api import examples as ex
from mall.models import PointsOffer
from mall.pictures import picture_url
from mall.selectors.points_shop import points_offers


class PointsShopQuery(serializers.Serializer):
    store = serializers.CharField(
        max_length=32, default="", help_text=_("its code: what it offers, and how much it has")
    )
    affordable = serializers.BooleanField(
        default=False, help_text=_("only what my points suffice for")
    )
    q = serializers.CharField(max_length=60, default="", help_text=_("part of the name"))


class LeastTierOutput(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()


class PointsOfferOutput(serializers.ModelSerializer):
    sku = serializers.CharField(source="sku.code")
    product = serializers.CharField(source="sku.product.code")
    title = serializers.CharField(source="sku.product.name")
    options = serializers.DictField(source="sku.options", child=serializers.CharField())
    image = serializers.SerializerMethodField()
    list_price_fen = serializers.IntegerField(
        source="sku.price_fen", help_text=_("what it costs in the shop")
    )
    operator = serializers.CharField(source="operator.code")
    least_tier = LeastTierOutput(
        allow_null=True, help_text=_("for its members and those of higher tiers")
    )
    bought = serializers.IntegerField(help_text=_("pieces I have had, of per_member"))
    available = serializers.IntegerField(
        allow_null=True, help_text=_("pieces at the store, where one is named")
    )

    class Meta:
        model = PointsOffer
        fields = [
            *("code", "sku", "product", "title", "options", "image", "list_price_fen"),
            *("points_price", "cash_fen", "per_member", "bought", "available"),
            *("least_tier", "operator", "ends_at"),
        ]

    def get_image(self, offer: PointsOffer) -> str:
        product = offer.sku.product
        return product.images[0] if product.images else picture_url(product.code)


class PointsShopView(ListAPIView):
    """What points buy now, newest first. Order an offer by its ``code`` in ``points_lines`` of a
    quote: its points and its money are a price, which no discount lowers."""

    tags = ["orders"]
    refusals: ClassVar = {"GET": ["store_unknown"]}
    examples: ClassVar = {"GET": ex.POINTS_OFFER}
    request: MemberRequest
    permission_classes = [IsMember]
    serializer_class = PointsOfferOutput
    ordering = ("-id",)
    filter_backends: list[Any] = []
    queryset = PointsOffer.objects.none()

    def get_queryset(self):
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        query = PointsShopQuery(data=self.request.query_params)
        query.is_valid(raise_exception=True)
        asked = query.validated_data
        return points_offers(
            member_id=self.request.user.member_id,
            store_code=asked["store"],
            affordable=asked["affordable"],
            q=asked["q"],
            now=clock.now(),
        )

    @extend_schema(operation_id="points_shop_list", parameters=[PointsShopQuery])
    def get(self, request, *args: Any, **kwargs: Any):
        return self.list(request, *args, **kwargs)
