"""Pricing, whatever the basket and the rules: every fen is accounted for, in any order."""

from itertools import combinations, pairwise, permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.kernel.money import proportion_down
from mall.pricing import (
    Item,
    Rule,
    allocate_tenders,
    discounts_back,
    price,
    refund_amount,
    refund_split,
)
from mall.pricing.kinds import is_markdown

CATEGORIES = ["shoes", "coats", "bags"]
SCOPES: list[dict] = [
    {},
    {"v": 1, "all": [{"fact": "category", "op": "in", "value": ["shoes", "bags"]}]},
    {"v": 1, "not": {"fact": "category", "op": "eq", "value": "coats"}},
    {"v": 1, "any": [{"fact": "category", "op": "eq", "value": "hats"}]},
]

items = st.builds(
    lambda sku, quantity, unit, category: Item(sku, quantity, unit, {"category": category}),
    st.sampled_from([f"S{i}" for i in range(6)]),
    st.integers(min_value=1, max_value=7),
    st.integers(min_value=0, max_value=300_000),
    st.sampled_from(CATEGORIES),
)
baskets = st.lists(items, min_size=1, max_size=6, unique_by=lambda item: item.sku)
METHODS = {
    "promotion": ["amount", "percent", "price", "nth", "multi", "bundle", "gift"],
    "coupon": ["amount", "percent", "price", "nth"],
}
TOPS = {"percent": 10_000, "nth": 10_000}


@st.composite
def a_rule(draw, n: int, kinds: tuple[str, ...] = ("promotion", "coupon")) -> Rule:
    kind = draw(st.sampled_from(kinds))
    method = draw(st.sampled_from(METHODS[kind]))
    value = 0 if method == "gift" else draw(st.integers(1, TOPS.get(method, 200_000)))
    by_pieces = draw(st.booleans())
    spans = ["order", "line"] if method in ("amount", "percent") else ["order"]
    steps: tuple[tuple[int, int], ...] = ()
    if method in ("amount", "percent") and draw(st.booleans()):
        steps = ((4 if by_pieces else 150_000, min(value + 700, TOPS.get(method, 300_000))),)
    return Rule(
        kind=kind,
        reference=f"R{n}",
        title=f"R{n}",
        method=method,
        value=value,
        threshold_fen=0 if by_pieces else draw(st.sampled_from([0, 1, 9_900, 100_000])),
        threshold_pieces=draw(st.sampled_from([1, 2, 3])) if by_pieces else 0,
        steps=steps,
        span=draw(st.sampled_from(spans)),
        max_discount_fen=draw(st.sampled_from([None, 1, 5_000])),
        scope=draw(st.sampled_from(SCOPES)),
        group=draw(st.sampled_from(["a", "b", "c"])),
        excludes=draw(st.sampled_from([frozenset(), frozenset({"a"}), frozenset({"b", "c"})])),
        priority=draw(st.integers(min_value=1, max_value=3)),
        pieces=draw(st.sampled_from([2, 3])) if method in ("nth", "multi") else 1,
        times=draw(st.sampled_from([None, 1, 2])),
        skus={"S1": 1, "S2": 2} if method in ("bundle", "gift") else None,
        ends=draw(st.sampled_from(["1", "2"])),
    )


@st.composite
def rules(draw, kinds: tuple[str, ...] = ("promotion", "coupon")) -> list[Rule]:
    return [draw(a_rule(n, kinds)) for n in range(draw(st.integers(min_value=0, max_value=5)))]


@given(baskets, rules())
def test_allocations_add_up_and_nothing_is_negative(basket, given_rules):
    priced = price(basket, given_rules)

    for i, item in enumerate(basket):
        off = [discount.amounts[i] for discount in priced.discounts]
        assert all(amount >= 0 for amount in off)
        assert priced.nets[i] == item.gross_fen - sum(off)
        assert priced.nets[i] >= 0
    assert priced.total_fen == priced.gross_fen - priced.discount_fen
    assert priced.total_fen == sum(priced.nets)


