"""Work that was asked for is taken up by one worker, and by one worker at a time."""

import time
from functools import partial

import pytest

from config.kernel import batches
from config.kernel.batches import LEASE, batch_ask, batch_claim
from config.kernel.models import Batch
from tests.concurrency.race import race, succeeded
from tests.factories import make_user

pytestmark = pytest.mark.django_db(transaction=True)


def asked(now, user):
    """Work of a kind that somebody works on."""
    return batch_ask(
        kind="bulk", source="x", subject="mall.brand", request={}, total=1, user=user, now=now
    )


def taken(results):
    assert len(succeeded(results)) == len(results), results
    return [batch for batch in results if batch is not None]


def test_one_of_many_takes_a_batch_up(now):
    batch = asked(now, make_user())

    results = race([partial(batch_claim, now=now, batch_id=batch.pk)] * 6)

    [mine] = taken(results)
    batch.refresh_from_db()
    assert (batch.lease, batch.runs, batch.lease_until) == (mine.lease, 1, now + LEASE)


def test_control_without_compare_and_set_several_take_it_up(now, monkeypatch):
    batch = asked(now, make_user())

    def look_then_take(batch_id, lease, now):
        time.sleep(0.2)
        Batch.objects.filter(pk=batch_id).update(lease=lease, lease_until=now + LEASE)
        return True

    monkeypatch.setattr(batches, "_take", look_then_take)
    held = []

    def claim():
        # What a worker believes when it returns; the next one overwrites it.
        try:
            held.append(batch_claim(now=now, batch_id=batch.pk))
        except Batch.DoesNotExist:
            held.append(None)

    race([claim] * 3)

    assert len([one for one in held if one is not None]) > 1


def test_one_piece_of_work_at_a_time(now):
    user = make_user()
    first, _second, _third = asked(now, user), asked(now, user), asked(now, user)

    results = race([partial(batch_claim, now=now)] * 4)

    assert [batch.pk for batch in taken(results)] == [first.pk]


def test_control_without_the_turn_several_run_at_once(now, monkeypatch):
    user = make_user()
    for _n in range(3):
        asked(now, user)
    real = batches.token_hex

    def slowly(size):
        time.sleep(0.2)
        return real(size)

    monkeypatch.setattr(batches, "advisory", lambda namespace, ids: None)
    monkeypatch.setattr(batches, "token_hex", slowly)

    results = race([partial(batch_claim, now=now)] * 4)

    assert len(taken(results)) > 1
