"""Prepared baskets in the console: by state, by store, on the order they became, as a file."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import transaction

from config.kernel.actors import SYSTEM
from guides.services.basket_order import basket_order
from mall.models import Order
from mall.services.quote import Basket, quote
from stores.states import Role
from tests.factories import (
    make_basket,
    make_guide,
    make_product,
    make_staff,
    make_stock,
    make_store,
    make_user,
    staff_client,
)

pytestmark = pytest.mark.django_db
LIST = "/admin/guides/preparedbasket/"


@pytest.fixture
def tea(store):
    sku = make_product(skus=[12_000], name="明前龙井").skus.get()
    make_stock(store=store, sku=sku, on_hand=9)
    return sku


@pytest.fixture
def ordered(guide, store, member, tea, now):
    basket = make_basket(guide=guide, store=store, lines=[(tea, 2)], note="新茶", now=now)
    wanted = Basket(member_id=member.pk, store_code=store.code, lines=((tea.code, 2),))
    version = quote(basket=wanted, now=now).document()["version"]
    with transaction.atomic():
        basket_order(
            token=basket.code.token, basket=wanted, quote_version=version, actor=SYSTEM, now=now
        )
    return basket


def test_the_list_is_narrowed_by_what_became_of_them(ordered, guide, store, tea, now):
    early = now - timedelta(days=9)
    late = make_basket(guide=guide, store=store, lines=[(tea, 1)], days=1, now=early)
    client = staff_client(make_user(superuser=True))

    def shown(state):
        return list(client.get(LIST, {"became": state}).context["cl"].result_list)

    assert (shown("ordered"), shown("expired"), shown("sent")) == ([ordered], [late], [])
    assert len(client.get(LIST).context["cl"].result_list) == 2


def test_staff_see_those_of_their_store(ordered, store, guide, tea, now):
    elsewhere = make_store()
    make_stock(store=elsewhere, sku=tea)
    make_basket(guide=make_guide(store=elsewhere), store=elsewhere, lines=[(tea, 1)], now=now)
    client = staff_client(make_staff(store=store, role=Role.MANAGER))

    assert list(client.get(LIST).context["cl"].result_list) == [ordered]


def test_an_order_says_that_it_was_a_guides_and_of_which_basket(ordered, guide):
    order = Order.objects.get()
    page = staff_client(make_user(superuser=True)).get(f"/admin/mall/order/{order.pk}/change/")
    text = page.content.decode()

    assert ordered.code.token in text
    [panel] = [p for p in page.context["panels"] if p.title == "代选购物篮"]
    assert guide.name in [str(cell) for cell in panel.rows[0][1]]


def test_they_leave_as_a_file_with_their_state(ordered):
    client = staff_client(make_user(superuser=True))
    answer = client.post(f"{LIST}export/", {"format": "csv"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")

    [row] = csv.DictReader(io.StringIO(text))
    assert "已下单" in row.values() and Order.objects.get().no in row.values()
