"""A coupon given to a friend."""

from datetime import timedelta

import pytest
from django.db import transaction

from config.kernel.actors import SYSTEM, Actor
from config.kernel.codes import CodeInvalid
from config.kernel.errors import NotFound
from coupons.guards import CouponUnavailable, PerMemberLimit, coupon_claim, coupon_redeem
from coupons.models import Coupon, CouponGift
from coupons.services import coupon_gift as gifts
from coupons.services.coupon_give import coupon_give
from coupons.states import Source
from tests.factories import make_coupon, make_member, make_template

pytestmark = pytest.mark.django_db


@pytest.fixture
def giver():
    return make_member()


@pytest.fixture
def coupon(giver):
    return make_coupon(giver, template=make_template(gift_days=3, per_member=1))


def offer(coupon, giver, now):
    return gifts.coupon_gift_offer(
        coupon_no=coupon.no, member_id=giver.pk, actor=Actor.member(giver.pk), now=now
    )


def accept(gift, member, now):
    return gifts.coupon_gift_accept(
        token=gift.token, member_id=member.pk, actor=Actor.member(member.pk), now=now
    )


def state(coupon):
    coupon.refresh_from_db()
    return coupon.state, coupon.member_id


def test_a_friend_has_the_coupon_and_the_giver_gets_no_other(coupon, giver, now):
    friend = make_member()
    gift = offer(coupon, giver, now)
    assert state(coupon) == ("offered", giver.pk)
    with pytest.raises(CouponUnavailable), transaction.atomic():
        coupon_redeem(
            uses=[(coupon.pk, 1)], member_id=giver.pk, reference="S1", channel="store", now=now
        )

    accept(gift, friend, now)

    assert state(coupon) == ("claimed", friend.pk)
    assert coupon.given_by == giver
    for member in (giver, friend):
        with pytest.raises(PerMemberLimit):
            coupon_claim(template_code=coupon.template.code, member_id=member.pk, now=now)
    with pytest.raises(gifts.CouponGiftEnded):
        accept(gift, make_member(), now)
    # What was a gift is not given on.
    with pytest.raises(gifts.CouponNotGiftable):
        offer(coupon, friend, now)


def test_a_gift_is_taken_back(coupon, giver, now):
    gift = offer(coupon, giver, now)

    gifts.coupon_gift_take_back(gift_no=gift.no, member_id=giver.pk, actor=SYSTEM, now=now)

    assert state(coupon) == ("claimed", giver.pk)
    with pytest.raises(gifts.CouponGiftEnded):
        accept(gift, make_member(), now)
    with pytest.raises(gifts.CouponGiftEnded):
        gifts.coupon_gift_take_back(gift_no=gift.no, member_id=giver.pk, actor=SYSTEM, now=now)
    assert offer(coupon, giver, now).token != gift.token


def test_a_gift_that_nobody_took_ends_by_itself(coupon, giver, now):
    gift = offer(coupon, giver, now)
    over = now + timedelta(days=3)
    assert gift.expires_at == over
    with pytest.raises(gifts.CouponGiftEnded):
        accept(gift, make_member(), over)

    assert gifts.coupon_gifts_expire(actor=SYSTEM, now=over - timedelta(seconds=1)) == 0
    assert gifts.coupon_gifts_expire(actor=SYSTEM, now=over) == 1

    assert state(coupon) == ("claimed", giver.pk)
    gift.refresh_from_db()
    assert (gift.state, gift.ended_at) == ("expired", over)


def test_who_has_as_many_as_one_may_takes_no_gift(coupon, giver, now):
    friend = make_member()
    make_coupon(friend, template=coupon.template)
    gift = offer(coupon, giver, now)

    with pytest.raises(PerMemberLimit):
        accept(gift, friend, now)

    assert state(coupon) == ("offered", giver.pk)
    assert CouponGift.objects.get().state == "offered"


def test_what_is_not_given_away(giver, now):
    plain = make_coupon(giver)
    used = make_coupon(giver, template=make_template(gift_days=3))
    coupon_redeem(uses=[(used.pk, 1)], member_id=giver.pk, reference="S1", channel="store", now=now)
    late = make_coupon(giver, template=make_template(gift_days=3, valid_days=1))

    for coupon, moment in ((plain, now), (used, now), (late, now + timedelta(days=1))):
        with pytest.raises(gifts.CouponNotGiftable):
            offer(coupon, giver, moment)
    with pytest.raises(NotFound):
        offer(late, make_member(), now)
    with pytest.raises(CodeInvalid):
        gifts.coupon_gift_accept(token="NONE", member_id=giver.pk, actor=SYSTEM, now=now)
    gift = offer(make_coupon(giver, template=make_template(gift_days=3)), giver, now)
    with pytest.raises(gifts.CouponGiftOwn):
        accept(gift, giver, now)

    assert Coupon.objects.filter(given_by__isnull=False).count() == 0


def given(member, template, key, now):
    return coupon_give(
        template_code=template.code,
        member_id=member.pk,
        source=Source.PUSH,
        key=key,
        actor=SYSTEM,
        now=now,
    )


def test_what_both_friends_were_given_for_the_same_reason_can_be_a_gift(giver, now):
    friend, template = make_member(), make_template(gift_days=3, per_member=2)
    for member in (giver, friend):
        assert given(member, template, "push:7", now) is not None
    coupon = Coupon.objects.get(member=giver)

    accept(offer(coupon, giver, now), friend, now)

    assert state(coupon) == ("claimed", friend.pk)
    assert Coupon.objects.filter(member=friend).count() == 2


def test_a_gift_is_not_what_its_taker_is_given_and_its_giver_was_given_theirs(giver, now):
    friend, template = make_member(), make_template(gift_days=3, per_member=3)
    given(giver, template, "push:7", now)
    coupon = Coupon.objects.get()
    accept(offer(coupon, giver, now), friend, now)

    # Told again: the giver has had theirs; the friend has not.
    assert given(giver, template, "push:7", now) is None
    assert given(friend, template, "push:7", now) is not None
    assert given(friend, template, "push:7", now) is None
    assert Coupon.objects.filter(member=friend).count() == 2
