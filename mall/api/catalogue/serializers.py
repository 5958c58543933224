"""Shapes of the catalogue's queries and answers. Money is an integer of fen."""

from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from mall.selectors.catalogue import ORDERINGS

MAX_FEN = 2_147_483_647


class PageQuery(serializers.Serializer):
    cursor = serializers.CharField(max_length=200, required=False, help_text=_("from next"))
    page_size = serializers.IntegerField(min_value=1, max_value=100, default=20)


class ProductQuery(PageQuery):
    category = serializers.CharField(
        max_length=32, default="", help_text=_("its code; everything below it is included")
    )
    brand = serializers.CharField(max_length=32, default="", help_text=_("its code"))
    q = serializers.CharField(
        max_length=60, default="", help_text=_("words that must all occur; two characters suffice")
    )
    store = serializers.CharField(
        max_length=32, default="", help_text=_("its code: prices and pieces of that store")
    )
    price_from_fen = serializers.IntegerField(min_value=0, max_value=MAX_FEN, required=False)
    price_to_fen = serializers.IntegerField(min_value=0, max_value=MAX_FEN, required=False)
    ordering = serializers.ChoiceField(choices=list(ORDERINGS), default="-id")


class ProductDetailQuery(serializers.Serializer):
    store = serializers.CharField(
        max_length=32, default="", help_text=_("its code: prices and pieces of that store")
    )


class PlaceQuery(serializers.Serializer):
    latitude = serializers.DecimalField(
        None,
        None,
        min_value=Decimal(-90),
        max_value=Decimal(90),
        required=False,
        coerce_to_string=False,
        help_text=_("GCJ-02, together with longitude"),
    )
    longitude = serializers.DecimalField(
        None,
        None,
        min_value=Decimal(-180),
        max_value=Decimal(180),
        required=False,
        coerce_to_string=False,
        help_text=_("GCJ-02, together with latitude"),
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name, other in (("latitude", "longitude"), ("longitude", "latitude")):
            if name in attrs and other not in attrs:
                raise serializers.ValidationError(
                    {other: _("A coordinate has two parts.")}, code="required"
                )
        for name in ("latitude", "longitude"):
            value = attrs.get(name)
            attrs[name] = None if value is None else value.quantize(Decimal("0.000001"))
        return attrs


class StoreQuery(PlaceQuery):
    sku = serializers.CharField(
        max_length=32, default="", help_text=_("its code: price and pieces at each store")
    )
    limit = serializers.IntegerField(min_value=1, max_value=100, default=20)


class NamedOutput(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()


class AttributeOutput(serializers.Serializer):
    name = serializers.CharField()
    value = serializers.CharField()


class ProductOutput(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    brief = serializers.CharField()
    unit = serializers.CharField()
    image = serializers.CharField(help_text=_("its path; drawn by us where none was uploaded"))
    price_fen = serializers.IntegerField(help_text=_("lowest price of its SKUs"))
    list_price_fen = serializers.IntegerField(allow_null=True)
    brand = NamedOutput(allow_null=True)
    category = NamedOutput()
    available = serializers.IntegerField(
        allow_null=True, help_text=_("pieces at the store; null when no store was named")
    )


class SkuOutput(serializers.Serializer):
    code = serializers.CharField()
    options = serializers.DictField(child=serializers.CharField())
    price_fen = serializers.IntegerField()
    available = serializers.IntegerField(
        allow_null=True, help_text=_("pieces at the store; null when no store was named")
    )


class ProductDetailOutput(ProductOutput):
    images = serializers.ListField(child=serializers.CharField())
    keywords = serializers.CharField()
    attributes = AttributeOutput(many=True)
    review_count = serializers.IntegerField()
    stars = serializers.CharField(allow_null=True, help_text=_("mean of the reviews, 4.8"))
    skus = SkuOutput(many=True)


class ProductPageOutput(serializers.Serializer):
    next = serializers.URLField(allow_null=True)
    results = ProductOutput(many=True)


class ReviewOutput(serializers.Serializer):
    stars = serializers.IntegerField()
    text = serializers.CharField()
    created_at = serializers.DateTimeField()


class ReviewPageOutput(serializers.Serializer):
    next = serializers.URLField(allow_null=True)
    results = ReviewOutput(many=True)


class CategoryLeafOutput(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    slogan = serializers.CharField()


class CategoryOutput(CategoryLeafOutput):
    children = serializers.ListField(
        child=serializers.DictField(), help_text=_("categories of the same shape")
    )


class OfferOutput(serializers.Serializer):
    price_fen = serializers.IntegerField()
    available = serializers.IntegerField()


class StoreOutput(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    kind = serializers.CharField(help_text=_("shop or online"))
    operator = NamedOutput()
    region = serializers.CharField()
    address = serializers.CharField()
    phone = serializers.CharField()
    latitude = serializers.CharField(allow_null=True)
    longitude = serializers.CharField(allow_null=True)
    hours = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    open_now = serializers.BooleanField()
    pickup_enabled = serializers.BooleanField()
    distance_m = serializers.IntegerField(allow_null=True)
    offer = OfferOutput(allow_null=True, help_text=_("of the SKU asked for; null: not sold here"))


class StoreListOutput(serializers.Serializer):
    results = StoreOutput(many=True)


class CategoryTreeOutput(serializers.Serializer):
    results = CategoryOutput(many=True)


class CartQuery(serializers.Serializer):
    store = serializers.CharField(max_length=32, help_text=_("its code"))


class CartInput(serializers.Serializer):
    store = serializers.CharField(max_length=32)
    sku = serializers.CharField(max_length=32)
    quantity = serializers.IntegerField(min_value=0, max_value=999, help_text=_("0 removes it"))


class CartLineOutput(serializers.Serializer):
    sku = serializers.CharField()
    product = serializers.CharField()
    title = serializers.CharField()
    options = serializers.DictField(child=serializers.CharField())
    quantity = serializers.IntegerField()
    price_fen = serializers.IntegerField()
    gross_fen = serializers.IntegerField()
    sellable = serializers.BooleanField()
    available = serializers.IntegerField()


class CartOutput(serializers.Serializer):
    store = serializers.CharField()
    lines = CartLineOutput(many=True)
    pieces = serializers.IntegerField()
    gross_fen = serializers.IntegerField()