@given(baskets, rules())
def test_no_discount_exceeds_its_cap_its_scope_or_its_group(basket, given_rules):
    priced = price(basket, given_rules)

    for discount in priced.discounts:
        rule = discount.rule
        if rule.method == "amount" and rule.span == "order":
            assert discount.total_fen <= max(rule.value, *(value for _at, value in rule.steps), 0)
        if rule.max_discount_fen is not None:
            assert discount.total_fen <= rule.max_discount_fen
        if rule.scope == SCOPES[1]:
            for item, amount in zip(basket, discount.amounts, strict=True):
                assert amount == 0 or item.facts["category"] in ("shoes", "bags")
    # Markdowns are prices; of all else no two go together that must not.
    stacked = [d.rule for d in priced.discounts if not is_markdown(d.rule)]
    assert not any(one.clashes(other) for one, other in combinations(stacked, 2))


@given(baskets, rules())
def test_every_coupon_is_either_used_or_refused_with_a_reason(basket, given_rules):
    priced = price(basket, given_rules)

    coupons = sorted(rule.reference for rule in given_rules if rule.kind == "coupon")
    used = [d.rule.reference for d in priced.discounts if d.rule.kind == "coupon"]
    refused = [refusal.rule.reference for refusal in priced.refusals]
    assert sorted(used + refused) == coupons
    reasons = {"threshold", "scope", "stacking", "nothing"}
    assert {refusal.reason for refusal in priced.refusals} <= reasons
    assert all(discount.total_fen > 0 for discount in priced.discounts)


@given(baskets, rules(), st.randoms(use_true_random=False))
def test_the_order_of_lines_and_rules_changes_nothing(basket, given_rules, random):
    priced = price(basket, given_rules)
    shuffled = random.sample(basket, len(basket))
    other = price(shuffled, random.sample(given_rules, len(given_rules)))

    assert other.total_fen == priced.total_fen
    nets = {item.sku: net for item, net in zip(basket, priced.nets, strict=True)}
    assert {item.sku: net for item, net in zip(shuffled, other.nets, strict=True)} == nets
    off = {d.rule.reference: d.total_fen for d in priced.discounts}
    assert {d.rule.reference: d.total_fen for d in other.discounts} == off


def test_a_fen_that_cannot_be_shared_falls_on_the_same_line_in_every_order():
    basket = [Item(sku, 1, 100, {}) for sku in ("S1", "S2", "S3")]
    off = Rule("promotion", "R", "R", "amount", 100, 0, None, {}, "g")

    for order in permutations(basket):
        priced = price(order, [off])
        nets = {item.sku: net for item, net in zip(order, priced.nets, strict=True)}
        assert nets == {"S1": 66, "S2": 67, "S3": 67}


@st.composite
def paid_orders(draw) -> tuple[list[tuple[int, int]], list[int]]:
    """Lines (net in fen, units) and the tenders that paid them, in fen."""
    lines = draw(
        st.lists(
            st.tuples(
                st.integers(min_value=0, max_value=500_000), st.integers(min_value=1, max_value=7)
            ),
            min_size=1,
            max_size=5,
        )
    )
    total = sum(net for net, _units in lines)
    cuts = draw(st.lists(st.integers(min_value=0, max_value=total), min_size=0, max_size=4))
    edges = [0, *sorted(cuts), total]
    return lines, [high - low for low, high in pairwise(edges)]


@given(paid_orders())
def test_rows_add_up_to_lines_and_columns_to_tenders(order):
    lines, tenders = order

    rows = allocate_tenders([net for net, _units in lines], tenders)

    assert [sum(row) for row in rows] == [net for net, _units in lines]
    assert [sum(column) for column in zip(*rows, strict=True)] == tenders
    assert all(amount >= 0 for row in rows for amount in row)


