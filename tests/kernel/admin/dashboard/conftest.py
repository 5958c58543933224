"""Noon, a store, and whoever sees everything."""

import pytest

from tests.factories import make_operator, make_store, make_user, staff_client
from tests.kernel.admin.dashboard.board import NOON


@pytest.fixture(autouse=True)
def at_noon(clock_at):
    clock_at(NOON)


@pytest.fixture
def store():
    return make_store(operator=make_operator())


@pytest.fixture
def boss():
    return staff_client(make_user(superuser=True))
