"""Money: what is divided adds up again, whatever is divided."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.kernel.money import (
    allocate,
    fen_from_yuan,
    proportion_down,
    share_down,
    share_half_up,
    yuan,
)

amounts = st.integers(min_value=0, max_value=10**12)
weights = st.lists(st.integers(min_value=0, max_value=10**9), min_size=1, max_size=12)
shares = st.integers(min_value=0, max_value=10_000)


@given(amounts, weights)
def test_parts_add_up_and_none_is_negative(total, given_weights):
    if sum(given_weights) == 0:
        given_weights = [*given_weights, 1]

    parts = allocate(total, given_weights)

    assert sum(parts) == total
    assert all(part >= 0 for part in parts)
    assert len(parts) == len(given_weights)


@given(amounts, weights.filter(any))
def test_no_part_is_a_whole_fen_away_from_its_exact_share(total, given_weights):
    whole = sum(given_weights)

    for part, weight in zip(allocate(total, given_weights), given_weights, strict=True):
        exact = Fraction(total * weight, whole)
        assert abs(part - exact) < 1
        assert weight > 0 or part == 0


@given(weights.filter(any), st.data())
def test_what_is_taken_from_what_is_left_never_exceeds_it(left, data):
    taken = data.draw(st.integers(min_value=0, max_value=sum(left)))

    parts = allocate(taken, left)

    assert all(part <= have for part, have in zip(parts, left, strict=True))


@given(weights.filter(any), st.lists(amounts, min_size=1, max_size=8))
def test_taking_in_any_steps_ends_on_exactly_all(left, steps):
    original = list(left)
    taken = [0] * len(left)

    for step in [*steps, sum(original)]:
        parts = allocate(min(step, sum(left)), left)
        left = [have - part for have, part in zip(left, parts, strict=True)]
        taken = [sofar + part for sofar, part in zip(taken, parts, strict=True)]

    assert taken == original


def test_the_missing_fen_goes_to_the_largest_remainder_and_ties_to_the_first():
    assert allocate(100, [1, 1, 1]) == [34, 33, 33]
    assert allocate(10, [3, 3, 4]) == [3, 3, 4]
    assert allocate(5, [1, 2, 4]) == [1, 1, 3]
    assert allocate(1, [0, 5, 5]) == [0, 1, 0]


def test_nothing_over_nothing_is_nothing():
    assert allocate(0, [0, 0]) == [0, 0]
    assert allocate(0, []) == []


@pytest.mark.parametrize(
    ("total", "given_weights"), [(-1, [1]), (1, [2, -1]), (1, [0, 0]), (1, [])]
)
def test_what_cannot_be_split_is_refused(total, given_weights):
    with pytest.raises(ValueError, match="allocate"):
        allocate(total, given_weights)


@given(amounts, shares)
def test_a_share_down_is_the_floor_and_its_half_up_the_nearest(amount, basis_points):
    exact = Fraction(amount * basis_points, 10_000)

    assert 0 <= exact - share_down(amount, basis_points) < 1
    assert Fraction(-1, 2) <= exact - share_half_up(amount, basis_points) < Fraction(1, 2)


def test_a_half_fen_goes_up():
    assert share_half_up(150, 100) == 2
    assert share_half_up(149, 100) == 1
    assert share_down(199, 100) == 1


@given(amounts, st.lists(st.integers(min_value=1, max_value=50), min_size=1, max_size=20))
def test_cumulative_proportions_end_on_the_amount(amount, steps):
    whole = sum(steps)
    given_back = taken = 0

    for step in steps:
        before = proportion_down(amount, taken, whole)
        taken += step
        part = proportion_down(amount, taken, whole) - before
        assert part >= 0
        given_back += part

    assert given_back == amount


@given(st.integers(min_value=0, max_value=10**10))
def test_yuan_are_read_as_they_are_written(fen):
    assert fen_from_yuan(yuan(fen).removeprefix("¥").replace(",", "")) == fen


def test_yuan_for_people():
    assert yuan(0) == "¥0.00"
    assert yuan(-5) == "-¥0.05"
    assert yuan(123_456_789) == "¥1,234,567.89"


@pytest.mark.parametrize(
    ("text", "fen"), [("12.50", 1250), ("0.1", 10), (" 7 ", 700), ("-3.00", -300), ("1e2", 10_000)]
)
def test_exact_yuan_become_fen(text, fen):
    assert fen_from_yuan(text) == fen


@pytest.mark.parametrize(
    "text",
    [
        "0.001",
        "",
        "NaN",
        "Infinity",
        "十元",
        "1,000",
        "12.345",
        "1e99999",
        "1e999999999999",
        "1e16",
    ],
)
def test_what_is_no_exact_amount_is_refused(text):
    with pytest.raises(ValueError, match="not an amount"):
        fen_from_yuan(text)
