import hashlib
from datetime import UTC, date, datetime, timedelta

import pytest

from config.kernel import audit
from stores.ledger import AccountSpec, Draft, accounts_ensure, post
from stores.models import Seal, Transfer
from stores.services.ledger_seal import ledger_seal
from stores.tasks import ledger_seal as task

pytestmark = pytest.mark.django_db

# 15:30 UTC is 23:30 in Shanghai, 16:30 UTC is half past midnight of the next day there.
LATE = datetime(2026, 3, 1, 15, 30, tzinfo=UTC)


def transfer(key, at):
    ids = accounts_ensure([AccountSpec("a"), AccountSpec("b")])
    post([Draft(ids["a"], ids["b"], 7, "move", key, reference="R|1")], now=at)
    return Transfer.objects.get(key=key)


def line_hash(t):
    parts = [t.pk, t.debit_id, t.credit_id, t.amount, t.code, t.key, t.reference, 0]
    moment = t.occurred_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return hashlib.sha256("|".join([*map(str, parts), moment]).encode()).digest()


def test_a_day_is_sealed_by_shanghai_time_with_a_hash_anybody_can_compute():
    first = transfer("t1", LATE)
    second = transfer("t2", LATE + timedelta(minutes=20))
    transfer("t3", LATE + timedelta(hours=1))

    sealed = ledger_seal(now=LATE + timedelta(hours=3))

    assert sealed == [date(2026, 3, 1)]
    seal = Seal.objects.get()
    day = hashlib.sha256(line_hash(first) + line_hash(second)).digest()
    assert (seal.count, seal.previous_hash) == (2, "")
    assert seal.hash == hashlib.sha256(day).hexdigest()


def test_empty_days_keep_the_chain_whole():
    transfer("t1", LATE)
    transfer("t2", LATE + timedelta(days=2))

    sealed = ledger_seal(now=LATE + timedelta(days=3))

    assert sealed == [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)]
    one, two, three = Seal.objects.order_by("period")
    assert [s.count for s in (one, two, three)] == [1, 0, 1]
    assert (two.previous_hash, three.previous_hash) == (one.hash, two.hash)
    assert two.hash == hashlib.sha256(one.hash.encode()).hexdigest()
    assert [f.violations for f in audit.run({"ledger.seals"})] == [0]


def test_the_hour_after_midnight_still_belongs_to_requests_in_flight():
    transfer("t1", LATE)
    assert ledger_seal(now=LATE + timedelta(minutes=89)) == []
    assert ledger_seal(now=LATE + timedelta(minutes=90)) == [date(2026, 3, 1)]


def test_sealing_again_seals_nothing():
    transfer("t1", LATE)
    ledger_seal(now=LATE + timedelta(days=1))
    assert ledger_seal(now=LATE + timedelta(days=1)) == []
    assert Seal.objects.count() == 1


def test_the_task_seals_what_has_ended(clock_at):
    transfer("t1", LATE)
    clock_at(LATE + timedelta(hours=2))
    task()
    assert Seal.objects.get().period == date(2026, 3, 1)


def test_without_transfers_there_is_nothing_to_seal(now):
    assert ledger_seal(now=now) == []
