"""Browsing, open to everybody, and the cart of a member."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from config.kernel import clock
from config.kernel.api import MemberView
from config.kernel.etags import EtagMixin
from mall.api.catalogue import examples as ex
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
    """The tree of categories. Show it as it comes: it is in the order of the merchandisers."""

    tags = ["catalogue"]
    examples: ClassVar = {"GET": ex.CATEGORIES}
    permission_classes = [AllowAny]
    output = shapes.CategoryTreeOutput

    @extend_schema(operation_id="categories_list")
    def get(self, request: Request) -> Response:
        return Response({"results": category_tree()})


class ProductsView(EtagMixin):
    """Products by category, words and price. With ``store`` prices and pieces are that store's, and
    only what it lists is there. Every word of ``q`` must occur; two Chinese characters suffice."""

    tags = ["catalogue"]
    refusals: ClassVar = {"GET": ["cursor_invalid", "store_unknown", "category_unknown"]}
    examples: ClassVar = {"GET": ex.PRODUCTS}
    permission_classes = [AllowAny]
    output = shapes.ProductPageOutput

    @extend_schema(
        operation_id="products_list",
        parameters=[shapes.ProductQuery],
    )
    def get(self, request: Request) -> Response:
        asked = _asked(shapes.ProductQuery, request)
        size, cursor, ordering = asked.pop("page_size"), asked.pop("cursor", ""), asked["ordering"]
        if cursor:
            asked["after"] = cursor_decode(ordering, cursor, length=ORDERINGS[ordering])
        rows = product_page(ProductFilter(**asked), limit=size + 1, now=clock.now())
        body = page(
            request, rows, size=size, ordering=ordering, key=lambda row: row_key(ordering, row)
        )
        for row in body["results"]:
            del row["id"]
        return Response(body)


class ProductView(EtagMixin):
    """A product with its SKUs. Name the shopper's store: each SKU then carries the price and the
    pieces available there. What is shown promises nothing; placing the order does."""

    tags = ["catalogue"]
    refusals: ClassVar = {"GET": ["product_unknown", "store_unknown"]}
    examples: ClassVar = {"GET": ex.PRODUCT}
    permission_classes = [AllowAny]
    output = shapes.ProductDetailOutput

    @extend_schema(
        operation_id="products_retrieve",
        parameters=[shapes.ProductDetailQuery],
    )
    def get(self, request: Request, code: str) -> Response:
        asked = _asked(shapes.ProductDetailQuery, request)
        body = product_detail(code=code, store=asked["store"], now=clock.now())
        del body["id"]
        return Response(body)


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
        asked = _asked(shapes.PageQuery, request)
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
        asked = _asked(shapes.StoreQuery, request)
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
        asked = _asked(shapes.PlaceQuery, request)
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
        asked = _asked(shapes.CartQuery, request)
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
