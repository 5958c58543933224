from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM, Actor
from stores.services.pickup_collect import PickupElsewhere, pickup_collect
from stores.services.pickup_find import PickupTooManyTries, PickupUnknown, pickup_find
from stores.services.pickup_open import PickupDraft, pickups_open
from stores.services.pickup_prepare import pickup_ready
from stores.services.pickup_token import pickup_token
from tests.factories import make_staff, make_store

pytestmark = pytest.mark.django_db


@pytest.fixture
def store():
    return make_store(name="南京东路店")


@pytest.fixture
def clerk(store, now):
    return make_staff(store=store, since=now - timedelta(days=1))


@pytest.fixture
def parcel(store, now):
    return opened(store, now)


def opened(store, now, order_no="SO1", phone_tail="8000"):
    draft = PickupDraft(order_no, store.pk, phone_tail)
    pickup = pickups_open([draft], actor=SYSTEM, now=now)[order_no]
    return pickup_ready(pickup_id=pickup.pk, actor=SYSTEM, now=now)


@pytest.mark.parametrize(
    "write",
    [
        lambda p: pickup_token(p),
        lambda p: pickup_token(p).lower(),
        lambda p: f"  https://mall.example/p/{pickup_token(p)}?from=qr\n",
        lambda p: f"{p.digits} 8000",
        lambda p: f"{p.digits}8000",
        lambda p: f"{p.digits[:4]}-{p.digits[4:]} 8000",
        lambda p: f"{p.digits} 8000".translate(
            {ord("0") + n: ord("\N{FULLWIDTH DIGIT ZERO}") + n for n in range(10)}
        ),
    ],
    ids=["token", "lower case", "address", "digits", "joined", "grouped", "full width"],
)
def test_scanned_or_typed_it_is_found(parcel, clerk, now, write):
    assert pickup_find(user=clerk, text=write(parcel), now=now) == parcel


def test_the_last_four_of_the_phone_must_fit(parcel, clerk, now):
    for tail in ("8001", ""):
        with pytest.raises(PickupUnknown):
            pickup_find(user=clerk, text=f"{parcel.digits} {tail}", now=now)


def test_without_a_phone_the_digits_are_enough(store, clerk, now):
    parcel = opened(store, now, phone_tail="")
    assert pickup_find(user=clerk, text=parcel.digits, now=now) == parcel


@pytest.mark.parametrize("text", ["", "hello", "1234", "' OR 1=1 --", "0" * 26, "12345678 12345"])
def test_anything_else_is_unknown(parcel, clerk, now, text):
    with pytest.raises(PickupUnknown) as refused:
        pickup_find(user=clerk, text=text, now=now)
    assert (refused.value.code, refused.value.status) == ("pickup_unknown", 404)


@pytest.mark.parametrize("by", ["token", "digits"])
def test_another_stores_parcel_is_named_but_not_given(clerk, now, by):
    elsewhere = opened(make_store(name="淮海路店"), now)
    text = pickup_token(elsewhere) if by == "token" else f"{elsewhere.digits} 8000"
    with pytest.raises(PickupElsewhere) as refused:
        pickup_find(user=clerk, text=text, now=now)
    assert refused.value.params == {"store": "淮海路店"}


def test_a_collected_parcel_is_found_so_that_a_second_scan_is_answered(parcel, clerk, now):
    pickup_collect(pickup_id=parcel.pk, user=clerk, actor=Actor.user(clerk), now=now)
    for text in (pickup_token(parcel), f"{parcel.digits} 8000"):
        assert pickup_find(user=clerk, text=text, now=now).state == "collected"


def test_who_works_nowhere_finds_nothing(parcel, now):
    former = make_staff(store=parcel.store, since=now - timedelta(days=2), until=now)
    with pytest.raises(PickupElsewhere):
        pickup_find(user=former, text=pickup_token(parcel), now=now)


def test_guessing_ends_after_ten_wrong_codes_in_an_hour(parcel, store, clerk, now):
    for n in range(10):
        with pytest.raises(PickupUnknown):
            pickup_find(user=clerk, text=f"0000000{n} 0000", now=now)
    right = f"{parcel.digits} 8000"
    colleague = make_staff(store=store, since=now - timedelta(days=1))
    for user in (clerk, colleague):
        with pytest.raises(PickupTooManyTries) as refused:
            pickup_find(user=user, text=right, now=now)
    assert (refused.value.code, refused.value.status) == ("pickup_too_many_tries", 429)
    # The QR code cannot be guessed and keeps the desk going; an hour later digits work again.
    assert pickup_find(user=clerk, text=pickup_token(parcel), now=now) == parcel
    assert pickup_find(user=clerk, text=right, now=now + timedelta(hours=1)) == parcel


def test_another_store_is_not_stopped_by_it(parcel, clerk, now):
    for n in range(10):
        with pytest.raises(PickupUnknown):
            pickup_find(user=clerk, text=f"0000000{n} 0000", now=now)
    other = make_store()
    there = make_staff(store=other, since=now - timedelta(days=1))
    theirs = opened(other, now, order_no="SO2")
    assert pickup_find(user=there, text=f"{theirs.digits} 8000", now=now) == theirs


@pytest.mark.parametrize("role", ["auditor", "finance"])
def test_whoever_does_no_desk_work_finds_no_parcel(parcel, now, role):
    user = make_staff(store=parcel.store, role=role, since=now - timedelta(days=1))
    with pytest.raises(PickupElsewhere):
        pickup_find(user=user, text=pickup_token(parcel), now=now)


@pytest.mark.parametrize("role", ["manager", "clerk", "service", "headquarters"])
def test_whoever_does_desk_work_finds_it(parcel, now, role):
    user = make_staff(store=parcel.store, role=role, since=now - timedelta(days=1))
    assert pickup_find(user=user, text=pickup_token(parcel), now=now) == parcel
