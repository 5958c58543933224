"""Browsing, open to everybody, and the cart of a member."""

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from config.kernel import clock
from config.kernel.api import MemberView
from config.kernel.etags import EtagMixin
from config.kernel.public_read import PublicRead, Question
from mall.api.catalogue import examples as ex
from mall.api.catalogue import serializers as shapes
from mall.api.catalogue.cursor import cursor_decode, page
from mall.listing import ANSWERS, next_change
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

_PRODUCTS = Question(shapes.ProductQuery)
_DETAIL = Question(shapes.ProductDetailQuery)
_PAGE = Question(shapes.PageQuery)
_STORES = Question(shapes.StoreQuery)
_PLACE = Question(shapes.PlaceQuery)
_CART = Question(shapes.CartQuery)

# Prices and what is listed change by event; pieces in stock change with every sale, and an answer
# that shows them is at most this old. Neither is ever taken from here at checkout.
LIFE = timedelta(minutes=5)
LIFE_OF_STOCK = timedelta(seconds=5)


class CatalogueRead(PublicRead):
    """Kept until something in the catalogue changes, a listing begins or ends, or ``LIFE``."""

    tags = ["catalogue"]
    shelf = ANSWERS

    def life(self, request: HttpRequest, body: dict[str, Any], *, now: datetime) -> timedelta:
        if not body.get("results", True):
            # Names of nothing are without number.
            return timedelta(0)
        life = LIFE_OF_STOCK if "store" in request.GET else LIFE
        change = next_change(now)
        return life if change is None else min(life, change - now)


class CategoriesView(CatalogueRead):
    """The tree of categories. Show it as it comes: it is in the order of the merchandisers."""

    examples: ClassVar = {"GET": ex.CATEGORIES}
    output = shapes.CategoryTreeOutput

    @extend_schema(operation_id="categories_list")
    def get(self, request: Request) -> Response:
        return self._answer(request)

    def read(self, request: HttpRequest | Request, *, now: datetime) -> dict[str, Any]:
        return {"results": category_tree()}


class ProductsView(CatalogueRead):
    """Products by category, words and price. With ``store`` prices and pieces are that store's, and
    only what it lists is there. Every word of ``q`` must occur; two Chinese characters suffice."""

    refusals: ClassVar = {"GET": ["cursor_invalid", "store_unknown", "category_unknown"]}
    examples: ClassVar = {"GET": ex.PRODUCTS}
    output = shapes.ProductPageOutput
    kept = frozenset({"category", "brand", "store", "ordering", "page_size"})

    @extend_schema(operation_id="products_list", parameters=[shapes.ProductQuery])
    def get(self, request: Request) -> Response:
        return self._answer(request)

    def read(self, request: HttpRequest | Request, *, now: datetime) -> dict[str, Any]:
        asked = dict(_PRODUCTS(request))
        size, cursor, ordering = asked.pop("page_size"), asked.pop("cursor", ""), asked["ordering"]
        if cursor:
            asked["after"] = cursor_decode(ordering, cursor, length=ORDERINGS[ordering])
        rows = product_page(ProductFilter(**asked), limit=size + 1, now=now)
        body = page(
            request, rows, size=size, ordering=ordering, key=lambda row: row_key(ordering, row)
        )
        for row in body["results"]:
            del row["id"]
        return body


class ProductView(CatalogueRead):
    """A product with its SKUs. Name the shopper's store: each SKU then carries the price and the
    pieces available there, at most five seconds old. What is shown promises nothing; placing the
    order does."""

    refusals: ClassVar = {"GET": ["product_unknown", "store_unknown"]}
    examples: ClassVar = {"GET": ex.PRODUCT}
    output = shapes.ProductDetailOutput
    kept = frozenset({"store"})

    @extend_schema(operation_id="products_retrieve", parameters=[shapes.ProductDetailQuery])
    def get(self, request: Request, code: str) -> Response:
        return self._answer(request, code=code)

    def read(self, request: HttpRequest | Request, *, now: datetime, code: str) -> dict[str, Any]:
        body = product_detail(code=code, store=_DETAIL(request)["store"], now=now)
        del body["id"]
        return body


