"""Browsing, open to everybody, and the cart of a member."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from config.kernel import clock
from config.kernel.api import MemberView
from config.kernel.etags import EtagMixin
from mall.api.catalogue import serializers as shapes
from mall.api.catalogue.cursor import cursor_decode, page
from mall.selectors.catalogue import (
    ORDERINGS,
    ProductFilter,
    category_tree,
    product_detail,
    product_page,
    review_page,
    row_key,
)
from mall.selectors.catalogue_cart import cart
from mall.selectors.catalogue_stores import store_detail, stores_near
from mall.services.cart_set import cart_set


def _asked(form: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    """Valid query parameters; an empty one counts as not given."""
    given = {name: value for name, value in request.query_params.items() if value != ""}
    query = form(data=given)
    query.is_valid(raise_exception=True)
    return query.validated_data


class CategoriesView(EtagMixin):
    permission_classes = [AllowAny]
    output = shapes.CategoryTreeOutput

    @extend_schema(operation_id="categories_list", summary="The tree of categories")
    def get(self, request: Request) -> Response:
        return Response({"results": category_tree()})


class ProductsView(EtagMixin):
    permission_classes = [AllowAny]
    output = shapes.ProductPageOutput

    @extend_schema(
        operation_id="products_list",
        summary="Products by category, words, price",
        parameters=[shapes.ProductQuery],
    )
    def get(self, request: Request) -> Response:
        asked = _asked(shapes.ProductQuery, request)
        size, cursor, ordering = asked.pop("page_size"), asked.pop("cursor", ""), asked["ordering"]
        if cursor:
            asked["after"] = cursor_decode(ordering, cursor, length=len(ORDERINGS[ordering]))
        rows = product_page(ProductFilter(**asked), limit=size + 1)
        body = page(
            request, rows, size=size, ordering=ordering, key=lambda row: row_key(ordering, row)
        )
        for row in body["results"]:
            del row["id"]
        return Response(body)


class ProductView(EtagMixin):
    permission_classes = [AllowAny]
    output = shapes.ProductDetailOutput

    @extend_schema(
        operation_id="products_retrieve",
        summary="A product with its SKUs",
        parameters=[shapes.ProductDetailQuery],
    )
    def get(self, request: Request, code: str) -> Response:
        asked = _asked(shapes.ProductDetailQuery, request)
        body = product_detail(code=code, store=asked["store"])
        del body["id"]
        return Response(body)


class ReviewsView(EtagMixin):
    permission_classes = [AllowAny]
    output = shapes.ReviewPageOutput

    @extend_schema(
        operation_id="products_reviews_list",
        summary="Reviews of a product, newest first",
        parameters=[shapes.PageQuery],
    )
    def get(self, request: Request, code: str) -> Response:
        asked = _asked(shapes.PageQuery, request)
        size, cursor = asked["page_size"], asked.get("cursor", "")
        after = cursor_decode("reviews", cursor, length=1)[0] if cursor else None
        rows = review_page(product=code, after=after, limit=size + 1)
        body = page(request, rows, size=size, ordering="reviews", key=lambda row: (row["id"],))
        return Response(shapes.ReviewPageOutput(body).data)


class StoresView(EtagMixin):
    permission_classes = [AllowAny]
    output = shapes.StoreListOutput

    @extend_schema(
        operation_id="stores_list",
        summary="Stores, nearest first",
        parameters=[shapes.StoreQuery],
    )
    def get(self, request: Request) -> Response:
        asked = _asked(shapes.StoreQuery, request)
        return Response({"results": stores_near(**asked, now=clock.now())})


class StoreView(EtagMixin):
    permission_classes = [AllowAny]
    output = shapes.StoreOutput

    @extend_schema(
        operation_id="stores_retrieve", summary="A store", parameters=[shapes.PlaceQuery]
    )
    def get(self, request: Request, code: str) -> Response:
        asked = _asked(shapes.PlaceQuery, request)
        return Response(store_detail(code=code, **asked, now=clock.now()))


class CartView(MemberView):
    input = shapes.CartInput
    output = shapes.CartOutput

    @extend_schema(
        operation_id="cart_retrieve", summary="My cart at a store", parameters=[shapes.CartQuery]
    )
    def get(self, request: Request) -> Response:
        asked = _asked(shapes.CartQuery, request)
        return self._cart(asked["store"])

    @extend_schema(operation_id="cart_update", summary="Set the pieces of a SKU in my cart")
    def put(self, request: Request) -> Response:
        form = shapes.CartInput(data=request.data)
        form.is_valid(raise_exception=True)
        user = self.request.user
        cart_set(**form.validated_data, member_id=user.member_id, actor=user.actor, now=clock.now())
        return self._cart(form.validated_data["store"])

    def _cart(self, store: str) -> Response:
        body = cart(member_id=self.request.user.member_id, store=store, now=clock.now())
        return Response(body)
