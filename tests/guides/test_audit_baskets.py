"""The audit line of prepared baskets, and the corruption it catches."""

import pytest
from django.db import transaction

from config.kernel.actors import SYSTEM
from guides.services.basket_order import basket_order
from mall.services.quote import Basket, quote
from tests.factories import (
    make_basket,
    make_binding,
    make_guide,
    make_member,
    make_product,
    make_stock,
    make_store,
)
from tests.planting import fired, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture
def ordered(now):
    store = make_store()
    make_store()
    guide, member = make_guide(store=store), make_member()
    make_member()
    make_binding(member=member, guide=guide)
    sku = make_product(skus=[10_000]).skus.get()
    make_stock(store=store, sku=sku)
    basket = make_basket(guide=guide, store=store, member=member, lines=[(sku, 1)], now=now)
    wanted = Basket(member_id=member.pk, store_code=store.code, lines=((sku.code, 1),))
    version = quote(basket=wanted, now=now).document()["version"]
    with transaction.atomic():
        basket_order(
            token=basket.code.token, basket=wanted, quote_version=version, actor=SYSTEM, now=now
        )
    return basket


@pytest.mark.parametrize(
    "change",
    [
        "store_id = (SELECT max(id) FROM stores_store)",
        "member_id = (SELECT max(id) FROM members_member)",
        "sent_at = sent_at + interval '1 day'",
        "expires_at = sent_at, sent_at = sent_at - interval '1 day'",
        "order_id = NULL, ordered_at = NULL",
        "code_id = (SELECT id FROM other)",
    ],
)
def test_an_order_that_is_not_that_of_its_basket_is_caught(ordered, change):
    assert fired() == []

    other = """
      WITH other AS (
        INSERT INTO kernel_code (token, purpose, owner_type, owner_id, payload, created_at)
        VALUES ('OTHER', 'guide.basket', 'guide', 1, '{}', now()) RETURNING id)
    """
    plant(f"{other} UPDATE guides_preparedbasket SET {change}", table="guides_preparedbasket")

    assert fired() == ["guides.baskets"]
