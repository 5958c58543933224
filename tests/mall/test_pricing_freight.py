"""What a parcel costs: settled by the goods, taken off by coupons of kind freight alone."""

from dataclasses import replace
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from mall.pricing import Freight, Item, Priced, Rule, price
from tests.mall.test_pricing_properties import baskets, rules

TEA = Item("tea", 2, 5_000, {"category": "tea"})
PARCEL = Freight(fee_fen=800, pieces=2)

freights = st.builds(
    Freight,
    fee_fen=st.integers(0, 3_000),
    pieces=st.integers(1, 40),
    first_pieces=st.integers(0, 5),
    more_fen=st.integers(0, 500),
    free_from_fen=st.none() | st.sampled_from([1, 9_900, 100_000]),
)


def coupon(no: str, method: str = "freight", value: int = 0, **fields) -> Rule:
    given_fields = {"threshold_fen": 0, "max_discount_fen": None, "scope": {}, "group": no}
    return Rule("coupon", no, no, method, value, **(given_fields | fields))


parcel_coupons = st.lists(
    st.builds(
        coupon,
        st.sampled_from([f"F{n}" for n in range(5)]),
        value=st.sampled_from([0, 0, 300]),
        threshold_fen=st.sampled_from([0, 9_900, 100_000]),
        group=st.sampled_from(["", "a", "parcel"]),
        excludes=st.sampled_from([frozenset(), frozenset({"a"})]),
    ),
    max_size=3,
    unique_by=lambda rule: rule.reference,
)


def fee(priced: Priced) -> int:
    """What is paid for the parcel."""
    last = priced.items[-1] if priced.items else None
    return priced.nets[-1] if last is not None and last.is_freight else 0


def test_a_fee_is_a_line_at_the_end():
    priced = price([TEA], [], PARCEL)

    assert priced.nets == (10_000, 800)
    assert (priced.gross_fen, priced.total_fen) == (10_800, 10_800)
    assert priced.items[-1].is_freight


def test_every_piece_beyond_the_first_ones_costs_more():
    parcel = Freight(fee_fen=800, pieces=5, first_pieces=2, more_fen=150)

    assert parcel.costs(10_000) == 800 + 3 * 150
    assert replace(parcel, pieces=2).costs(10_000) == 800
    assert replace(parcel, first_pieces=0).costs(10_000) == 800


def test_it_is_free_from_so_much_of_goods_and_a_hint_says_how_far_that_is():
    parcel = replace(PARCEL, free_from_fen=10_000)
    less = Item("tea", 1, 9_500, {})

    assert price([TEA], [], parcel).nets == (10_000,)
    short = price([less], [], parcel)
    assert short.nets == (9_500, 800)
    assert [(h.rule.kind, h.missing_fen, h.value) for h in short.hints] == [("freight", 500, 800)]


def test_promotions_count_against_what_is_free_and_coupons_do_not():
    parcel = replace(PARCEL, free_from_fen=10_000)
    promotion = replace(coupon("P", "amount", 1), kind="promotion")

    assert fee(price([TEA], [promotion], parcel)) == 800
    assert fee(price([TEA], [coupon("C", "amount", 3_000)], parcel)) == 0


def test_a_freight_coupon_takes_the_fee_and_nothing_else():
    priced = price([TEA], [coupon("F")], PARCEL)

    assert priced.nets == (10_000, 0)
    assert [(d.rule.reference, d.amounts) for d in priced.discounts] == [("F", (0, 800))]


def test_no_other_coupon_and_no_threshold_sees_the_fee():
    all_off = coupon("A", "amount", 20_000)
    far = coupon("F", threshold_fen=10_001)

    priced = price([TEA], [all_off, far], PARCEL)

    assert priced.nets == (0, 800)
    assert [(r.rule.reference, r.reason, r.missing_fen) for r in priced.refusals] == [
        ("F", "threshold", 1)
    ]


def test_without_a_fee_a_freight_coupon_has_nothing_to_save():
    free = replace(PARCEL, free_from_fen=1)

    for parcel in (None, free):
        priced = price([TEA], [coupon("F")], parcel)
        assert [(r.rule.reference, r.reason) for r in priced.refusals] == [("F", "freight")]
        assert priced.total_fen == 10_000


def test_a_freight_coupon_that_does_not_stack_waits_for_a_better_one_or_wins():
    small = coupon("A", "amount", 500, group="x")
    large = coupon("B", "amount", 900, group="x")
    parcel = coupon("F", group="x")

    assert price([TEA], [small, parcel], PARCEL).total_fen == 10_000
    assert price([TEA], [large, parcel], PARCEL).total_fen == 10_800 - 900
    stacked = price([TEA], [large, replace(parcel, group="")], PARCEL)
    assert stacked.total_fen == 10_000 - 900


@given(baskets, rules(kinds=("promotion",)), rules(kinds=("coupon",)), parcel_coupons, freights)
def test_the_choice_with_freight_is_the_best_of_every_subset(
    basket, running, held, for_parcels, parcel
):
    held = [*held[:3], *for_parcels]

    best = price(basket, [*running, *held], parcel)

    subsets = [list(some) for n in range(len(held) + 1) for some in combinations(held, n)]
    totals = [price(basket, [*running, *some], parcel).total_fen for some in subsets]
    assert best.exact
    assert best.total_fen == min(totals)
    assert best.gross_fen - best.discount_fen == best.total_fen
    for discount in best.discounts:
        parts = zip(discount.amounts, best.items, strict=True)
        assert {item.is_freight for amount, item in parts if amount} == {
            discount.rule.method == "freight"
        }


@given(baskets, rules(), freights)
def test_a_fee_changes_nothing_about_the_goods(basket, given_rules, parcel):
    bare, sent = price(basket, given_rules), price(basket, given_rules, parcel)

    assert sent.nets[: len(basket)] == bare.nets
    assert sent.total_fen - bare.total_fen == fee(sent)
