"""card_split adds up for any lots."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from members.cards import NAMED_LIMIT_FEN, UNNAMED_LIMIT_FEN, LotValue, card_split

FEN = st.integers(min_value=0, max_value=500_000)


def lot(n, principal, bonus):
    return LotValue(n, n, f"SC{n}", 1, 10 * n + 1, principal, 10 * n + 2, bonus)


LOTS = st.lists(st.tuples(FEN, FEN), max_size=6).map(
    lambda values: [lot(n, *value) for n, value in enumerate(values)]
)


@given(lots=LOTS, data=st.data())
def test_parts_add_up_and_fit(lots, data):
    whole = sum(x.value_fen for x in lots)
    amount = data.draw(st.integers(min_value=0, max_value=whole))

    parts = card_split(lots, amount)

    assert sum(p.amount_fen for p in parts) == amount
    assert all(p.amount_fen > 0 for p in parts)
    assert len({p.account_id for p in parts}) == len(parts)
    left = {x.principal_id: x.principal_fen for x in lots} | {x.bonus_id: x.bonus_fen for x in lots}
    assert all(p.amount_fen <= left[p.account_id] for p in parts)


@given(lots=LOTS, data=st.data())
def test_a_younger_lot_is_touched_when_the_older_ones_are_empty(lots, data):
    amount = data.draw(st.integers(min_value=0, max_value=sum(x.value_fen for x in lots)))
    taken = {x.lot_id: 0 for x in lots}
    for part in card_split(lots, amount):
        taken[part.lot_id] += part.amount_fen
    for n, older in enumerate(lots[:-1]):
        if any(taken[x.lot_id] for x in lots[n + 1 :]):
            assert taken[older.lot_id] == older.value_fen


@given(lots=LOTS, data=st.data())
def test_within_a_lot_bonus_goes_in_proportion(lots, data):
    amount = data.draw(st.integers(min_value=0, max_value=sum(x.value_fen for x in lots)))
    parts = {p.account_id: p.amount_fen for p in card_split(lots, amount)}
    for x in lots:
        principal, bonus = parts.get(x.principal_id, 0), parts.get(x.bonus_id, 0)
        # Less than a fen off the exact proportion, without a division.
        off = abs(bonus * x.value_fen - (principal + bonus) * x.bonus_fen)
        assert off < max(x.value_fen, 1)


@given(lots=LOTS)
def test_taking_all_empties_every_account(lots):
    parts = {p.account_id: p.amount_fen for p in card_split(lots, sum(x.value_fen for x in lots))}
    for x in lots:
        assert parts.get(x.principal_id, 0) == x.principal_fen
        assert parts.get(x.bonus_id, 0) == x.bonus_fen


@given(lots=LOTS, beyond=st.integers(min_value=1, max_value=10))
def test_more_than_there_is_is_refused(lots, beyond):
    with pytest.raises(ValueError, match=f"{beyond} fen are missing"):
        card_split(lots, sum(x.value_fen for x in lots) + beyond)


def test_the_oldest_lot_pays_first():
    parts = card_split([lot(1, 1_000, 100), lot(2, 5_000, 1_000)], 1_700)
    assert [(p.lot_id, p.kind, p.amount_fen) for p in parts] == [
        (1, "card_principal", 1_000),
        (1, "card_bonus", 100),
        (2, "card_principal", 500),
        (2, "card_bonus", 100),
    ]


def test_a_negative_amount_is_refused():
    with pytest.raises(ValueError, match="negative"):
        card_split([lot(1, 1, 1)], -1)


def test_the_limits_of_the_law():
    assert (NAMED_LIMIT_FEN, UNNAMED_LIMIT_FEN) == (500_000, 100_000)
