"""A till in a store, and a member with a card of another company."""

import pytest

from tests.factories import (
    make_card,
    make_member,
    make_operator,
    make_store,
    make_terminal,
    till_client,
)


@pytest.fixture
def operator():
    return make_operator(code="acc")


@pytest.fixture
def store(operator):
    return make_store(operator=operator, code="st1")


@pytest.fixture
def key(store):
    return make_terminal(store=store)[1]


@pytest.fixture
def till(key):
    return till_client(key)


@pytest.fixture
def member():
    return make_member(phone="+8613800138000")


@pytest.fixture
def card(member):
    """¥500 of principal and ¥50 of bonus, sold by another operator than the store's."""
    return make_card(member, operator=make_operator(code="iss"))
