"""A small world of guides, and their own audit lines after every test that does not plant."""

from collections.abc import Iterator

import pytest

from guides.models import Guide
from members.models import Member
from stores.models import Store
from tests.factories import make_guide, make_member, make_store
from tests.guides.sales import Rules, guide_findings, publish_rules


@pytest.fixture
def audited(db) -> Iterator[None]:
    yield
    assert guide_findings() == []


@pytest.fixture
def rules(db) -> Rules:
    """Seven days, 60 : 40, 3 % of everything, mature after seven days."""
    return publish_rules()


@pytest.fixture
def store(db) -> Store:
    return make_store()


@pytest.fixture
def guide(store) -> Guide:
    return make_guide(store=store, name="小林")


@pytest.fixture
def colleague(store) -> Guide:
    return make_guide(store=store, name="小周")


@pytest.fixture
def member(db) -> Member:
    return make_member()
