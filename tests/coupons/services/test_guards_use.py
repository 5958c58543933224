"""The guards of locks, uses and returns, one transaction at a time."""

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from coupons.guards import (
    CouponUnavailable,
    coupon_lock,
    coupon_redeem,
    coupon_release,
    coupon_return,
)
from coupons.models import Redemption
from tests.coupons.services.guarding import history, lock, redeem, untouched
from tests.factories import make_coupon, make_member, make_template

pytestmark = pytest.mark.django_db


# --- locking ---------------------------------------------------------------------------------
def test_a_lock_sets_the_coupon_aside_in_one_statement(now):
    member = make_member()
    coupon = make_coupon(member)

    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        coupon_lock(uses=[(coupon.pk, 2_000)], member_id=member.pk, reference="SO1", now=now)

    assert len(captured) == 1
    coupon.refresh_from_db()
    assert (coupon.state, coupon.locked_by, coupon.locked_fen) == ("locked", "SO1", 2_000)
    assert history(coupon) == [("", "claimed"), ("claimed", "locked")]


def test_nothing_to_lock_is_no_statement(now, django_assert_num_queries):
    with django_assert_num_queries(0):
        coupon_lock(uses=[], member_id=1, reference="SO1", now=now)


def test_a_locked_coupon_is_not_locked_again(now):
    member = make_member()
    coupon = make_coupon(member)
    lock([coupon], member, now)
    coupon.refresh_from_db()

    with pytest.raises(CouponUnavailable):
        lock([coupon], member, now, reference="SO2")

    assert untouched(coupon)


def test_somebody_elses_coupon_is_unavailable(now):
    coupon = make_coupon(make_member())

    with pytest.raises(CouponUnavailable):
        lock([coupon], make_member(), now)

    assert untouched(coupon)


@pytest.mark.parametrize("days", [-1, 30])
def test_a_coupon_out_of_its_validity_is_unavailable(now, days):
    member = make_member()
    coupon = make_coupon(member, template=make_template(valid_days=30), now=now)

    with pytest.raises(CouponUnavailable):
        lock([coupon], member, now + timedelta(days=days))

    assert untouched(coupon)


def test_a_coupon_for_stores_is_unavailable_to_an_order(now):
    member = make_member()
    coupon = make_coupon(member, template=make_template(channels=["store"]))

    with pytest.raises(CouponUnavailable):
        lock([coupon], member, now)

    assert untouched(coupon)


def test_one_unavailable_coupon_leaves_the_others_alone(now):
    member = make_member()
    good, bad = make_coupon(member), make_coupon(make_member())

    with pytest.raises(CouponUnavailable):
        lock([good, bad], member, now)

    assert untouched(good)
    assert history(good) == [("", "claimed")]


def test_a_coupon_is_asked_for_once(now):
    member = make_member()
    coupon = make_coupon(member)

    with pytest.raises(ValueError, match="once"):
        lock([coupon, coupon], member, now)


# --- using -----------------------------------------------------------------------------------
def test_a_locked_coupon_is_used_by_its_order(now):
    member = make_member()
    coupon = make_coupon(member)
    lock([coupon], member, now)

    redeem([coupon], member, now + timedelta(minutes=5))

    coupon.refresh_from_db()
    assert (coupon.state, coupon.locked_by, coupon.locked_fen) == ("used", "", 0)
    assert coupon.used_at == now + timedelta(minutes=5)
    redemption = Redemption.objects.get()
    assert redemption.key == f"SO1:{coupon.pk}"
    assert (redemption.channel, redemption.amount_fen) == ("mall", 2_000)
    assert history(coupon) == [("", "claimed"), ("claimed", "locked"), ("locked", "used")]


def test_a_usable_coupon_is_used_at_once_in_one_statement(now):
    member = make_member()
    coupon = make_coupon(member)

    with transaction.atomic(), CaptureQueriesContext(connection) as captured:
        coupon_redeem(
            uses=[(coupon.pk, 2_000)],
            member_id=member.pk,
            reference="POS1",
            channel="store",
            now=now,
        )

    assert len(captured) == 1
    assert history(coupon) == [("", "claimed"), ("claimed", "used")]


