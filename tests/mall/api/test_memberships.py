"""A membership is bought and given back in the mini-program."""

import uuid

import pytest

from mall.models import AfterSale, Order
from members.models import MembershipPlan
from tests.factories import api_client, make_member, make_membership_plan, make_store
from tests.factories.orders import pay_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def store():
    return make_store(code="sh1")


@pytest.fixture
def client(store):
    make_membership_plan(code="plus", operator=store.operator)
    return api_client(make_member(openid="oPayer000000000000000000001"))


def post(client, path, body):
    key = {"Idempotency-Key": uuid.uuid4().hex}
    return client.post(f"/api/v1/{path}", body, format="json", headers=key)


def test_a_membership_is_bought_and_given_back(client, store, now, relayed):
    basket = {"store": "sh1", "membership_plan": "plus"}
    quoted = post(client, "quotes", basket).json()
    assert (quoted["to_pay_fen"], quoted["lines"][0]["membership_days"]) == (9_900, 30)
    answer = post(client, "orders", {**basket, "quote_version": quoted["version"]})
    assert answer.status_code == 201
    no = answer.json()["no"]
    pay_order(Order.objects.get(no=no), now=now)
    relayed(now)
    shown = client.get(f"/api/v1/orders/{no}").json()
    assert (shown["state"], shown["lines"][0]["kind"]) == ("completed", "membership")
    (held,) = client.get("/api/v1/me/memberships").json()["results"]
    assert (held["plan"], held["reference"]) == ("plus", no)
    asked = {"lines": [{"position": 0, "quantity": 1}], "kind": "refund", "reason": "不用了"}
    assert post(client, f"orders/{no}/after-sales", asked).status_code == 201
    assert AfterSale.objects.get().state == "requested"


@pytest.mark.parametrize(
    ("basket", "code"),
    [
        ({"membership_plan": "none"}, "membership_plan_unknown"),
        ({"membership_plan": "plus", "use_card": True}, "basket_invalid"),
        ({"membership_plan": "plus", "use_points": True}, "basket_invalid"),
        ({"membership_plan": "plus", "card_product": "GIFT"}, "basket_invalid"),
    ],
)
def test_what_cannot_be_bought_is_refused(client, basket, code):
    answer = post(client, "quotes", {"store": "sh1", **basket})
    assert answer.json()["errors"][0]["code"] == code
    assert Order.objects.count() == 0


def test_where_the_plan_says_so_members_do_not_ask(client, store, now):
    MembershipPlan.objects.update(refund_on_request=False)
    basket = {"store": "sh1", "membership_plan": "plus"}
    version = post(client, "quotes", basket).json()["version"]
    no = post(client, "orders", {**basket, "quote_version": version}).json()["no"]
    pay_order(Order.objects.get(no=no), now=now)
    asked = {"lines": [{"position": 0, "quantity": 1}], "kind": "refund", "reason": "不用了"}
    answer = post(client, f"orders/{no}/after-sales", asked)
    assert answer.json()["errors"][0]["code"] == "membership_by_staff"
    assert AfterSale.objects.count() == 0
