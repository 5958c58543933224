"""Each kind of discount by hand, to the fen."""

import pytest

from mall.pricing import Item, Rule, price


def item(sku: str, quantity: int, unit: int, **facts) -> Item:
    return Item(sku, quantity, unit, {"sku": sku, **facts})


def rule(method: str, value: int = 0, kind: str = "promotion", **columns) -> Rule:
    columns = {
        "reference": "R",
        "title": "R",
        "threshold_fen": 0,
        "max_discount_fen": None,
        "scope": {},
        "group": "g",
    } | columns
    return Rule(kind=kind, method=method, value=value, **columns)


TEA = item("tea", 3, 5_000)
CUP = item("cup", 2, 3_000)
ONLY_TEA = {"v": 1, "all": [{"fact": "sku", "op": "eq", "value": "tea"}]}


@pytest.mark.parametrize(
    ("offer", "off"),
    [
        # 满 200 减 30、满 210 减 60: the basket is 21,000.
        (rule("amount", 3_000, threshold_fen=20_000, steps=((21_000, 6_000),)), 6_000),
        (rule("amount", 3_000, threshold_fen=20_000, steps=((21_001, 6_000),)), 3_000),
        (rule("amount", 3_000, threshold_fen=21_001), 0),
        # Five pieces: two steps by quantity.
        (rule("percent", 1_000, threshold_pieces=2, steps=((5, 2_000),)), 4_200),
        (rule("percent", 1_000, threshold_pieces=2, steps=((6, 2_000),)), 2_100),
        (rule("percent", 2_000, max_discount_fen=1_500), 1_500),
        # Each line by itself: only the tea comes to 15,000.
        (rule("amount", 1_000, threshold_fen=15_000, span="line"), 1_000),
        (rule("amount", 1_000, span="line"), 2_000),
        # A price for each piece, for two, for the tea alone; never dearer.
        (rule("price", 2_000), 11_000),
        (rule("price", 2_000, times=2), 6_000),
        (rule("price", 2_000, scope=ONLY_TEA), 9_000),
        (rule("price", 9_900), 0),
        (rule("price", skus={"tea": 4_500}), 1_500),
        # An exchange: the dearest piece for nothing.
        (rule("price", 0, kind="coupon", times=1), 5_000),
        # Every second piece, the dearest first: tea, TEA, tea, CUP, cup at half.
        (rule("nth", 5_000, pieces=2), 4_000),
        (rule("nth", 5_000, pieces=2, times=1), 2_500),
        (rule("nth", 10_000, pieces=3), 5_000),
        # Three for ¥99: the three teas, and no second set of cups.
        (rule("multi", 9_900, pieces=3), 5_100),
        # Two for ¥70: tea and tea, tea and cup; a cup is left.
        (rule("multi", 7_000, pieces=2), 4_000),
        (rule("multi", 7_000, pieces=2, times=1), 3_000),
        (rule("multi", 20_000, pieces=3), 0),
        # One tea and one cup for ¥60, twice.
        (rule("bundle", 6_000, skus={"tea": 1, "cup": 1}), 4_000),
        (rule("bundle", 6_000, skus={"tea": 1, "cup": 1}, times=1), 2_000),
        (rule("bundle", 6_000, skus={"tea": 4, "cup": 1}), 0),
    ],
)
def test_a_kind_takes_off(offer, off):
    priced = price([TEA, CUP], [offer])

    assert priced.discount_fen == off
    assert priced.total_fen == 21_000 - off


def test_three_for_a_price_takes_the_dearest_three_of_different_lines():
    priced = price([TEA, CUP, item("pot", 1, 8_000)], [rule("multi", 9_900, pieces=3)])

    # pot + tea + tea = 18,000; the tea and two cups that are left come to 11,000
    assert priced.discount_fen == 8_100 + 1_100
    assert priced.nets == (15_000 - 4_500 - 500, 6_000 - 600, 8_000 - 3_600)


def test_each_line_has_the_lowest_marked_price_and_says_whose():
    tier = rule("price", skus={"tea": 4_500}, reference="tier")
    sale = rule("percent", 2_000, span="line", scope=ONLY_TEA, reference="sale")
    cups = rule("price", skus={"cup": 2_900}, reference="cups", group="other")

    priced = price([TEA, CUP], [tier, sale, cups])

    assert priced.prices == (4_000, 2_900)
    assert {d.rule.reference: d.amounts for d in priced.discounts} == {
        "sale": (3_000, 0),
        "cups": (0, 200),
    }


