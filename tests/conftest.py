"""What every test gets: a moment, fresh counters and caches, and the audit after it.

The audit runs while the database still holds what the test did. A test that plants a corruption
carries ``@pytest.mark.corrupts``; a test whose reactions matter drains the relay itself.
"""

import os
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from django.core.cache import cache
from hypothesis import settings as hypothesis_settings

from config.kernel import audit, clock
from config.kernel.relay import drain
from stores.ledger.accounts import accounts_forget
from tests.factories import fresh

# A busy machine is no reason to fail a property.
hypothesis_settings.register_profile("house", deadline=None)
# The model tests take many more steps (tests/members/model_profile.py).
hypothesis_settings.register_profile("nightly", deadline=None)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "house"))

# A fake WeChat and who logs in through it, for the tests of several apps.
pytest_plugins = ["tests.shoppers"]

_DATABASE_FIXTURES = {"_django_db_helper", "db", "transactional_db", "live_server"}


@pytest.fixture(autouse=True)
def _fresh_start() -> Iterator[None]:
    fresh.restart()
    yield
    _forget_cached()
    accounts_forget()


@pytest.fixture
def now() -> datetime:
    """When this test happens: fixed, aware, within seconds of the real clock."""
    return fresh.moment()


@pytest.fixture
def clock_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """``clock_at(moment)``: what views and tasks read from the clock from here on."""

    def set_clock(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    return set_clock


@pytest.fixture
def relayed() -> Callable[[datetime], int]:
    """``relayed(now)`` delivers every waiting event and returns how many there were."""

    def deliver(now: datetime) -> int:
        return drain(now=now)

    return deliver


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item):
    """Audit after every database test that passed, before its transaction is rolled back."""
    result = yield
    if _uses_database(item) and item.get_closest_marker("corrupts") is None:
        findings = [f for f in audit.run() if f.violations]
        if findings:
            pytest.fail(_report(findings), pytrace=False)
    return result


def _uses_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("django_db") is not None:
        return True
    return bool(_DATABASE_FIXTURES & set(getattr(item, "fixturenames", ())))


def _report(findings: list[audit.Finding]) -> str:
    lines = ["the audit found violations after this test:"]
    for f in findings:
        lines.append(f"{f.line.number} {f.line.code}: {f.line.title} ({f.violations})")
        lines += [f"    {row}" for row in f.sample[:5]]
    return "\n".join(lines)


def _forget_cached() -> None:
    """Delete this run's keys alone: the server may be shared with other runs."""
    client = cache._cache.get_client(None, write=True)
    keys = list(client.scan_iter(match=f"{cache.key_prefix}:*", count=1000))
    if keys:
        client.delete(*keys)
