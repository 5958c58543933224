"""Quotes: stateless, repeatable, exact, and honest about what changed and what is refused."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from mall.models import Order
from mall.offers import StoreUnknown
from mall.services.order_value import CardProductUnknown
from mall.services.quote import (
    Basket,
    BasketInvalid,
    BasketTooLarge,
    CouponNotApplicable,
    SkuUnavailable,
    quote,
    quote_difference,
    quote_recall,
    quote_remember,
)
from members.selectors import card_lots
from members.services.card_freeze import card_freeze
from members.services.card_identity import CardIdentityMissing
from tests.factories import (
    make_card,
    make_card_product,
    make_category,
    make_coupon,
    make_member,
    make_offer,
    make_operator,
    make_product,
    make_promotion,
    make_store,
    make_template,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def store():
    return make_store()


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def skus():
    """¥99.00 and ¥50.00."""
    return list(make_product(skus=(9_900, 5_000)).skus.order_by("pk"))


@pytest.fixture
def ask(store, member, now):
    """The quote's document of a basket of (SKU, pieces)."""

    def quoted(*lines, at=now, **basket):
        asked = Basket(
            member_id=member.pk,
            store_code=basket.pop("store_code", store.code),
            lines=tuple((sku.code, n) for sku, n in lines),
            **basket,
        )
        return quote(basket=asked, now=at).document()

    return quoted


def in_category(code: str) -> dict:
    return {"v": 1, "all": [{"fact": "category", "op": "in", "value": [code]}]}


# The version


def test_the_same_basket_is_the_same_quote(ask, skus, now, django_assert_num_queries):
    first, second = skus

    with django_assert_num_queries(1):
        one = ask((first, 1), (second, 2))
    again = ask((first, 1), (second, 2), at=now + timedelta(hours=1))
    merged = ask((second, 1), (first, 1), (second, 1))

    assert one == again
    assert len(one["version"]) == 32
    assert merged["total_fen"] == one["total_fen"] == 19_900
    assert Order.objects.count() == Event.objects.count() == 0


def test_every_change_of_the_result_changes_the_version(ask, store, member, skus):
    first, _second = skus
    versions = [ask((first, 1))["version"], ask((first, 2))["version"]]
    make_offer(store=store, sku=first, price_fen=9_901)
    versions.append(ask((first, 1))["version"])
    make_promotion(operator=store.operator, value=1)
    versions.append(ask((first, 1))["version"])
    make_card(member, principal_fen=5, bonus_fen=0, operator=store.operator)
    versions.append(ask((first, 1), use_card=True)["version"])

    assert len(set(versions)) == 5


def test_an_old_quote_explains_what_changed_to_its_member_alone(ask, store, member, skus):
    # given a quote that was shown, and a price that changed
    first, _second = skus
    old = ask((first, 2))
    quote_remember(old, member_id=member.pk)
    make_offer(store=store, sku=first, price_fen=8_900)
    new = ask((first, 2))

    # when / then
    recalled = quote_recall(old["version"], member_id=member.pk)
    assert recalled == old
    assert quote_difference(recalled, new) == [
        {"what": "gross_fen", "before": 19_800, "now": 17_800},
        {"what": "total_fen", "before": 19_800, "now": 17_800},
        {"what": "to_pay_fen", "before": 19_800, "now": 17_800},
        {"what": f"price:{first.code}", "before": 9_900, "now": 8_900},
    ]
    assert quote_difference(old, old) == []
    assert quote_recall(old["version"], member_id=member.pk + 1) is None
    forgotten = quote_difference(None, new)
    assert {"what": "total_fen", "before": None, "now": 17_800} in forgotten


# Promotions


