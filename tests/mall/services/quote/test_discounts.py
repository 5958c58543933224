"""What promotions and coupons take off in a quote, exactly, and why one is refused."""

from datetime import timedelta

import pytest

from mall.services.quote import CouponNotApplicable
from tests.factories import (
    make_category,
    make_coupon,
    make_member,
    make_operator,
    make_product,
    make_promotion,
    make_template,
)

pytestmark = pytest.mark.django_db


def in_category(code: str) -> dict:
    return {"v": 1, "all": [{"fact": "category", "op": "in", "value": [code]}]}


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
