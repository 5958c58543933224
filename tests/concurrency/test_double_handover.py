"""A parcel is handed over once, by its own store."""

import time
from datetime import timedelta
from functools import partial

import pytest

from config.kernel.actors import SYSTEM, Actor
from config.kernel.models import Event
from stores.models import Pickup
from stores.services import pickup_collect as collecting
from stores.services import pickup_transition as moving
from stores.services.pickup_collect import PickupCollected, PickupElsewhere
from stores.services.pickup_open import PickupDraft, pickups_open
from stores.services.pickup_prepare import pickup_ready
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_staff, make_store
from tests.planting import fired

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def world(now):
    """A ready parcel, four of the store's staff, and one of another store."""
    since = now - timedelta(days=1)
    store = make_store()
    pickup = pickups_open([PickupDraft("SO1", store.pk)], actor=SYSTEM, now=now)["SO1"]
    pickup_ready(pickup_id=pickup.pk, actor=SYSTEM, now=now)
    staff = [make_staff(store=store, since=since) for _n in range(4)]
    return pickup, staff, make_staff(store=make_store(), since=since)


def collect(pickup, user, now):
    return partial(
        collecting.pickup_collect,
        pickup_id=pickup.pk,
        user=user,
        actor=Actor.user(user),
        now=now,
    )


def hand_overs(pickup):
    return Event.objects.filter(
        subject_type="pickup", subject_id=pickup.pk, to_state="collected"
    ).count()


def look_then_set(row, machine, to_state, **fields):
    """How it is done without a guard: the state was right when it was read."""
    from_state = row.state
    time.sleep(0.2)
    Pickup.objects.filter(pk=row.pk).update(state=to_state, **fields)
    return from_state, to_state


def test_crmeb_a_second_scan_hands_nothing_over(world, now):
    pickup, staff, _stranger = world

    results = race([collect(pickup, user, now) for user in staff])

    assert len(succeeded(results)) == 1
    winner = succeeded(results)[0].collected_by
    assert [type(e) for e in failed(results)] == [PickupCollected] * 3
    assert {e.params["by"] for e in failed(results)} == {str(winner)}
    pickup.refresh_from_db()
    assert (pickup.state, pickup.collected_by) == ("collected", winner)
    assert hand_overs(pickup) == 1


@pytest.mark.corrupts
def test_crmeb_control_without_compare_and_set_it_is_handed_over_twice(world, now, monkeypatch):
    pickup, staff, _stranger = world
    monkeypatch.setattr(moving, "compare_and_set", look_then_set)

    results = race([collect(pickup, user, now) for user in staff])

    assert len(succeeded(results)) > 1
    assert hand_overs(pickup) > 1
    assert "pickup.collected_once" in fired()


def test_crmeb_other_stores_pickup_stays_where_it_is(world, now):
    pickup, staff, stranger = world

    results = race([collect(pickup, stranger, now), collect(pickup, staff[0], now)])

    assert isinstance(results[0], PickupElsewhere)
    assert results[1].collected_by == staff[0]


@pytest.mark.corrupts
def test_crmeb_other_stores_pickup_control_without_the_check(world, now, monkeypatch):
    pickup, _staff, stranger = world
    monkeypatch.setattr(collecting, "staff_at_store", lambda user, **facts: True)

    results = race([collect(pickup, stranger, now)])

    assert results[0].collected_by == stranger
    assert fired() == ["pickup.by_its_staff"]
