"""A store, its card with an offer, and goods."""

import pytest

from tests.factories import (
    make_card,
    make_member,
    make_product,
    make_stock,
    make_store,
    make_topup_offer,
)
from tests.factories.orders import place_order


@pytest.fixture
def store():
    return make_store()


@pytest.fixture
def card(store, now):
    """¥100 of principal and ¥10 of bonus, of the store's operator."""
    return make_card(
        make_member(openid="oPayer000000000000000000001"),
        principal_fen=10_000,
        bonus_fen=1_000,
        operator=store.operator,
        now=now,
    )


@pytest.fixture
def offer(store):
    return make_topup_offer(
        operator=store.operator, steps=[(30_000, 3_000), (100_000, 12_000)], once_per_member=True
    )


@pytest.fixture
def sku(store):
    """¥200, of which the store has 10."""
    sku = make_product(skus=(20_000,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=10)
    return sku


@pytest.fixture
def place(store, card, now):
    """An order of the card's member that puts ``amount`` on it."""

    def order(amount=30_000, *, at=now, **basket):
        return place_order(
            card.member, store=store, topup_card=card.no, amount_fen=amount, now=at, **basket
        )

    return order
