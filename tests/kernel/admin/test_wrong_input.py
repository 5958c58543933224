"""What no person means to type is refused by the operations site, never an error of ours."""

import pytest
from django.contrib import admin
from django.db import models
from django.urls import reverse
from django.utils.translation import override

from mall.models import Product
from tests.factories import make_product, make_sku, make_user, staff_client
from tests.kernel.admin.world import Sale

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture
def client():
    return staff_client(make_user(superuser=True))


@pytest.mark.parametrize("key", ["x", "NaN", "1e400", "9" * 40, "-1"])
def test_a_link_to_no_key_is_shown_again_as_a_wrong_choice(client, key):
    answer = client.post(reverse("admin:mall_product_add"), {"category": key, "brand": key})

    assert answer.status_code == 200
    assert {"category", "brand"} <= set(answer.context["adminform"].form.errors)
    assert not Product.objects.exists()


def test_a_link_that_was_right_is_kept_beside_what_was_wrong(client):
    category = make_product().category

    answer = client.post(reverse("admin:mall_product_add"), {"category": category.pk})

    field = answer.context["adminform"].form["category"]
    assert f'<option value="{category.pk}" selected' in str(field)


@pytest.mark.parametrize("amount", ["1e400", "1e17", "21474836.48", "9" * 40])
def test_an_amount_wider_than_its_column_is_refused(client, amount):
    sku = make_sku(price_fen=4_200)
    address = reverse("admin:mall_sku_command", args=[sku.pk, "price"])

    answer = client.post(address, {"price_fen": amount, "reason": "调价"})

    assert answer.status_code == 200
    assert "price_fen" in answer.context["form"].errors
    sku.refresh_from_db()
    assert sku.price_fen == 4_200


def test_a_year_of_no_calendar_is_answered_like_any_wrong_filter(client):
    address = reverse("admin:mall_order_changelist")

    answer = client.get(address, {"placed_at__year": "99999999999"})

    assert (answer.status_code, answer["Location"]) == (302, f"{address}?e=1")


@pytest.mark.parametrize("page", ["x", "9" * 20, "2", "0"])
def test_a_page_of_results_that_is_none_is_not_found(client, page):
    assert client.get("/admin/search/", {"s": "a", "page": page}).status_code == 404


def test_every_row_has_a_name_in_the_reader_s_language():
    Sale()
    named = {}
    for model in admin.site._registry:
        assert model.__str__ is not models.Model.__str__, model._meta.label
        row = model._default_manager.first()
        if row is not None:
            with override("zh-hans"):
                named[model._meta.label] = str(row)

    assert not [name for name in named.values() if " object (" in name]
    assert named["mall.Fulfilment"].startswith("履约 ")
    assert " · " in named["mall.Stock"]