def test_what_is_marked_down_may_be_kept_out_of_other_groups():
    sale = rule("price", 4_000, scope=ONLY_TEA, excludes=frozenset({"coupon"}))
    coupon = rule("percent", 1_000, kind="coupon", group="coupon", reference="C")

    priced = price([TEA, CUP], [sale, coupon])

    assert priced.nets == (12_000, 5_400)


def test_a_gift_comes_as_often_as_its_threshold_fits():
    gift = rule("gift", skus={"bag": 2}, threshold_fen=10_000)

    assert [(g.sku, g.pieces) for g in price([TEA, CUP], [gift]).gifts] == [("bag", 4)]
    once = rule("gift", skus={"bag": 2}, threshold_fen=10_000, times=1)
    assert [(g.sku, g.pieces) for g in price([TEA, CUP], [once]).gifts] == [("bag", 2)]
    assert price([CUP], [gift]).gifts == ()


def test_a_discount_of_the_group_comes_before_its_gift():
    gift = rule("gift", skus={"bag": 1}, reference="gift")
    off = rule("amount", 100, reference="off")

    priced = price([TEA], [gift, off])

    assert (priced.discount_fen, priced.gifts) == (100, ())


def test_exclusions_hold_in_both_directions():
    promotion = rule("amount", 1_000, group="promotion")
    shy = rule("amount", 5_000, kind="coupon", group="c", excludes=frozenset({"promotion"}))
    barring = rule("amount", 900, group="other", excludes=frozenset({"d"}), reference="B")
    other = rule("amount", 5_000, kind="coupon", group="d", reference="D")

    priced = price([TEA], [promotion, shy, barring, other])

    assert priced.discount_fen == 1_900
    assert {(r.rule.reference, r.reason, r.worth_fen) for r in priced.refusals} == {
        ("R", "stacking", 5_000),
        ("D", "stacking", 5_000),
    }


def test_a_hint_says_what_is_missing_for_more():
    steps = rule("amount", 3_000, threshold_fen=20_000, steps=((50_000, 6_000),), reference="steps")
    pieces = rule("percent", 2_000, threshold_pieces=6, group="p", reference="pieces")
    worse = rule("amount", 2_000, threshold_fen=30_000, reference="worse")

    hints = price([TEA, CUP], [steps, pieces, worse]).hints

    assert [(h.rule.reference, h.missing_fen, h.missing_pieces, h.value) for h in hints] == [
        ("pieces", 0, 1, 2_000),
        ("steps", 29_000, 0, 6_000),
    ]


def test_a_closed_coupon_says_why():
    coupon = rule("amount", 1_000, kind="coupon", closed="hours")

    priced = price([TEA], [coupon])

    assert [(r.reason, r.missing_fen) for r in priced.refusals] == [("hours", 0)]
    assert priced.total_fen == 15_000


def test_the_best_of_two_groups_beats_the_largest_coupon():
    # ¥60 goes with nothing; ¥40 and ¥30 go together.
    alone = frozenset({"b", "c"})
    lonely = rule("amount", 6_000, kind="coupon", group="a", reference="60", excludes=alone)
    pair = [
        rule("amount", 4_000, kind="coupon", group="b", reference="40"),
        rule("amount", 3_000, kind="coupon", group="c", reference="30"),
    ]

    priced = price([TEA], [lonely, *pair])

    assert priced.discount_fen == 7_000
    assert [(r.rule.reference, r.reason, r.worth_fen) for r in priced.refusals] == [
        ("60", "stacking", 6_000)
    ]


def test_of_equal_coupons_the_one_that_ends_first_is_used():
    late = rule("amount", 1_000, kind="coupon", reference="A", ends="2026-12-01")
    soon = rule("amount", 1_000, kind="coupon", reference="B", ends="2026-11-01")

    priced = price([TEA], [late, soon])

    assert [d.rule.reference for d in priced.discounts] == ["B"]


@pytest.mark.parametrize(
    ("offer", "off"),
    [
        (rule("price", 2_000), 2_000),  # the cups alone
        (rule("amount", 1_000, threshold_fen=6_001), 0),
        (rule("amount", 1_000, threshold_fen=6_000), 1_000),
        (rule("percent", 5_000), 3_000),
        (rule("bundle", 1_000, skus={"tea": 1, "cup": 1}), 0),
        (rule("nth", 10_000, pieces=3), 0),
    ],
)
def test_a_final_price_keeps_promotions_away_and_not_coupons(offer, off):
    final = Item("tea", 3, 5_000, {"sku": "tea"}, final=True)

    priced = price([final, CUP], [offer])

    assert (priced.discount_fen, priced.nets[0]) == (off, 15_000)
    coupon = rule("percent", 1_000, kind="coupon", scope=ONLY_TEA, group="c")
    assert price([final, CUP], [offer, coupon]).discount_fen == off + 1_500
