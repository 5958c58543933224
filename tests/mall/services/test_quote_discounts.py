"""Quotes with the kinds of discounts: who it is for, when, gifts, the best of all coupons."""

from datetime import timedelta

import pytest
from django.db import transaction

from config.kernel.actors import SYSTEM
from mall.models import Order, OrderLine, Stock
from mall.services.order_end import order_cancel
from mall.services.order_place import QuoteChanged, order_place
from mall.services.quote import Basket, CouponNotApplicable, quote
from members.models import Member, Membership, MembershipPlan, Tag
from members.services.member_tag import member_tag, member_untag
from tests.factories import (
    make_coupon,
    make_member,
    make_offer,
    make_product,
    make_promotion,
    make_stock,
    make_store,
    make_template,
    make_tier,
    publish_policy,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def store():
    return make_store()


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def sku(store):
    """¥99.00, ten pieces."""
    sku = make_product(skus=(9_900,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=10)
    return sku


@pytest.fixture
def basket(store, member, sku):
    def made(pieces=1, **more):
        return Basket(
            member_id=member.pk, store_code=store.code, lines=((sku.code, pieces),), **more
        )

    return made


@pytest.fixture
def placed(now):
    def place(basket):
        version = quote(basket=basket, now=now).document()["version"]
        return order_place(basket=basket, quote_version=version, actor=SYSTEM, now=now)

    return place


def of_member(fact: str, value) -> dict:
    return {"v": 1, "all": [{"fact": fact, "op": "eq", "value": value}]}


def test_a_new_member_pays_the_price_of_new_members_once(
    basket, placed, store, now, django_assert_num_queries
):
    # given
    make_promotion(
        operator=store.operator, kind="price", value=5_900, scope=of_member("first_order", 1)
    )

    # when
    with django_assert_num_queries(2):
        document = quote(basket=basket(2), now=now).document()

    # then
    [line] = document["lines"]
    assert (line["list_price_fen"], line["unit_price_fen"], line["price_fen"]) == (
        *(9_900, 9_900),
        5_900,
    )
    assert line["discounts"][0]["amount_fen"] == line["discount_fen"] == 8_000
    no = placed(basket(2))["no"]
    # While it waits to be paid, no other one is the first.
    assert quote(basket=basket(2), now=now).priced.total_fen == 19_800
    order_cancel(order_no=no, reason="", actor=SYSTEM, now=now)
    assert quote(basket=basket(2), now=now).priced.total_fen == 11_800


def test_a_tag_has_a_price_and_nobody_is_asked_for_tags_without_such_a_rule(
    basket, store, member, now, django_assert_num_queries
):
    # given
    Tag.objects.create(code="tea", name="爱茶")
    given = {"member_id": member.pk, "tag_code": "tea", "reason": "", "actor": SYSTEM, "now": now}
    member_tag(**given)
    everybody = make_promotion(operator=store.operator, kind="price", value=8_900)
    with django_assert_num_queries(1):
        assert quote(basket=basket(), now=now).priced.total_fen == 8_900
    everybody.delete()
    make_promotion(
        operator=store.operator, kind="price", value=5_900, scope=of_member("tags", "tea")
    )

    # when, then: one look-up more
    with django_assert_num_queries(2):
        assert quote(basket=basket(), now=now).priced.total_fen == 5_900
    member_untag(**given)
    assert quote(basket=basket(), now=now).priced.total_fen == 9_900


def test_a_price_level_is_of_the_tier_and_of_what_was_paid_for(basket, store, member, now):
    # given: gold has one list of prices, the membership another
    for level, price in (("vip", 8_900), ("plus", 7_900)):
        make_promotion(
            operator=store.operator,
            kind="price",
            value=price,
            scope=of_member("price_level", level),
        )
    rules = {"v": 1, "fen_per_growth": 100, "window_days": 365, "period_days": 365, "grace_days": 0}
    gold = make_tier(code="gold", growth_from=5_000)
    tier = {"code": "gold", "growth_from": 5_000, "price_level": "vip"}
    publish_policy(kind="tiers", body={**rules, "tiers": [tier]})
    plan = MembershipPlan.objects.create(
        code="plus",
        name="会员卡",
        operator=store.operator,
        price_fen=9_900,
        days=30,
        price_level="plus",
    )

    def price():
        return quote(basket=basket(), now=now).priced.total_fen

    # when, then
    assert price() == 9_900
    Member.objects.filter(pk=member.pk).update(tier=gold)
    assert price() == 8_900
    paid = Membership.objects.create(
        member=member,
        plan=plan,
        reference="SO1",
        key="SO1:0",
        price_fen=9_900,
        since=now,
        until=now + timedelta(days=30),
        created_at=now,
    )
    assert price() == 7_900
    Membership.objects.filter(pk=paid.pk).update(ended_at=now)
    assert price() == 8_900


def test_a_store_price_comes_before_a_markdown(basket, store, sku, now):
    make_offer(store=store, sku=sku, price_fen=8_000)
    make_promotion(operator=store.operator, kind="percent", span="line", value=1_000)

    [line] = quote(basket=basket(), now=now).document()["lines"]

    assert (line["list_price_fen"], line["unit_price_fen"], line["price_fen"]) == (
        *(9_900, 8_000),
        7_200,
    )


def test_a_promotion_holds_on_its_weekdays_and_hours(basket, store, now):
    make_promotion(
        operator=store.operator,
        value=1_000,
        weekdays=[now.astimezone().isoweekday()],
        hours=[["00:00", "23:59:59"]],
    )
    other = 1 + now.astimezone().isoweekday() % 7
    make_promotion(operator=store.operator, value=2_000, weekdays=[other])

    assert quote(basket=basket(), now=now).priced.discount_fen == 1_000


def test_a_coupon_outside_its_hours_is_refused_with_that_reason(basket, store, member, now):
    template = make_template(operator=store.operator, hours=[["00:00", "00:01"]])
    coupon = make_coupon(member, template=template)

    document = quote(basket=basket(coupon_nos=(coupon.no,)), now=now).document()

    assert [(r["coupon"], r["reason"]) for r in document["refused_coupons"]] == [
        (coupon.no, "hours")
    ]


def test_a_freight_coupon_waits_for_an_order_that_is_sent(basket, placed, store, member, now):
    template = make_template(operator=store.operator, kind="freight", value=0)
    coupon = make_coupon(member, template=template)

    document = quote(basket=basket(coupon_nos=(coupon.no,)), now=now).document()

    assert document["refused_coupons"][0]["reason"] == "freight"
    with pytest.raises(CouponNotApplicable), transaction.atomic():
        placed(basket(coupon_nos=(coupon.no,)))
    assert Order.objects.count() == 0


def test_a_gift_is_a_line_that_costs_nothing(basket, placed, store, now):
    # given
    bag = make_product(skus=(1_500,)).skus.get()
    make_stock(store=store, sku=bag, on_hand=1)
    make_promotion(
        operator=store.operator,
        code="bag",
        kind="gift",
        value=0,
        threshold_fen=9_000,
        times=1,
        skus={bag.code: 1},
    )

    # when
    result = placed(basket(2))

    # then the gift is reserved and explained, and nothing else changes
    assert (result["total_fen"], result["to_pay_fen"]) == (19_800, 19_800)
    gift = OrderLine.objects.get(order__no=result["no"], position=1)
    assert (gift.gross_fen, gift.discount_fen, gift.net_fen) == (1_500, 1_500, 0)
    assert gift.adjustments.values_list("kind", "reference", "amount_fen").get() == (
        *("promotion", "bag"),
        1_500,
    )
    assert Stock.objects.get(sku=bag).reserved == 1

    # when there is none left, it is said
    document = quote(basket=basket(2), now=now).document()
    assert [(g["sku"], g["given"]) for g in document["gifts"]] == [(bag.code, False)]
    assert len(document["lines"]) == 1


def test_the_best_of_all_coupons_is_used_and_the_others_say_why(
    basket, placed, store, member, now, django_assert_num_queries
):
    # given
    def coupon(**terms):
        operator = terms.pop("operator", store.operator)
        return make_coupon(member, template=make_template(operator=operator, **terms)).no

    small, large = coupon(value=500), coupon(value=900)
    tenth = coupon(kind="percent", value=1_000, stacking_group="percent")
    far = coupon(value=5_000, threshold_fen=20_000)
    elsewhere = coupon(value=5_000, operator=make_store().operator)

    # when
    with django_assert_num_queries(2):
        document = quote(basket=basket(best_coupons=True), now=now).document()

    # then
    taken = {d["reference"]: d["amount_fen"] for d in document["discounts"]}
    assert taken == {large: 900, tenth: 990}
    refused = {
        r["coupon"]: (r["reason"], r["missing_fen"], r["worth_fen"])
        for r in document["refused_coupons"]
    }
    assert refused == {
        small: ("stacking", 0, 500),
        far: ("threshold", 10_100, 0),
        elsewhere: ("store", 0, 0),
    }

    # and placing by hand what was chosen is placing that quote
    chosen = basket(coupon_nos=(tenth, large))
    assert quote(basket=chosen, now=now).document()["version"] == document["version"]
    assert placed(basket(best_coupons=True))["total_fen"] == 9_900 - 1_890


def test_a_pile_of_coupons_that_cannot_be_used_hides_no_good_one(
    basket, store, member, now, monkeypatch
):
    # given sixty for more than the basket costs, five of another operator, and one that ends last
    terms = {"operator": store.operator, "per_member": 99}
    far = make_template(**terms, value=5_000, threshold_fen=20_000, valid_days=1)
    elsewhere = make_template(operator=make_store().operator, per_member=99, valid_days=1)
    for _n in range(60):
        make_coupon(member, template=far)
    for _n in range(5):
        make_coupon(member, template=elsewhere)
    good = make_coupon(member, template=make_template(**terms, value=900, valid_days=30))

    # when
    priced = quote(basket=basket(best_coupons=True), now=now).priced

    # then
    assert [d.rule.reference for d in priced.discounts] == [good.no]
    assert (priced.exact, len(priced.refusals)) == (True, 65)

    # and where not all are looked at, those for elsewhere are the ones that are not
    monkeypatch.setattr("mall.services.quote_rules.MOST_COUPONS", 61)
    priced = quote(basket=basket(best_coupons=True), now=now).priced
    assert [d.rule.reference for d in priced.discounts] == [good.no]
    assert {r.reason for r in priced.refusals} == {"threshold"}


def test_a_best_quote_is_stale_when_its_coupon_went(basket, store, member, now):
    coupon = make_coupon(member, template=make_template(operator=store.operator))
    asked = basket(best_coupons=True)
    version = quote(basket=asked, now=now).document()["version"]
    coupon.state = "revoked"
    coupon.save()

    with pytest.raises(QuoteChanged) as refused, transaction.atomic():
        order_place(basket=asked, quote_version=version, actor=SYSTEM, now=now)

    assert refused.value.params["quote"]["discount_fen"] == 0
    assert Order.objects.count() == 0
    coupon.state = "claimed"
    coupon.save()


def test_a_promotion_of_tills_does_not_hold_in_the_mall(basket, store, now):
    make_promotion(operator=store.operator, channels=["store"])

    assert quote(basket=basket(), now=now).priced.discount_fen == 0


def test_promotions_are_those_of_the_moment(basket, store, now):
    make_promotion(operator=store.operator, value=1_000, ends_at=now + timedelta(hours=1))

    assert quote(basket=basket(), now=now).priced.discount_fen == 1_000
    assert quote(basket=basket(), now=now + timedelta(hours=1)).priced.discount_fen == 0
