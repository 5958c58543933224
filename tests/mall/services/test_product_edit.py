"""A product's texts, place and schedule: what was seen is what is changed, or nothing is."""

from datetime import timedelta

import pytest

from config.kernel.actors import Actor
from config.kernel.models import Event
from mall.models import Product
from mall.services.product_edit import (
    ProductChanged,
    ProductCodeTaken,
    ProductMissing,
    product_add,
    product_edit,
    product_version,
)
from tests.factories import make_brand, make_category, make_product

pytestmark = pytest.mark.django_db
BOSS = Actor("user", "7")
REFERENCE = "kernel.reference_changed"


def edit(product, now, **values):
    return product_edit(
        product_id=product.pk, values=values, shown=product_version(product), actor=BOSS, now=now
    )


def events():
    rows = Event.objects.filter(kind=REFERENCE).order_by("pk")
    return [(e.subject_type, e.subject_id, e.payload["change"], e.payload["changes"]) for e in rows]


def test_a_new_product_is_found_by_its_words_and_has_no_sku_yet(now):
    shelf, brand = make_category(name="茶具"), make_brand(name="山岚")
    product = product_add(
        code="cup-1",
        values={
            "name": "盖碗",
            "category": shelf,
            "brand": brand,
            "keywords": "Gaiwan",
            "attributes": [{"name": "材质", "value": "白瓷"}],
        },
        actor=BOSS,
        now=now,
    )
    product.refresh_from_db()
    assert product.search_text == "盖碗 gaiwan 山岚 茶具"
    assert (product.price_fen, product.images, product.skus.count()) == (0, [], 0)
    assert events() == [
        (
            "mall.product",
            product.pk,
            "added",
            {
                "code": True,
                "name": True,
                "category": [None, shelf.pk],
                "brand": [None, brand.pk],
                "keywords": True,
                "attributes": True,
            },
        )
    ]
    assert Event.objects.get(kind=REFERENCE).actor_id == "7"


def test_a_code_is_taken_once(now):
    make_product(code="cup-1")
    with pytest.raises(ProductCodeTaken):
        product_add(
            code="cup-1", values={"name": "盖碗", "category": make_category()}, actor=BOSS, now=now
        )
    assert (Product.objects.count(), events()) == (1, [])


def test_an_edit_writes_what_differs_and_says_so_once(now):
    product = make_product(name="毛巾")
    until = now + timedelta(days=3)
    edit(product, now, name="浴巾", unit="", on_sale=False, listed_until=until)
    product.refresh_from_db()
    assert (product.name, product.on_sale, product.listed_until) == ("浴巾", False, until)
    assert "浴巾" in product.search_text
    assert events() == [
        (
            "mall.product",
            product.pk,
            "changed",
            {"name": True, "on_sale": [True, False], "listed_until": [None, until.isoformat()]},
        )
    ]


def test_nothing_different_is_no_event(now):
    product = make_product(name="毛巾")
    edit(product, now, name="毛巾", on_sale=True)
    assert events() == []


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(now):
    product = make_product(name="毛巾")
    seen = Product.objects.get(pk=product.pk)
    edit(product, now, name="浴巾")
    with pytest.raises(ProductChanged):
        edit(seen, now, brief="柔软")
    product.refresh_from_db()
    assert (product.name, product.brief) == ("浴巾", "")
    assert len(events()) == 1


def test_a_price_that_changed_meanwhile_is_none_of_its_business(now):
    product = make_product(name="毛巾", skus=[1_000])
    seen = Product.objects.get(pk=product.pk)
    Product.objects.filter(pk=product.pk).update(price_fen=900, images=["/media/images/x.jpg"])
    edit(seen, now, brief="柔软")
    product.refresh_from_db()
    assert (product.price_fen, product.images) == (900, ["/media/images/x.jpg"])


def test_an_unknown_product_or_field_is_refused(now):
    product = make_product()
    product.pk += 1
    with pytest.raises(ProductMissing):
        edit(product, now, name="浴巾")
    with pytest.raises(ValueError, match="price_fen"):
        product_add(code="x", values={"price_fen": 1}, actor=BOSS, now=now)
    assert events() == []
