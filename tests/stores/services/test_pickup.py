from datetime import timedelta

import pytest
from django.conf import settings
from django.db import transaction

from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import IllegalTransition, NotFound
from config.kernel.models import Event
from stores.models import Assignment, Pickup
from stores.services import pickup_open as opening
from stores.services.pickup_collect import (
    PickupCollected,
    PickupElsewhere,
    PickupNotReady,
    pickup_collect,
)
from stores.services.pickup_open import PickupDraft, PickupExists, pickups_open
from stores.services.pickup_prepare import (
    pickup_cancel,
    pickup_hold,
    pickup_ready,
    pickup_resume,
)
from stores.services.pickup_token import pickup_token, token_hash
from tests.factories import make_operator, make_staff, make_store, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def store():
    return make_store(name="南京东路店")


@pytest.fixture
def clerk(store, now):
    user = make_staff(store=store, since=now - timedelta(days=1))
    user.last_name, user.first_name = "", "小李"
    user.save()
    return user


def open_for(store, now, order_no="SO1", phone_tail="8000"):
    draft = PickupDraft(order_no, store.pk, phone_tail)
    return pickups_open([draft], actor=SYSTEM, now=now)[order_no]


def steps(pickup):
    return list(
        Event.objects.filter(kind="stores.pickup_changed", subject_id=pickup.pk)
        .order_by("id")
        .values_list("from_state", "to_state")
    )


def test_an_opened_pickup_awaits_with_a_code_and_digits(store, now):
    made = open_for(store, now)
    pickup = Pickup.objects.get()
    assert (pickup.pk, pickup.state, pickup.created_at) == (made.pk, "awaiting", now)
    assert pickup.digits == made.digits and len(pickup.digits) == 8 and pickup.digits.isdigit()
    assert pickup.code_hash == token_hash(pickup_token(pickup)) and len(pickup_token(pickup)) == 26
    event = Event.objects.get(subject_type="pickup", subject_id=pickup.pk)
    assert (event.kind, event.from_state, event.to_state) == (
        "stores.pickup_changed",
        "",
        "awaiting",
    )
    assert event.payload == {"store_id": store.pk}


def test_opening_many_is_one_statement(store, now, django_assert_num_queries):
    drafts = [PickupDraft(f"SO{n}", store.pk, "8000") for n in range(30)]

    with django_assert_num_queries(1):
        made = pickups_open(drafts, actor=SYSTEM, now=now)

    rows = Pickup.objects.values_list("order_no", "pk", "no", "digits", "code_hash")
    assert set(rows) == {(n, p.pk, p.no, p.digits, p.code_hash) for n, p in made.items()}
    assert len({pickup.digits for pickup in made.values()}) == len(made) == 30
    assert all(steps(pickup) == [("", "awaiting")] for pickup in made.values())


def test_an_order_has_one_pickup(store, now):
    open_for(store, now)
    with pytest.raises(PickupExists), transaction.atomic():
        pickups_open(
            [PickupDraft("SO2", store.pk), PickupDraft("SO1", store.pk)], actor=SYSTEM, now=now
        )
    assert Pickup.objects.get().order_no == "SO1"


def test_digits_of_live_parcels_differ_within_a_store(store, now, monkeypatch):
    candidates = iter(["11111111"] * 5 + ["22222222"] * 3 + ["11111111"] * 4)
    monkeypatch.setattr(opening, "random_digits", lambda length: next(candidates))
    assert open_for(store, now).digits == "11111111"
    assert open_for(store, now, order_no="SO2").digits == "22222222"
    elsewhere = open_for(make_store(), now, order_no="SO3")
    assert elsewhere.digits == "11111111"


def test_digits_of_parcels_opened_together_differ_within_a_store(store, now, monkeypatch):
    # given two of one store and one of another that draw the same digits, the first time
    draws = iter(["11111111"] * 12 + ["22222222"] * 4)
    monkeypatch.setattr(opening, "random_digits", lambda length: next(draws))
    elsewhere = make_store()
    drafts = [PickupDraft(f"SO{n}", s.pk) for n, s in enumerate((store, store, elsewhere))]

    made = pickups_open(drafts, actor=SYSTEM, now=now)

    assert {no: pickup.digits for no, pickup in made.items()} == {
        "SO0": "11111111",
        "SO1": "22222222",
        "SO2": "11111111",
    }


def test_digits_of_a_finished_parcel_are_free_again(store, now, monkeypatch):
    monkeypatch.setattr(opening, "random_digits", lambda length: "11111111")
    first = open_for(store, now)
    pickup_cancel(pickup_id=first.pk, actor=SYSTEM, now=now)
    assert open_for(store, now, order_no="SO2").digits == "11111111"


def test_ready_waits_for_some_days(store, now):
    pickup = pickup_ready(pickup_id=open_for(store, now).pk, actor=SYSTEM, now=now)
    assert (pickup.state, pickup.ready_at) == ("ready", now)
    assert pickup.expires_at == now + timedelta(days=settings.PICKUP_DAYS)
    assert steps(pickup) == [("", "awaiting"), ("awaiting", "ready")]


