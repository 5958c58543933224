"""Conditions: validated before they are stored, evaluated on facts, said in words."""

import pytest
from django.utils import translation

from config.kernel import conditions
from config.kernel.conditions import ConditionInvalid, explain, holds, validate


@pytest.fixture(autouse=True)
def _facts(monkeypatch):
    monkeypatch.setattr(conditions, "_facts", {})
    conditions.register_fact("colour", "str", "colour")
    conditions.register_fact("tags", "set", "tags")
    conditions.register_fact("price_fen", "int", "price")


def clause(fact: str, op: str, value) -> dict:
    return {"fact": fact, "op": op, "value": value}


RED = clause("colour", "eq", "red")
CHEAP = clause("price_fen", "lte", 100)


@pytest.mark.parametrize(
    ("condition", "facts", "expected"),
    [
        ({}, {}, True),
        (None, {"colour": "red"}, True),
        ({"v": 1, "all": [RED, CHEAP]}, {"colour": "red", "price_fen": 100}, True),
        ({"v": 1, "all": [RED, CHEAP]}, {"colour": "red", "price_fen": 101}, False),
        ({"v": 1, "any": [RED, CHEAP]}, {"colour": "blue", "price_fen": 99}, True),
        ({"v": 1, "any": [RED, CHEAP]}, {"colour": "blue", "price_fen": 101}, False),
        ({"v": 1, "not": RED}, {"colour": "blue"}, True),
        ({"v": 1, "all": [{"any": [RED, {"not": CHEAP}]}]}, {"price_fen": 500}, True),
        ({"v": 1, "all": [clause("tags", "in", ["a", "b"])]}, {"tags": {"b", "c"}}, True),
        ({"v": 1, "all": [clause("tags", "in", ["a"])]}, {"tags": ["b", "c"]}, False),
        ({"v": 1, "all": [clause("colour", "in", ["red"])]}, {"colour": "red"}, True),
        ({"v": 1, "all": [clause("tags", "not_in", ["a"])]}, {"tags": {"b"}}, True),
        ({"v": 1, "all": [clause("tags", "not_in", ["a"])]}, {"tags": {"a", "b"}}, False),
        ({"v": 1, "all": [clause("price_fen", "gte", 100)]}, {"price_fen": 100}, True),
        # What is not known never holds, the negative form included.
        ({"v": 1, "all": [RED]}, {}, False),
        ({"v": 1, "all": [clause("tags", "not_in", ["a"])]}, {}, False),
    ],
)
def test_a_condition_holds_or_not(condition, facts, expected):
    validate(condition)

    assert holds(condition, facts) is expected


@pytest.mark.parametrize(
    "condition",
    [
        [],
        "red",
        {"all": [RED]},
        {"v": 2, "all": [RED]},
        {"v": 1},
        {"v": 1, "all": []},
        {"v": 1, "all": RED},
        {"v": 1, "all": [RED], "any": [RED]},
        {"v": 1, "all": [clause("size", "eq", "L")]},
        {"v": 1, "all": [clause("colour", "like", "r%")]},
        {"v": 1, "all": [clause("colour", "in", "red")]},
        {"v": 1, "all": [clause("colour", "eq", ["red"])]},
        {"v": 1, "all": [clause("colour", "gte", 3)]},
        {"v": 1, "all": [clause("price_fen", "gte", "3")]},
        {"v": 1, "all": [clause("price_fen", "gte", True)]},
        {"v": 1, "all": [{**RED, "extra": 1}]},
    ],
)
def test_what_could_not_be_evaluated_is_refused(condition):
    with pytest.raises(ConditionInvalid) as error:
        validate(condition)

    assert error.value.code == "condition_invalid"


def test_nesting_has_a_limit():
    node: dict = RED
    for _level in range(9):
        node = {"not": node}

    with pytest.raises(ConditionInvalid):
        validate({"v": 1, "all": [node]})


def test_a_condition_in_words():
    condition = {"v": 1, "all": [RED, {"not": {"any": [CHEAP, clause("tags", "in", ["a", "b"])]}}]}

    with translation.override("en"):
        assert explain({}) == "always"
        assert explain(condition) == (
            "colour is red and not (price is at most 100 or tags is one of a, b)"
        )


def test_a_set_is_what_it_contains():
    on_two_shelves = {"category": ("tea", "food")}
    assert holds({"v": 1, "all": [clause("category", "eq", "tea")]}, on_two_shelves)
    assert not holds({"v": 1, "all": [clause("category", "eq", "toys")]}, on_two_shelves)