def test_the_best_promotion_of_each_group_counts(ask, store, skus):
    # given two of one group and one of another, which then meets what is left
    first, _second = skus
    make_promotion(operator=store.operator, code="ten", value=1_000)
    make_promotion(operator=store.operator, code="fifth", kind="percent", value=2_000)
    make_promotion(
        operator=store.operator,
        code="members",
        kind="percent",
        value=1_000,
        stacking_group="members",
        priority=200,
    )

    document = ask((first, 1))

    # then 9,900 − 1,980, and 10 % of 7,920
    assert [(d["reference"], d["amount_fen"]) for d in document["discounts"]] == [
        ("fifth", 1_980),
        ("members", 792),
    ]
    assert document["total_fen"] == 7_128


def test_a_promotion_counts_in_its_time_its_scope_and_its_operator(ask, store, skus, now):
    first, second = skus
    other = make_product(skus=(10_000,), category=make_category(code="bags")).skus.get()
    operator = store.operator
    make_promotion(operator=operator, code="early", starts_at=now + timedelta(seconds=1))
    make_promotion(operator=operator, code="late", ends_at=now)
    make_promotion(operator=make_operator(), code="theirs")
    archived = make_promotion(operator=operator, code="gone")
    archived.archived_at = now
    archived.save()
    make_promotion(operator=operator, code="bags", value=300, scope=in_category("bags"))

    document = ask((first, 1), (other, 1), (second, 1))

    assert [(d["reference"], d["amount_fen"]) for d in document["discounts"]] == [("bags", 300)]
    assert [line["discount_fen"] for line in document["lines"]] == [0, 300, 0]


def test_a_promotion_never_takes_more_than_there_is(ask, store, skus):
    first, second = skus
    make_promotion(operator=store.operator, value=1_000_000)

    document = ask((first, 1), (second, 1))

    assert (document["total_fen"], document["tenders"]) == (0, [])
    assert [line["net_fen"] for line in document["lines"]] == [0, 0]


# Coupons


def test_a_coupon_is_refused_with_its_reason_and_the_quote_stands(ask, store, member, skus):
    # given coupons that need more, fit nothing, share a group, and round to nothing
    first, _second = skus

    def coupon(**template):
        return make_coupon(member, template=make_template(operator=store.operator, **template)).no

    far = coupon(threshold_fen=10_000, stacking_group="far")
    elsewhere = coupon(scope=in_category("bags"), stacking_group="elsewhere")
    tiny = coupon(kind="percent", value=1, max_discount_fen=100, stacking_group="tiny")
    used = coupon(value=500)
    twin = coupon(value=500)

    # when
    document = ask((first, 1), coupon_nos=(far, elsewhere, used, twin))

    # then one of the twins counts
    taken = [d["reference"] for d in document["discounts"]]
    assert taken in ([used], [twin])
    refused = {r["coupon"]: (r["reason"], r["missing_fen"]) for r in document["refused_coupons"]}
    assert refused == {
        far: ("threshold", 100),
        elsewhere: ("scope", 0),
        ({used, twin} - set(taken)).pop(): ("stacking", 0),
    }
    assert document["total_fen"] == 9_400

    cheap = make_product(skus=(99,)).skus.get()
    nothing = ask((cheap, 1), coupon_nos=(tiny,))
    assert [(r["coupon"], r["reason"]) for r in nothing["refused_coupons"]] == [(tiny, "nothing")]
    assert nothing["total_fen"] == 99


def test_coupons_come_to_the_same_whatever_their_numbers(ask, store, member, skus):
    # given a coupon for ¥99.00 and more, one of ¥5.00 and one of a tenth, twice over
    first, _second = skus
    templates = [
        make_template(operator=store.operator, per_member=2, stacking_group=group, **template)
        for group, template in (
            ("a", {"kind": "percent", "value": 1_000, "threshold_fen": 9_900}),
            ("b", {"value": 500}),
            ("c", {"value": 300}),
        )
    ]
    for place, prefix in enumerate((("C1", "C2", "C3"), ("C9", "C8", "C7"))):
        nos = []
        for template, no in zip(templates, prefix, strict=True):
            coupon = make_coupon(member, template=template)
            coupon.no = f"{no}{place}"
            coupon.save()
            nos.append(coupon.no)

        # when
        document = ask((first, 1), coupon_nos=tuple(nos))

        # then each takes what it is worth by itself: a tenth of 99, 5 and 3
        assert [d["amount_fen"] for d in document["discounts"]] == [990, 500, 300]
        assert document["refused_coupons"] == []


