"""The desk sends: what has to be shipped, to whom, and with which number."""

import pytest
from django.urls import reverse

from config.kernel.actors import SYSTEM
from mall.services.aftersale import aftersale_request
from mall.services.order_deliver import order_received
from tests.factories import make_member, make_store, publish_policy
from tests.factories.orders import FREIGHT, make_address, place_order
from tests.mall.web.desk.pages import QUEUE

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(store, sell):
    publish_policy(kind="freight", body=FREIGHT, scope=store.operator.code)
    return sell(address=make_address())


def ship(client, order, carrier="顺丰速运", tracking_no="SF1020304050"):
    return client.post(
        reverse("desk:ship", args=[order.no]),
        {"carrier": carrier, "tracking_no": tracking_no},
        follow=True,
    )


def order_page(client, order):
    return client.get(reverse("desk:order", args=[order.no])).content.decode()


def test_what_has_to_be_sent_stands_first_and_masked(client, order):
    page = client.get(QUEUE)

    assert [x.parcel.order.no for x in page.context["queue"].to_send] == [order.no]
    text = page.content.decode()
    assert "李** 上海市 上海市 徐汇区" in text
    assert "天平路" not in text and "13800001234" not in text


def test_the_queue_costs_one_statement_for_any_number_to_send(
    client, order, sell, django_assert_max_num_queries
):
    client.get(QUEUE)
    with django_assert_max_num_queries(11) as one:
        client.get(QUEUE)
    sell(address=make_address()), sell()
    with django_assert_max_num_queries(len(one)):
        assert len(client.get(QUEUE).context["queue"].to_send) == 2


def test_the_page_of_an_order_has_the_address_and_ships_it(client, order):
    page = order_page(client, order)
    assert "天平路 1 号 501 室" in page and "13800001234" in page

    told = ship(client, order)

    assert "SF1020304050" in told.content.decode()
    queue = told.context["queue"]
    assert (queue.to_send, len(queue.shipped)) == ([], 1)
    assert order.fulfilments.get().state == "shipped"
    assert reverse("desk:ship", args=[order.no]) not in order_page(client, order)


def test_whom_it_went_to_is_masked_once_it_is_there(client, order, now):
    ship(client, order)
    assert "天平路 1 号 501 室" in order_page(client, order)

    order_received(order_no=order.no, member_id=order.member_id, actor=SYSTEM, now=now)

    page = order_page(client, order)
    assert "李** 138****1234" in page and "上海市 徐汇区" in page
    assert "天平路" not in page and "13800001234" not in page and "李小明" not in page


def test_of_an_order_that_is_not_paid_nobody_needs_the_address(client, store, order, now):
    sku = order.lines.get(kind="goods").sku
    unpaid = place_order(
        make_member(), store=store, lines=[(sku, 1)], address=make_address(), now=now
    )

    page = order_page(client, unpaid)

    assert "李** 138****1234" in page and "天平路" not in page


def test_a_refusal_is_said_and_ships_nothing(client, order):
    assert "运单号" in ship(client, order, tracking_no=" ").content.decode()

    assert order.fulfilments.get().state == "pending"


def test_an_open_after_sale_is_said_and_offers_no_shipping(client, order, now):
    aftersale_request(order_no=order.no, lines=[(0, 1)], reason="不要了", actor=SYSTEM, now=now)

    assert client.get(QUEUE).context["queue"].to_send[0].held
    assert reverse("desk:ship", args=[order.no]) not in order_page(client, order)


def test_another_stores_order_is_not_found(client, sell):
    elsewhere = make_store()
    publish_policy(kind="freight", body=FREIGHT, scope=elsewhere.operator.code)
    foreign = sell(at=elsewhere, address=make_address())

    assert ship(client, foreign).status_code == 404
    assert foreign.fulfilments.get().state == "pending"


def test_it_is_found_by_number_or_end_of_phone(client, order):
    for q, found in (("1234", 1), (order.no[-6:].lower(), 1), ("9999", 0)):
        queue = client.get(QUEUE, {"q": q}, headers={"HX-Request": "true"}).context["queue"]
        assert len(queue.to_send) == found
