"""The product editor: what is typed becomes one call of a service, or an error where it was."""

from datetime import datetime, timedelta

import pytest

from config.kernel.clock import SHANGHAI
from mall.models import Product
from tests.factories import (
    make_brand,
    make_category,
    make_product,
    make_staff,
    make_store,
    make_user,
    staff_client,
)
from tests.mall.admin.products.pages import changes, sent, url

pytestmark = pytest.mark.django_db


def basics(**given):
    return {
        "name": "盖碗",
        "brief": "",
        "keywords": "",
        "unit": "",
        "list_price_fen": "",
        "on_sale": "on",
        "attributes-name": ["材质", ""],
        "attributes-value": ["白瓷", ""],
        **given,
    }


def test_a_new_product_leads_on_to_its_skus(client):
    shelf, brand = make_category(name="茶具"), make_brand()
    assert client.get(url("add")).status_code == 200
    answer = client.post(
        url("add"), basics(code="cup-1", category=shelf.pk, brand=brand.pk, list_price_fen="128")
    )
    product = Product.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, url("skus", product.pk))
    assert (product.code, product.brand, product.list_price_fen) == ("cup-1", brand, 12_800)
    assert product.attributes == [{"name": "材质", "value": "白瓷"}]
    assert "盖碗" in product.search_text
    assert changes() == [("mall.product", "added")]


@pytest.mark.parametrize(
    ("wrong", "where"),
    [
        ({"code": "红色"}, "code"),
        ({"code": "tee"}, "code"),
        ({"name": ""}, "name"),
        ({"attributes-name": ["材质"], "attributes-value": [""]}, "attributes"),
        ({"attributes-name": ["材" * 41], "attributes-value": ["白瓷"]}, "attributes"),
        ({"attributes-name": ["材质"] * 41, "attributes-value": ["白瓷"] * 41}, "attributes"),
    ],
)
def test_what_a_product_cannot_be_is_said_at_its_field(client, product, wrong, where):
    data = basics(code="cup-1", category=product.category.pk) | wrong
    answer = client.post(url("add"), data)
    assert answer.status_code == 200
    assert where in answer.context["adminform"].form.errors
    assert (Product.objects.count(), changes()) == (1, [])


def edit(client, product, **given):
    page = sent(client.get(url("change", product.pk)))
    return page | basics(category=product.category.pk, name=product.name, **given)


def test_basics_are_edited_with_attributes_as_rows_and_times_of_shanghai(client, product):
    data = edit(
        client,
        product,
        listed_from_0="2026-12-01",
        listed_from_1="08:00:00",
        listed_until_0="2026-12-24",
        listed_until_1="22:00:00",
    )
    assert client.post(url("change", product.pk), data).status_code == 302
    product.refresh_from_db()
    assert product.attributes == [{"name": "材质", "value": "白瓷"}]
    assert product.listed_from == datetime(2026, 12, 1, 8, tzinfo=SHANGHAI)
    assert product.listed_until == datetime(2026, 12, 24, 22, tzinfo=SHANGHAI)
    assert changes() == [("mall.product", "changed")]
    page = client.get(url("change", product.pk)).content.decode()
    assert 'value="材质"' in page and 'value="白瓷"' in page and "[{" not in page
    assert 'value="2026/12/01"' in page and 'value="08:00"' in page


def test_a_schedule_that_ends_before_it_starts_is_refused_in_words(client, product):
    data = edit(
        client,
        product,
        listed_from_0="2026-12-24",
        listed_from_1="08:00:00",
        listed_until_0="2026-12-01",
        listed_until_1="08:00:00",
    )
    answer = client.post(url("change", product.pk), data)
    assert answer.status_code == 200
    assert "下架时间必须晚于上架时间" in answer.content.decode()
    assert changes() == []


def test_basics_that_somebody_changed_meanwhile_are_not_overwritten(client, product):
    data = edit(client, product, brief="柔软")
    Product.objects.filter(pk=product.pk).update(keywords="夏季")
    answer = client.post(url("change", product.pk), data)
    assert answer.status_code == 200
    assert "其他人已修改此商品" in answer.content.decode()
    product.refresh_from_db()
    assert (product.brief, product.keywords, changes()) == ("", "夏季", [])


# --- list and calendar -------------------------------------------------------------------------


def test_the_list_filters_by_schedule_and_shows_the_calendar(client, now):
    day = timedelta(days=1)
    for code, begins, ends in [
        ("plain", None, None),
        ("coming", now + day, now + 3 * day),
        ("running", now - day, now + 2 * day),
        ("over", None, now - day),
    ]:
        make_product(code=code)
        Product.objects.filter(code=code).update(listed_from=begins, listed_until=ends)

    def found(schedule):
        page = client.get(url("changelist"), {"schedule": schedule})
        return {row.code for row in page.context["cl"].queryset}

    assert found("coming") == {"coming"}
    assert found("running") == {"running"}
    assert found("over") == {"over"}
    assert found("scheduled") == {"coming", "running", "over"}
    turns = client.get(url("changelist")).context["turns"]
    assert [(t.code, t.begins) for t in turns] == [
        ("coming", True),
        ("running", False),
        ("coming", False),
    ]


# --- who ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "bound"),
    [("manager", "store"), ("headquarters", "operator"), ("clerk", "store"), ("auditor", "group")],
)
def test_who_may_only_look_sees_pages_without_buttons(product, role, bound):
    store = make_store()
    place = {"store": {"store": store}, "operator": {"operator": store.operator}, "group": {}}
    client = staff_client(make_staff(role=role, **place[bound]))
    for name in ("skus", "images"):
        page = client.get(url(name, product.pk))
        assert page.status_code == 200
        assert 'name="action"' not in page.content.decode()
        assert client.post(url(name, product.pk), {"action": "save"}).status_code == 403
    assert client.get(url("add")).status_code == 403
    assert changes() == []


def test_strangers_and_unknown_products_find_nothing(client, product):
    assert client.get(url("skus", product.pk + 1)).status_code == 404
    assert client.get(url("images", product.pk + 1)).status_code == 404
    nobody = staff_client(make_user(is_staff=True))
    for name in ("skus", "images"):
        assert nobody.get(url(name, product.pk)).status_code == 403


@pytest.mark.parametrize("name", ["skus", "images", "change"])
def test_a_page_takes_as_many_statements_for_many_skus(client, name, django_assert_num_queries):
    few, many = make_product(skus=[100]), make_product(skus=[100] * 60)
    with django_assert_num_queries(STATEMENTS[name]):
        client.get(url(name, few.pk))
    with django_assert_num_queries(STATEMENTS[name]):
        client.get(url(name, many.pk))


STATEMENTS = {"skus": 5, "images": 4, "change": 6}
