"""A shop, and a member with the points of a purchase."""

from datetime import timedelta

import pytest

from mall.services.quote import Basket, quote
from tests.factories import make_member, make_product, make_stock, make_store, publish_policy
from tests.mall.services.points.worth import POLICY, earn


@pytest.fixture
def store():
    return make_store()


@pytest.fixture
def member(now):
    """3,250 points of a purchase of yesterday; two fen each, half of an order at most."""
    publish_policy(kind="points", body=POLICY, effective_from=now - timedelta(days=500))
    member = make_member(openid="oPayer000000000000000000001")
    earn(member, 325_000, now)
    return member


@pytest.fixture
def skus(store):
    """¥99.00 and ¥33.33, ten of each."""
    skus = list(make_product(skus=(9_900, 3_333)).skus.order_by("pk"))
    for sku in skus:
        make_stock(store=store, sku=sku, on_hand=10)
    return skus


@pytest.fixture
def ask(store, member, now):
    def quoted(*lines, **basket):
        asked = Basket(
            member_id=member.pk,
            store_code=store.code,
            lines=tuple((sku.code, n) for sku, n in lines),
            **basket,
        )
        return quote(basket=asked, now=now)

    return quoted