def test_a_held_pickup_resumes_where_it_was(store, now):
    early, late = open_for(store, now), open_for(store, now, order_no="SO2")
    pickup_ready(pickup_id=late.pk, actor=SYSTEM, now=now)
    for pickup, state in ((early, "awaiting"), (late, "ready")):
        held = pickup_hold(pickup_id=pickup.pk, actor=SYSTEM, now=now, reason="return asked")
        assert held.state == "held"
        assert pickup_resume(pickup_id=pickup.pk, actor=SYSTEM, now=now).state == state
    assert steps(late)[2:] == [("ready", "held"), ("held", "ready")]


def test_a_cancelled_pickup_does_not_come_back(store, now):
    pickup = open_for(store, now)
    pickup_cancel(pickup_id=pickup.pk, actor=SYSTEM, now=now, reason="refunded")
    with pytest.raises(IllegalTransition):
        pickup_ready(pickup_id=pickup.pk, actor=SYSTEM, now=now)
    assert steps(pickup) == [("", "awaiting"), ("awaiting", "cancelled")]


def test_an_unknown_pickup_is_not_found(now):
    with pytest.raises(NotFound):
        pickup_ready(pickup_id=0, actor=SYSTEM, now=now)


def collect(pickup, user, now):
    return pickup_collect(pickup_id=pickup.pk, user=user, actor=Actor.user(user), now=now)


def test_staff_of_the_store_hand_it_over(store, clerk, now):
    pickup = open_for(store, now)
    pickup_ready(pickup_id=pickup.pk, actor=SYSTEM, now=now)
    done = collect(pickup, clerk, now)
    assert (done.state, done.collected_at, done.collected_by) == ("collected", now, clerk)
    event = Event.objects.filter(subject_type="pickup", subject_id=pickup.pk).latest("id")
    assert (event.to_state, event.actor_kind, event.actor_id) == (
        "collected",
        "user",
        str(clerk.pk),
    )


def test_a_second_scan_says_when_and_by_whom(store, clerk, now):
    pickup = open_for(store, now)
    pickup_ready(pickup_id=pickup.pk, actor=SYSTEM, now=now)
    collect(pickup, clerk, now)
    colleague = make_staff(store=store, since=now - timedelta(days=1))
    with pytest.raises(PickupCollected) as refused:
        collect(pickup, colleague, now + timedelta(minutes=5))
    assert (refused.value.code, refused.value.status) == ("pickup_collected", 409)
    at = (now + timedelta(hours=8)).strftime("%Y-%m-%dT%H:%M:%S+08:00")
    assert refused.value.params == {"at": at, "by": "小李"}
    pickup.refresh_from_db()
    assert (pickup.collected_at, pickup.collected_by) == (now, clerk)
    assert len(steps(pickup)) == 3


def test_before_it_is_ready_it_stays(store, clerk, now):
    pickup = open_for(store, now)
    with pytest.raises(PickupNotReady) as refused:
        collect(pickup, clerk, now)
    assert refused.value.code == "pickup_not_ready"
    assert steps(pickup) == [("", "awaiting")]


@pytest.mark.parametrize(
    "who",
    [
        "another store",
        "another operator",
        "ended",
        "future",
        "root",
        "auditor",
        "finance",
        "manager elsewhere",
    ],
)
def test_whoever_is_not_its_staff_cannot_hand_it_over(store, now, who):
    """CRMEB: any store's staff can hand over another store's pickup."""
    yesterday = now - timedelta(days=1)
    user = {
        "another store": lambda: make_staff(
            store=make_store(operator=store.operator), since=yesterday
        ),
        "another operator": lambda: make_staff(operator=make_operator(), since=yesterday),
        "ended": lambda: make_staff(store=store, since=yesterday, until=now),
        "future": lambda: make_staff(store=store, since=now + timedelta(hours=1)),
        "root": lambda: make_user(superuser=True),
        "auditor": lambda: make_staff(store=store, role="auditor", since=yesterday),
        "finance": lambda: make_staff(operator=store.operator, role="finance", since=yesterday),
        "manager elsewhere": lambda: make_staff(
            store=store,
            role="auditor",
            since=yesterday,
            user=make_staff(store=make_store(), role="manager", since=yesterday),
        ),
    }[who]()
    pickup = open_for(store, now)
    pickup_ready(pickup_id=pickup.pk, actor=SYSTEM, now=now)
    with pytest.raises(PickupElsewhere) as refused:
        collect(pickup, user, now)
    assert (refused.value.code, refused.value.params) == (
        "pickup_elsewhere",
        {"store": "南京东路店"},
    )
    assert len(steps(pickup)) == 2


@pytest.mark.parametrize("scope", ["operator", "headquarters"])
def test_who_works_for_all_of_its_stores_can(store, now, scope):
    user = make_staff(
        operator=store.operator if scope == "operator" else None, since=now - timedelta(days=1)
    )
    pickup = open_for(store, now)
    pickup_ready(pickup_id=pickup.pk, actor=SYSTEM, now=now)
    assert collect(pickup, user, now).collected_by == user
    assert Assignment.objects.get(user=user).store is None


def test_an_inactive_user_hands_nothing_over(store, clerk, now):
    clerk.is_active = False
    clerk.save()
    pickup = open_for(store, now)
    pickup_ready(pickup_id=pickup.pk, actor=SYSTEM, now=now)
    with pytest.raises(PickupElsewhere):
        collect(pickup, clerk, now)
