"""Coupons after a payment: by the policy in force, once per order."""

from datetime import timedelta

import pytest

from config.kernel.policies import PolicyInvalid
from coupons.guards import NotForMember, coupon_claim
from coupons.models import Coupon
from mall import payment_coupons
from mall.models import Order
from tests.factories import make_member, make_template, publish_policy

pytestmark = pytest.mark.django_db


@pytest.fixture
def order(now):
    from tests.factories import make_operator, make_store

    operator = make_operator(code="acc")
    store = make_store(operator=operator)
    return Order.objects.create(
        no="SO1",
        member=make_member(),
        operator=operator,
        store=store,
        channel="mini_program",
        state="placed",
        gross_fen=20_000,
        discount_fen=0,
        total_fen=20_000,
        placed_at=now,
        expires_at=now + timedelta(minutes=15),
    )


class Told:
    """As much of an event as the handler reads."""

    def __init__(self, order) -> None:
        self.subject_id = order.pk


@pytest.mark.corrupts
def test_who_paid_enough_has_a_coupon_once(order, now):
    template = make_template(code="thanks", public=False, per_member=9)
    dear = {"template": make_template(code="dear").code, "min_fen": 20_001}
    gone = {"template": "gone", "min_fen": 0}
    rules = [gone, dear, {"template": "thanks", "min_fen": 20_000}]
    publish_policy(kind="payment_coupons", body={"v": 1, "rules": rules}, scope="acc")
    payment_coupons.payment_coupons([Told(order)], now)
    assert Coupon.objects.count() == 0  # not paid

    Order.objects.update(state="paid", paid_at=now)
    for _twice in range(2):
        payment_coupons.payment_coupons([Told(order)], now)

    coupon = Coupon.objects.get()
    assert (coupon.template, coupon.member, coupon.source) == (template, order.member, "payment")
    assert coupon.source_token == "SO1"


@pytest.mark.corrupts
def test_a_coupon_for_a_first_order_asks_the_mall(order, now):
    first = {"v": 1, "all": [{"fact": "orders", "op": "eq", "value": 0}]}
    template = make_template(claim_for=first, per_member=9)
    claim = {"template_code": template.code, "member_id": order.member_id, "now": now}
    coupon_claim(**claim)

    Order.objects.update(state="paid", paid_at=now)
    with pytest.raises(NotForMember):
        coupon_claim(**claim)

    assert Coupon.objects.count() == 1


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"v": 2, "rules": []},
        {"v": 1, "rules": [{"template": "x"}]},
        {"v": 1, "rules": [{"template": "", "min_fen": 0}]},
        {"v": 1, "rules": [{"template": "x", "min_fen": -1}]},
        {"v": 1, "rules": [{"template": "x", "min_fen": 0}] * 2},
    ],
)
def test_bodies_that_cannot_be_published(body):
    with pytest.raises(PolicyInvalid):
        payment_coupons.validate(body)
