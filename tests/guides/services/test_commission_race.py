"""Two relays settle one order at once: the second waits and books the difference.

The control takes the lock away: the database's unique keys refuse what would be booked twice.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Event as Signal

import pytest
from django.db import IntegrityError, connection, transaction

from guides.handlers import order_changed
from guides.models import Attribution, CommissionEntry
from guides.services import attribution_freeze, commission_settle
from tests.factories import make_binding
from tests.guides.sales import booked, paid_event, paid_order, refunded_event

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.corrupts]

DAY = timedelta(days=1)


@pytest.fixture
def race(rules, store, member, guide, now):
    """``race()`` handles a payment, and a return of half while the former is not committed."""
    make_binding(member=member, guide=guide, since=now - DAY)
    order = paid_order(member=member, store=store, paid_at=now)
    paid, back = paid_event(order), refunded_event(order, now=now, p0=5_000)
    written, commit = Signal(), Signal()

    def first():
        try:
            with transaction.atomic():
                order_changed([paid], now)
                written.set()
                assert commit.wait(timeout=20)
        finally:
            connection.close()

    def second():
        try:
            assert written.wait(timeout=20)
            with transaction.atomic():
                order_changed([back], now)
        finally:
            connection.close()

    def run():
        with ThreadPoolExecutor(2) as pool:
            runs = [pool.submit(first), pool.submit(second)]
            assert written.wait(timeout=20)
            _until_somebody_waits()
            commit.set()
            return [run.exception() for run in runs]

    return run


def _until_somebody_waits() -> None:
    for _try in range(200):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            if cursor.fetchone()[0]:
                return
        time.sleep(0.05)
    raise AssertionError("nobody waits for anybody")


def test_the_second_settlement_waits_and_finds_nothing_left_to_book(race, guide):
    assert race() == [None, None]

    assert booked(guide) == [150]
    assert Attribution.objects.count() == 1


def test_without_the_lock_the_second_is_refused_by_the_database(race, guide, monkeypatch):
    for module in (attribution_freeze, commission_settle):
        monkeypatch.setattr(module, "advisory", lambda *arguments: None)

    outcomes = race()

    assert outcomes[0] is None
    assert isinstance(outcomes[1], IntegrityError)
    assert [entry.amount_fen for entry in CommissionEntry.objects.all()] == [150]