def test_the_threshold_looks_at_what_promotions_left(ask, store, member, skus):
    first, _second = skus
    make_promotion(operator=store.operator, value=1_000)
    template = make_template(operator=store.operator, threshold_fen=9_000)
    coupon = make_coupon(member, template=template)

    document = ask((first, 1), coupon_nos=(coupon.no,))

    assert document["refused_coupons"][0]["missing_fen"] == 100
    assert document["total_fen"] == 8_900


def test_coupons_of_different_groups_meet_what_is_left_and_keep_their_cap(ask, store, member, skus):
    first, second = skus
    amount = make_coupon(
        member, template=make_template(operator=store.operator, value=1_000, stacking_group="a")
    )
    percent = make_coupon(
        member,
        template=make_template(
            operator=store.operator,
            kind="percent",
            value=5_000,
            max_discount_fen=2_000,
            stacking_group="b",
        ),
    )

    document = ask((first, 1), (second, 1), coupon_nos=(amount.no, percent.no, amount.no))

    assert {d["reference"]: d["amount_fen"] for d in document["discounts"]} == {
        amount.no: 1_000,
        percent.no: 2_000,
    }
    assert document["total_fen"] == 11_900
    for line in document["lines"]:
        assert sum(d["amount_fen"] for d in line["discounts"]) == line["discount_fen"]


@pytest.mark.parametrize(
    "whose", ["nobody's", "another member's", "another operator's", "the store's", "old"]
)
def test_a_coupon_that_may_not_be_used_is_refused(ask, store, member, skus, now, whose):
    # given
    owner = make_member() if whose == "another member's" else member
    operator = make_operator() if whose == "another operator's" else store.operator
    channels = ["store"] if whose == "the store's" else None
    template = make_template(operator=operator, channels=channels)
    coupon = make_coupon(owner, template=template)
    no = "C0" if whose == "nobody's" else coupon.no
    at = coupon.valid_until if whose == "old" else now

    # when / then
    with pytest.raises(CouponNotApplicable) as refused:
        ask((skus[0], 1), coupon_nos=(no,), at=at)
    assert refused.value.params["coupon"] == no


# Stored value


def test_a_card_pays_as_far_as_it_goes_and_each_fen_is_allocated(ask, store, member, skus):
    first, second = skus
    make_card(member, principal_fen=6_000, bonus_fen=601, operator=store.operator)

    document = ask((first, 1), (second, 1), use_card=True)

    tenders = [(t["kind"], t["amount_fen"]) for t in document["tenders"]]
    assert tenders == [("card_principal", 6_000), ("card_bonus", 601), ("wechat", 8_299)]
    assert (document["card_fen"], document["to_pay_fen"]) == (6_601, 8_299)
    rows = [line["tenders_fen"] for line in document["lines"]]
    assert [sum(row) for row in rows] == [line["net_fen"] for line in document["lines"]]
    assert [sum(column) for column in zip(*rows, strict=True)] == [6_000, 601, 8_299]


@pytest.mark.parametrize(
    ("limit", "by_card"), [(None, 5_500), (0, 0), (1_100, 1_100), (999_999, 5_500)]
)
def test_a_member_may_spend_less_of_it(ask, store, member, skus, limit, by_card):
    make_card(member, principal_fen=5_000, bonus_fen=500, operator=store.operator)

    document = ask((skus[0], 1), use_card=True, card_fen=limit)

    assert (document["card_fen"], document["to_pay_fen"]) == (by_card, 9_900 - by_card)