class ReviewsView(EtagMixin):
    """Reviews of a product, newest first. Open to everybody."""

    tags = ["catalogue"]
    refusals: ClassVar = {"GET": ["cursor_invalid", "product_unknown"]}
    examples: ClassVar = {"GET": ex.REVIEWS}
    permission_classes = [AllowAny]
    output = shapes.ReviewPageOutput

    @extend_schema(
        operation_id="products_reviews_list",
        parameters=[shapes.PageQuery],
    )
    def get(self, request: Request, code: str) -> Response:
        asked = _PAGE(request)
        size, cursor = asked["page_size"], asked.get("cursor", "")
        after = cursor_decode("reviews", cursor, length=1)[0] if cursor else None
        rows = review_page(product=code, after=after, limit=size + 1)
        body = page(request, rows, size=size, ordering="reviews", key=lambda row: (row["id"],))
        return Response(shapes.ReviewPageOutput(body).data)


class StoresView(EtagMixin):
    """Stores, nearest first. Coordinates are GCJ-02, as ``wx.getLocation({type: "gcj02"})`` gives
    them; without any, stores come by name. With ``sku``, each says its price and pieces of it."""

    tags = ["stores"]
    refusals: ClassVar = {"GET": ["sku_unknown"]}
    examples: ClassVar = {"GET": ex.STORES}
    permission_classes = [AllowAny]
    output = shapes.StoreListOutput

    @extend_schema(
        operation_id="stores_list",
        parameters=[shapes.StoreQuery],
    )
    def get(self, request: Request) -> Response:
        asked = _STORES(request)
        return Response({"results": stores_near(**asked, now=clock.now())})


class StoreView(EtagMixin):
    """A store with its hours and, for a coordinate, its distance. ``hours`` are local."""

    tags = ["stores"]
    refusals: ClassVar = {"GET": ["store_unknown"]}
    examples: ClassVar = {"GET": ex.STORE}
    permission_classes = [AllowAny]
    output = shapes.StoreOutput

    @extend_schema(operation_id="stores_retrieve", parameters=[shapes.PlaceQuery])
    def get(self, request: Request, code: str) -> Response:
        asked = _PLACE(request)
        return Response(store_detail(code=code, **asked, now=clock.now()))


class CartView(MemberView):
    """The cart of the calling member at a store. It promises neither price nor stock."""

    tags = ["cart"]
    refusals: ClassVar = {
        "GET": ["store_unknown"],
        "PUT": ["store_unknown", "sku_unknown", "sku_unavailable", "cart_full"],
    }
    examples: ClassVar = {"GET": ex.CART, "PUT": ex.CART_SET}
    input = shapes.CartInput
    output = shapes.CartOutput

    @extend_schema(operation_id="cart_retrieve", parameters=[shapes.CartQuery])
    def get(self, request: Request) -> Response:
        """My cart at a store, priced as the store sells today. ``gross_fen`` counts only what can
        be bought; discounts are the quote's matter."""
        asked = _CART(request)
        return self._cart(asked["store"])

    @extend_schema(operation_id="cart_update")
    def put(self, request: Request) -> Response:
        """Set the pieces of a SKU in my cart. 0 removes it. The answer is the cart as it is now;
        repeating the request changes nothing."""
        form = shapes.CartInput(data=request.data)
        form.is_valid(raise_exception=True)
        user = self.request.user
        cart_set(**form.validated_data, member_id=user.member_id, actor=user.actor, now=clock.now())
        return self._cart(form.validated_data["store"])

    def _cart(self, store: str) -> Response:
        body = cart(member_id=self.request.user.member_id, store=store, now=clock.now())
        return Response(body)
