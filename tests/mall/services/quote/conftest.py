"""A shop, its member, two products, and a way to ask for quotes."""

import pytest

from mall.services.quote import Basket, quote
from tests.factories import make_member, make_product, make_store


@pytest.fixture
def store():
    return make_store()


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def skus():
    """¥99.00 and ¥50.00."""
    return list(make_product(skus=(9_900, 5_000)).skus.order_by("pk"))


@pytest.fixture
def ask(store, member, now):
    """The quote's document of a basket of (SKU, pieces)."""

    def quoted(*lines, at=now, **basket):
        asked = Basket(
            member_id=member.pk,
            store_code=basket.pop("store_code", store.code),
            lines=tuple((sku.code, n) for sku, n in lines),
            **basket,
        )
        return quote(basket=asked, now=at).document()

    return quoted