def test_an_order_that_locked_in_time_may_be_paid_after_the_last_minute(now):
    member = make_member()
    coupon = make_coupon(member, template=make_template(valid_days=30), now=now)
    last_minute = now + timedelta(days=30, minutes=-1)
    lock([coupon], member, last_minute)

    redeem([coupon], member, last_minute + timedelta(minutes=10))

    coupon.refresh_from_db()
    assert coupon.state == "used"


@pytest.mark.parametrize("reference", ["SO1", "SO2"])
def test_a_used_coupon_is_not_used_again(now, reference):
    member = make_member()
    coupon = make_coupon(member)
    redeem([coupon], member, now)

    with pytest.raises(CouponUnavailable):
        redeem([coupon], member, now, reference=reference, channel="store")

    assert Redemption.objects.count() == 1
    assert history(coupon) == [("", "claimed"), ("claimed", "used")]


def test_a_coupon_locked_by_one_order_is_not_used_by_another(now):
    member = make_member()
    coupon = make_coupon(member)
    lock([coupon], member, now)
    coupon.refresh_from_db()

    with pytest.raises(CouponUnavailable):
        redeem([coupon], member, now, reference="SO2")

    assert untouched(coupon)


def test_a_channel_that_the_template_does_not_name_is_refused(now):
    member = make_member()
    coupon = make_coupon(member, template=make_template(channels=["mall"]))

    with pytest.raises(CouponUnavailable):
        redeem([coupon], member, now, channel="store")

    assert untouched(coupon)


# --- giving back -----------------------------------------------------------------------------
def test_a_release_gives_the_coupon_back_as_it_was(now):
    member = make_member()
    coupon = make_coupon(member)
    lock([coupon], member, now)

    assert coupon_release(reference="SO1", now=now) == 1
    assert coupon_release(reference="SO1", now=now) == 0

    before = coupon.valid_until
    coupon.refresh_from_db()
    assert (coupon.state, coupon.locked_by, coupon.locked_fen) == ("claimed", "", 0)
    assert coupon.valid_until == before
    lock([coupon], member, now, reference="SO2")


def test_a_release_touches_nothing_of_other_orders(now):
    member = make_member()
    coupon = make_coupon(member)
    lock([coupon], member, now)

    assert coupon_release(reference="SO2", now=now) == 0

    coupon.refresh_from_db()
    assert coupon.state == "locked"


def test_a_refund_returns_the_coupon_once_and_lets_it_live_thirty_days(now):
    member = make_member()
    coupon = make_coupon(member, template=make_template(valid_days=30), now=now)
    later = now + timedelta(days=29)
    redeem([coupon], member, later)

    assert coupon_return(reference="SO1", now=later) == 1
    assert coupon_return(reference="SO1", now=later) == 0

    coupon.refresh_from_db()
    assert (coupon.state, coupon.used_at) == ("returned", None)
    assert coupon.valid_until == later + timedelta(days=30)
    assert Redemption.objects.get().reversed_at == later


def test_a_refund_never_shortens_a_validity(now):
    member = make_member()
    coupon = make_coupon(member, template=make_template(valid_days=90), now=now)
    redeem([coupon], member, now)

    coupon_return(reference="SO1", now=now)

    coupon.refresh_from_db()
    assert coupon.valid_until == now + timedelta(days=90)


def test_a_template_that_keeps_its_coupons_gives_none_back(now):
    member = make_member()
    coupon = make_coupon(member, template=make_template(on_refund="keep"))
    redeem([coupon], member, now)

    assert coupon_return(reference="SO1", now=now) == 0

    coupon.refresh_from_db()
    assert coupon.state == "used"
    assert Redemption.objects.get().reversed_at is None


def test_a_returned_coupon_can_be_locked_released_and_used_again(now):
    member = make_member()
    coupon = make_coupon(member)
    redeem([coupon], member, now)
    coupon_return(reference="SO1", now=now)

    lock([coupon], member, now, reference="SO2")
    coupon_release(reference="SO2", now=now)
    redeem([coupon], member, now, reference="SO3")

    assert history(coupon) == [
        ("", "claimed"),
        ("claimed", "used"),
        ("used", "returned"),
        ("returned", "locked"),
        ("locked", "returned"),
        ("returned", "used"),
    ]
    assert Redemption.objects.filter(reversed_at__isnull=True).count() == 1
