"""Scopes as forms say them, for whoever gets the most, and two beside each other."""

import pytest

from config.kernel.conditions import holds, validate
from mall.scopes import for_somebody, may_meet, scope_read, scope_written

TEA = {"fact": "category", "op": "in", "value": ["tea"]}
BRAND = {"fact": "brand", "op": "not_in", "value": ["b1"]}
HERE = {"fact": "store", "op": "in", "value": ["here"]}
GOLD = {"fact": "tier", "op": "in", "value": ["gold"]}


@pytest.mark.parametrize(
    ("clauses", "any_goods", "scope"),
    [
        ([], False, {}),
        ([TEA, GOLD], False, {"v": 1, "all": [TEA, GOLD]}),
        ([TEA, BRAND, HERE], True, {"v": 1, "all": [{"any": [TEA, BRAND]}, HERE]}),
    ],
)
def test_what_a_form_says_it_reads_again(clauses, any_goods, scope):
    assert scope_written(clauses, any_goods=any_goods) == scope
    validate(scope)
    assert scope_read(scope) == (clauses, any_goods)


@pytest.mark.parametrize(
    "scope",
    [
        {"v": 1, "all": [{"not": TEA}]},
        {"v": 1, "any": [TEA, GOLD]},
        {"v": 1, "all": [TEA, TEA]},
        {"v": 1, "all": [{"any": [TEA, BRAND]}, {"fact": "sku", "op": "in", "value": ["x"]}]},
        {"v": 1, "all": [{"fact": "first_order", "op": "gte", "value": 1}]},
    ],
)
def test_a_form_does_not_pretend_to_say_more_than_it_can(scope):
    assert scope_read(scope) is None


@pytest.mark.parametrize(
    ("scope", "left"),
    [
        ({"v": 1, "all": [TEA, GOLD]}, {"v": 1, "all": [TEA]}),
        ({"v": 1, "all": [GOLD]}, {}),
        ({"v": 1, "any": [TEA, GOLD]}, {}),
        ({"v": 1, "all": [TEA, {"not": GOLD}]}, {"v": 1, "all": [TEA]}),
        ({"v": 1, "all": [{"not": {"all": [TEA, GOLD]}}]}, {}),
        (
            {"v": 1, "all": [{"not": {"any": [TEA, GOLD]}}]},
            {"v": 1, "all": [{"not": {"any": [TEA]}}]},
        ),
    ],
)
def test_for_somebody_all_that_is_asked_of_people_holds(scope, left):
    assert for_somebody(scope) == left


def test_a_loosened_scope_never_says_no_where_the_whole_one_says_yes():
    parts = [TEA, GOLD, {"not": TEA}, {"not": GOLD}]
    parts += [{word: [a, b]} for word in ("all", "any") for a in parts for b in parts]
    for part in [*parts, *({"not": part} for part in parts)]:
        scope = {"v": 1, "all": [part]}
        for category in ("tea", "wear"):
            for tier in ("gold", "none"):
                if holds(scope, {"category": [category], "tier": tier}):
                    assert holds(for_somebody(scope), {"category": [category]}), scope


def test_scopes_meet_in_a_category_and_those_above_it():
    above = {"green": {"green", "tea"}, "tea": {"tea"}, "wear": {"wear"}}

    def shelf(code):
        return {"v": 1, "all": [{"fact": "category", "op": "in", "value": [code]}]}

    assert may_meet(shelf("green"), shelf("tea"), above)
    assert may_meet(shelf("tea"), shelf("green"), above)
    assert may_meet(shelf("tea"), {}, above)
    assert not may_meet(shelf("green"), shelf("wear"), above)
    here, there = ({"v": 1, "all": [{"fact": "store", "op": "eq", "value": s}]} for s in "ab")
    assert not may_meet(here, there, above)