def test_one_card_pays_the_one_that_was_named_or_the_oldest(ask, store, member, skus, now):
    older = make_card(member, principal_fen=1_000, bonus_fen=0, operator=store.operator)
    newer = make_card(
        member,
        principal_fen=2_000,
        bonus_fen=0,
        operator=store.operator,
        now=now + timedelta(seconds=1),
    )
    assert len(card_lots(member_id=member.pk)) == 2

    assert ask((skus[0], 1), use_card=True)["card_fen"] == 1_000
    named = ask((skus[0], 1), use_card=True, card_no=newer.no)
    assert (named["card_fen"], named["tenders"][0]["card"]) == (2_000, newer.no)
    assert ask((skus[0], 1))["card_fen"] == 0
    assert older.no != newer.no


def test_neither_another_members_card_nor_a_frozen_one_pays(ask, store, member, skus, now):
    theirs = make_card(make_member(), operator=store.operator)
    frozen = make_card(member, operator=store.operator)
    card_freeze(card_id=frozen.pk, reason="lost", actor=SYSTEM, now=now)

    for no in ("", theirs.no, frozen.no):
        document = ask((skus[0], 1), use_card=True, card_no=no)
        assert (document["card_fen"], document["to_pay_fen"]) == (0, 9_900)


def test_who_may_not_hold_a_card_is_told_before_paying_for_it(ask, store, member):
    product = make_card_product(operator=store.operator, price_fen=30_000)
    member.phone = None
    member.save()
    with pytest.raises(CardIdentityMissing):
        ask(card_product=product.code)


def test_a_card_is_bought_by_wechat_from_its_issuer(ask, store, member, now):
    # given a card of the group's operator, bought in another operator's store
    issuer = make_operator(mchid="1900000002")
    product = make_card_product(operator=issuer, price_fen=30_000)
    make_promotion(operator=store.operator, value=1_000)

    basket = Basket(member_id=member.pk, store_code=store.code, card_product=product.code)
    priced = quote(basket=basket, now=now)

    # then no discount touches it
    assert (priced.operator_id, priced.mchid) == (issuer.pk, "1900000002")
    assert (priced.to_pay_fen, priced.priced.discount_fen) == (30_000, 0)
    assert priced.stock() == {}


# Refusals


def test_baskets_that_are_none(ask, store, member, skus, now):
    product = make_card_product(operator=store.operator)
    coupon = make_coupon(member, template=make_template(operator=store.operator))

    for basket in (
        {},
        {"card_product": product.code, "coupon_nos": (coupon.no,)},
        {"card_product": product.code, "use_card": True},
    ):
        with pytest.raises(BasketInvalid):
            ask(**basket)
    with pytest.raises(BasketInvalid):
        ask((skus[0], 1), card_product=product.code)


def test_a_basket_dearer_than_an_order_can_hold_is_refused(ask, store):
    # given an article at ¥214,748.36, a hundredth of what an order holds
    sku = make_product(skus=(21_474_836,)).skus.get()

    # when / then
    assert ask((sku, 100))["gross_fen"] == 2_147_483_600
    with pytest.raises(BasketTooLarge) as refused:
        ask((sku, 60), (sku, 41))
    assert refused.value.params == {"most": "¥21,474,836.47"}


def test_what_is_not_there_is_named(ask, store, skus, now):
    first, second = skus
    gone = make_product(skus=(100,), on_sale=False).skus.get()
    make_offer(store=store, sku=second, listed=False)
    product = make_card_product(operator=store.operator)
    product.on_sale = False
    product.save()

    with pytest.raises(SkuUnavailable) as refused:
        ask((first, 1), (gone, 1), (second, 1))
    assert refused.value.params == {"skus": f"{gone.code}, {second.code}"}
    with pytest.raises(StoreUnknown):
        ask((first, 1), store_code="nowhere")
    for code in (product.code, "nothing"):
        with pytest.raises(CardProductUnknown):
            ask(card_product=code)
