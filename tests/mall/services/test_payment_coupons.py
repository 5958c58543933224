"""Coupons after a payment: by the policy in force, once per order."""

from datetime import timedelta

import pytest

from config.kernel.models import Event
from config.kernel.policies import PolicyInvalid
from coupons.guards import NotForMember, coupon_claim, coupon_redeem
from coupons.models import Coupon
from mall import payment_coupons
from mall.models import Order, OrderLine
from tests.factories import (
    make_card_product,
    make_member,
    make_product,
    make_template,
    publish_policy,
)

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
def test_what_goes_on_a_card_reaches_no_threshold(order, now):
    rules = [
        {"template": make_template(per_member=9).code, "min_fen": fen} for fen in (5_001, 5_000)
    ]
    publish_policy(kind="payment_coupons", body={"v": 1, "rules": rules}, scope="acc")
    OrderLine.objects.create(
        order=order,
        position=0,
        kind="card",
        card_product=make_card_product(operator=order.operator),
        title="储值卡",
        quantity=1,
        unit_price_fen=15_000,
        gross_fen=15_000,
        net_fen=15_000,
    )
    Order.objects.update(state="paid", paid_at=now)

    payment_coupons.payment_coupons([Told(order)], now)

    assert Coupon.objects.get().template.code == rules[1]["template"]


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
        {"v": 1, "rules": [{"template": "x", "min_fen": 0, "take_back": 1}]},
        {"v": 1, "rules": [{"template": "x", "min_fen": 0}] * 2},
    ],
)
def test_bodies_that_cannot_be_published(body):
    with pytest.raises(PolicyInvalid):
        payment_coupons.validate(body)


@pytest.fixture
def thanked(order, now):
    """The order is paid, and gave one coupon that goes back with it and one that stays."""
    rules = [
        {"template": make_template(code="back", per_member=9).code, "min_fen": 0}
        | {"take_back": True},
        {"template": make_template(code="stays", per_member=9).code, "min_fen": 0},
    ]
    publish_policy(kind="payment_coupons", body={"v": 1, "rules": rules}, scope="acc")
    product = make_product(skus=[10_000])
    OrderLine.objects.create(
        order=order,
        position=1,
        kind="goods",
        sku=product.skus.get(),
        title="茶",
        quantity=2,
        unit_price_fen=10_000,
        gross_fen=20_000,
        discount_fen=0,
        net_fen=20_000,
    )
    Order.objects.update(state="paid", paid_at=now)
    payment_coupons.payment_coupons([Told(order)], now)
    return order


def states():
    return dict(Coupon.objects.order_by("pk").values_list("template__code", "state"))


@pytest.mark.corrupts
def test_what_a_payment_gave_goes_back_when_nothing_is_left_of_the_order(thanked, now):
    thanked.lines.update(refunded_quantity=1, refunded_fen=10_000)
    payment_coupons.payment_coupons_back([Told(thanked)], now)
    assert states() == {"back": "claimed", "stays": "claimed"}

    thanked.lines.update(refunded_quantity=2, refunded_fen=20_000)
    for _twice in range(2):
        payment_coupons.payment_coupons_back([Told(thanked)], now)

    assert states() == {"back": "revoked", "stays": "claimed"}
    event = Event.objects.get(kind="coupons.changed", to_state="revoked")
    assert event.payload["reference"] == "SO1"


@pytest.mark.corrupts
def test_what_was_used_stays_used(thanked, now):
    coupon = Coupon.objects.get(template__code="back")
    uses = [(coupon.pk, 2_000)]
    coupon_redeem(uses=uses, member_id=coupon.member_id, reference="SO2", channel="mall", now=now)
    thanked.lines.update(refunded_quantity=2, refunded_fen=20_000)

    payment_coupons.payment_coupons_back([Told(thanked)], now)

    assert states()["back"] == "used"


@pytest.mark.corrupts
def test_a_payment_that_is_told_of_after_its_refund_gives_nothing_to_take_back(thanked, now):
    other = make_member()
    Order.objects.update(member=other, state="cancelled", ended_at=now)

    payment_coupons.payment_coupons_back([Told(thanked)], now)
    payment_coupons.payment_coupons([Told(thanked)], now)

    theirs = Coupon.objects.filter(member=other).values_list("template__code", flat=True)
    assert list(theirs) == ["stays"]
