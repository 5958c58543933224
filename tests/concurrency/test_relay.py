"""Several relays at once share the work and do none of it twice."""

import time
from dataclasses import dataclass
from functools import partial

import pytest

from config.kernel import events, locks
from config.kernel.actors import SYSTEM
from config.kernel.events import EventBase, record, subscribe
from config.kernel.models import Event, EventDelivery
from config.kernel.relay import relay_once
from tests.concurrency.race import race

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True, kw_only=True)
class Rang(EventBase):
    kind = "test.rang"
    subject_type = "bell"


@pytest.fixture
def heard(monkeypatch) -> list[int]:
    monkeypatch.setattr(events, "consumers", {})
    monkeypatch.setattr(events, "_wanted", set())
    subjects: list[int] = []

    def handler(rows, now):
        time.sleep(0.1)
        subjects.extend(e.subject_id for e in rows)

    subscribe("ear", [Rang], handler)
    return subjects


def test_relays_at_once_share_the_events(heard, now):
    record([Rang(subject_id=n) for n in range(40)], actor=SYSTEM, now=now)

    counts = race([partial(relay_once, now=now, limit=10)] * 4)

    assert sorted(counts) == [10, 10, 10, 10]
    assert sorted(heard) == list(range(40))
    assert EventDelivery.objects.count() == 40


def test_control_without_skip_locked_the_delivery_row_still_lets_an_effect_happen_once(
    heard, now, monkeypatch
):
    """The claim only shares the work out; that nothing is done twice hangs on the unique row."""
    record([Rang(subject_id=n) for n in range(10)], actor=SYSTEM, now=now)

    def claim_without_lock(*, now, limit):
        return list(Event.objects.filter(relayed_at__isnull=True).order_by("id")[:limit])

    monkeypatch.setattr(locks, "events_claim", claim_without_lock)

    counts = race([partial(relay_once, now=now, limit=10)] * 4)

    assert sum(counts) > 10
    assert sorted(heard) == list(range(10))


def test_control_without_the_delivery_row_effects_are_doubled(heard, now, monkeypatch):
    record([Rang(subject_id=n) for n in range(10)], actor=SYSTEM, now=now)

    def claim_without_lock(*, now, limit):
        return list(Event.objects.filter(relayed_at__isnull=True).order_by("id")[:limit])

    monkeypatch.setattr(locks, "events_claim", claim_without_lock)
    monkeypatch.setattr("config.kernel.relay._mark", lambda name, share, now: list(share))

    race([partial(relay_once, now=now, limit=10)] * 4)

    assert len(heard) > 10
