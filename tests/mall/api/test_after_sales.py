"""A member asks for units back over the API, once per key, and sees what became of it."""

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.models import IdempotencyKey
from mall.models import AfterSale, Order
from mall.services.aftersale import aftersale_approve, aftersale_refuse
from tests.factories import api_client, make_member
from tests.factories.orders import pay_order
from tests.mall.sales import mixed_sale, plain_order, refunds_arrive

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(now) -> Order:
    """Two pieces at ¥50.00, paid by WeChat."""
    order = plain_order(now=now)
    pay_order(order, now=now)
    return order


@pytest.fixture
def ask(order):
    client = api_client(order.member)

    def asked(*lines, key: str = "", **body):
        return client.command(
            f"/api/v1/orders/{order.no}/after-sales",
            {
                "reason": "太小",
                "lines": [{"position": p, "quantity": n} for p, n in lines],
                **body,
            },
            key=key,
        )

    return asked


def code(answer) -> str:
    return answer.json()["errors"][0]["code"]


def test_a_request_is_taken_once_per_key(order, ask):
    first, again = ask((0, 1), key="key-0000001"), ask((0, 1), key="key-0000001")

    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    body = first.json()
    assert (body["state"], body["kind"], body["reason"]) == ("requested", "return", "太小")
    assert body["lines"] == [{"position": 0, "quantity": 1}]
    after_sale = AfterSale.objects.get()
    assert after_sale.no == body["no"]
    assert after_sale.lines.get().restock is True


def test_a_second_request_under_another_key_waits(ask):
    assert ask((0, 1)).status_code == 201

    refused = ask((0, 1))

    assert (refused.status_code, code(refused)) == (409, "after_sale_open")
    assert AfterSale.objects.count() == 1


@pytest.mark.parametrize(
    ("lines", "status", "error"),
    [
        ([(0, 3)], 409, "refund_too_large"),
        ([(0, 1), (0, 2)], 409, "refund_too_large"),
        ([(4, 1)], 404, "line_unknown"),
        ([(0, 0)], 400, "min_value"),
        ([(-1, 1)], 400, "min_value"),
        ([], 400, "empty"),
    ],
)
def test_what_makes_no_sense_is_refused_and_leaves_nothing(ask, lines, status, error):
    refused = ask(*lines)

    assert (refused.status_code, code(refused)) == (status, error)
    assert AfterSale.objects.count() == 0
    assert IdempotencyKey.objects.count() == 0


def test_a_client_cannot_decide_about_the_stock(order, ask):
    assert ask((0, 1), restock=False).status_code == 201

    assert AfterSale.objects.get().lines.get().restock is True


def test_another_members_order_is_unknown(order):
    answer = api_client(make_member()).command(
        f"/api/v1/orders/{order.no}/after-sales",
        {"reason": "x", "lines": [{"position": 0, "quantity": 1}]},
    )

    assert (answer.status_code, code(answer)) == (404, "order_unknown")
    assert AfterSale.objects.count() == 0


def test_the_order_shows_what_came_back_and_where_it_went(now):
    # given one piece of a mixed sale, of which WeChat's part is on its way
    sale = mixed_sale(now=now)
    client = api_client(sale.member)
    path = f"/api/v1/orders/{sale.order.no}"
    body = {"reason": "太小", "lines": [{"position": 0, "quantity": 1}]}
    no = client.command(f"{path}/after-sales", body).json()["no"]
    aftersale_approve(after_sale_no=no, reason="好", actor=SYSTEM, now=now)

    # when
    document = client.get(path).json()

    # then
    assert document["refunded_fen"] == 7_952
    assert [x["refunded_quantity"] for x in document["lines"]] == [1, 0]
    assert [(r["to"], r["amount_fen"], r["state"]) for r in document["refunds"]] == [
        ("card_principal", 1_361, "done"),
        ("card_bonus", 136, "done"),
        ("card_principal", 2_722, "done"),
        ("card_bonus", 212, "done"),
        ("wechat", 3_521, "approved"),
    ]
    assert [(a["no"], a["state"], a["decision"]) for a in document["after_sales"]] == [
        (no, "approved", "好")
    ]

    refunds_arrive(sale.order, now=now)
    document = client.get(path).json()
    assert document["refunds"][-1]["state"] == "done"
    assert document["after_sales"][0]["state"] == "done"


def test_a_refusal_says_why(order, ask, now):
    no = ask((0, 2)).json()["no"]
    aftersale_refuse(after_sale_no=no, reason="已穿过", actor=SYSTEM, now=now)

    document = api_client(order.member).get(f"/api/v1/orders/{order.no}").json()

    assert [(a["state"], a["decision"]) for a in document["after_sales"]] == [("refused", "已穿过")]
    assert (document["refunded_fen"], document["refunds"]) == (0, [])
    assert document["state"] == "paid"