@given(paid_orders(), st.randoms(use_true_random=False), st.data())
def test_refunding_all_parts_in_any_sequence_returns_exactly_what_was_paid(order, random, data):
    lines, tenders = order
    left = allocate_tenders([net for net, _units in lines], tenders)
    refunded_units = [0] * len(lines)
    per_line = [0] * len(lines)
    per_tender = [0] * len(tenders)

    while any(done < units for done, (_net, units) in zip(refunded_units, lines, strict=True)):
        open_lines = [i for i, (_net, units) in enumerate(lines) if refunded_units[i] < units]
        i = random.choice(open_lines)
        net, units = lines[i]
        take = data.draw(st.integers(min_value=1, max_value=units - refunded_units[i]))
        amount = refund_amount(net, units, refunded_units[i], take)
        parts = refund_split(amount, left[i])
        assert 0 <= amount <= net - per_line[i]
        assert sum(parts) == amount
        assert all(0 <= part <= have for part, have in zip(parts, left[i], strict=True))
        refunded_units[i] += take
        per_line[i] += amount
        left[i] = [have - part for have, part in zip(left[i], parts, strict=True)]
        per_tender = [sofar + part for sofar, part in zip(per_tender, parts, strict=True)]

    assert per_line == [net for net, _units in lines]
    assert per_tender == tenders


@given(
    st.integers(1, 9),
    st.lists(st.integers(0, 40_000), min_size=1, max_size=4),
    st.integers(0, 9_999),
    st.data(),
)
def test_discounts_give_back_what_is_not_paid_back_and_end_on_nothing(units, amounts, more, data):
    """On a line of pieces that cost a little more than their discounts."""
    unit = proportion_down(sum(amounts), 1, units) + 1 + more
    net = unit * units - sum(amounts)
    takes, left = [], units
    while left:
        takes.append(data.draw(st.integers(1, left)))
        left -= takes[-1]

    steps = discounts_back(amounts, units, takes)

    gone = 0
    for take, parts in zip(takes, steps, strict=True):
        assert min(parts) >= 0
        assert sum(parts) == unit * take - refund_amount(net, units, gone, take)
        gone += take
    assert [sum(parts) for parts in zip(*steps, strict=True)] == amounts
    with pytest.raises(ValueError, match="not that many"):
        discounts_back(amounts, units, [*takes, 1])


@given(baskets, rules(), st.lists(st.integers(0, 10_000), max_size=4), st.data())
def test_a_basket_of_any_kinds_comes_back_unit_by_unit_exactly_as_it_was_paid(
    basket, given_rules, cuts, data
):
    """Priced by whatever rules, paid by whatever tenders, returned in whatever order."""
    priced = price(basket, given_rules)
    total = priced.total_fen
    edges = [0, *sorted(proportion_down(total, cut, 10_000) for cut in cuts), total]
    tenders = [high - low for low, high in pairwise(edges)]
    left = allocate_tenders(priced.nets, tenders)
    units = [i for i, item in enumerate(basket) for _unit in range(item.quantity)]
    gone, per_tender, gross = [0] * len(basket), [0] * len(tenders), 0
    takes: list[list[int]] = [[] for _line in basket]

    for i in data.draw(st.permutations(units)):
        amount = refund_amount(priced.nets[i], basket[i].quantity, gone[i], 1)
        parts = refund_split(amount, left[i])
        left[i] = [have - part for have, part in zip(left[i], parts, strict=True)]
        per_tender = [sofar + part for sofar, part in zip(per_tender, parts, strict=True)]
        off = [discount.amounts[i] for discount in priced.discounts]
        takes[i].append(1)
        back = discounts_back(off, basket[i].quantity, takes[i])[-1]
        assert sum(back) + amount == basket[i].unit_price_fen
        gone[i] += 1
        gross += basket[i].unit_price_fen

    assert per_tender == tenders
    assert sum(map(sum, left)) == 0
    assert gross == priced.gross_fen
