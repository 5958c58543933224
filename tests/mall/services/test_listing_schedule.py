"""A product is shown, found and sold from one moment to another, and neither before nor after."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from config.kernel.actors import Actor
from guides.selectors import products_found
from guides.services.code_create import CodeTargetUnknown, code_create
from mall.models import CartLine, Order, Product, Sku
from mall.offers import offers
from mall.selectors.catalogue import (
    ProductFilter,
    ProductUnknown,
    product_detail,
    product_page,
)
from mall.selectors.catalogue_stores import stores_near
from mall.services.cart_set import cart_set
from mall.services.order_place import order_place
from mall.services.quote import Basket, SkuUnavailable, quote
from mall.services.sku_change import BarcodeTaken, sku_archive, sku_restore
from tests.factories import make_guide, make_member, make_product, make_sku, make_stock, make_store

pytestmark = pytest.mark.django_db

HOUR = timedelta(hours=1)


@pytest.fixture
def scheduled(now):
    """On the shelf from an hour from now until three hours from now."""
    product = make_product(code="moon", name="月饼礼盒", skus=[19_800])
    Product.objects.filter(pk=product.pk).update(
        listed_from=now + HOUR, listed_until=now + 3 * HOUR
    )
    return product


# (hours from now, on the shelf then): the start belongs to it, the end does not.
MOMENTS = [(0, False), (1, True), (2, True), (3, False)]


@pytest.mark.parametrize(("hours", "listed"), MOMENTS)
@pytest.mark.parametrize("at_store", [False, True])
def test_lists_and_pages_show_it_within_its_schedule(scheduled, now, hours, listed, at_store):
    store = make_store().code if at_store else ""
    then = now + hours * HOUR
    rows = product_page(ProductFilter(store=store), limit=5, now=then)
    assert [row["code"] for row in rows] == (["moon"] if listed else [])
    if listed:
        assert product_detail(code="moon", store=store, now=then)["code"] == "moon"
    else:
        with pytest.raises(ProductUnknown):
            product_detail(code="moon", store=store, now=then)


@pytest.mark.parametrize(("hours", "listed"), MOMENTS)
def test_it_is_sellable_within_its_schedule(scheduled, now, hours, listed):
    store, sku = make_store(), scheduled.skus.get()
    make_stock(store=store, sku=sku)
    then = now + hours * HOUR
    assert (
        offers(store_code=store.code, sku_codes=[sku.code], now=then).by_sku[sku.code].sellable
        is listed
    )
    places = {"latitude": None, "longitude": None, "sku": sku.code, "limit": 1}
    offer = stores_near(**places, now=then)[0]["offer"]
    assert offer == ({"price_fen": 19_800, "available": 10} if listed else None)


def test_neither_cart_nor_quote_takes_it_before_its_time(scheduled, now):
    store, member, sku = make_store(), make_member(), scheduled.skus.get()
    actor = Actor.member(member.pk)
    with pytest.raises(SkuUnavailable):
        cart_set(
            member_id=member.pk, store=store.code, sku=sku.code, quantity=1, actor=actor, now=now
        )
    assert not CartLine.objects.exists()
    basket = Basket(member_id=member.pk, store_code=store.code, lines=((sku.code, 1),))
    with pytest.raises(SkuUnavailable):
        quote(basket=basket, now=now)


def test_an_order_quoted_within_the_schedule_is_not_placed_after_it(scheduled, now):
    store, member, sku = make_store(), make_member(), scheduled.skus.get()
    stock = make_stock(store=store, sku=sku)
    basket = Basket(member_id=member.pk, store_code=store.code, lines=((sku.code, 1),))
    version = quote(basket=basket, now=now + 2 * HOUR).document()["version"]
    with pytest.raises(SkuUnavailable), transaction.atomic():
        order_place(
            basket=basket,
            quote_version=version,
            actor=Actor.member(member.pk),
            now=now + 3 * HOUR,
        )
    stock.refresh_from_db()
    assert (Order.objects.count(), stock.reserved) == (0, 0)


def test_guides_find_and_share_it_within_its_schedule(scheduled, now):
    guide = make_guide()
    actor = Actor.user(guide.user)
    assert not products_found(q="月饼", guide_id=guide.pk, now=now).exists()
    with pytest.raises(CodeTargetUnknown):
        code_create(guide_id=guide.pk, product_code="moon", actor=actor, now=now)
    then = now + HOUR
    assert [p.code for p in products_found(q="月饼", guide_id=guide.pk, now=then)] == ["moon"]
    code = code_create(guide_id=guide.pk, product_code="moon", actor=actor, now=then)
    assert code.payload == {"product": "moon"}


def test_the_database_refuses_a_schedule_that_ends_before_it_starts(scheduled, now):
    named = "mall_product_schedule_in_order"
    with pytest.raises(IntegrityError, match=named), transaction.atomic():
        Product.objects.filter(pk=scheduled.pk).update(listed_until=now + HOUR)


# --- barcodes -----------------------------------------------------------------------------------


def test_a_barcode_belongs_to_one_sku_in_use(now):
    first, second = make_sku(), make_sku()
    Sku.objects.filter(pk=first.pk).update(barcode="6901234567892")
    with pytest.raises(IntegrityError, match="mall_sku_barcode_once"), transaction.atomic():
        Sku.objects.filter(pk=second.pk).update(barcode="6901234567892")


def test_an_archived_sku_hands_its_barcode_on_and_cannot_come_back_with_it(now):
    first, second = make_sku(), make_sku()
    boss = Actor("user", "1")
    Sku.objects.filter(pk=first.pk).update(barcode="6901234567892")
    sku_archive(sku_id=first.pk, reason="换供应商", actor=boss, now=now)
    Sku.objects.filter(pk=second.pk).update(barcode="6901234567892")
    with pytest.raises(BarcodeTaken):
        sku_restore(sku_id=first.pk, reason="误操作", actor=boss, now=now)
    first.refresh_from_db()
    assert first.archived_at == now
