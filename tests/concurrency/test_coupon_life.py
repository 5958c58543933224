"""Races in the life of a coupon: a code typed twice, a gift taken and taken back, a ticket of a
store sent twice, a rush. Each with the control that shows it when the guard is off."""

import time
from functools import partial

import pytest

from config.kernel.actors import SYSTEM, Actor
from coupons import guards, locks
from coupons.guards import CouponUnavailable, PerMemberLimit, QuotaExhausted, coupon_claim
from coupons.models import ClaimSlot, Coupon, CouponGift, CouponTicket, RedeemCode, Redemption
from coupons.redeem_codes import redeem_code
from coupons.selectors_tickets import CouponUsed
from coupons.services import coupon_gift as gifts
from coupons.services.code_pool import code_pool_create, code_pool_make
from coupons.services.code_redeem import RedeemCodeUsed, code_redeem
from coupons.services.slots_keep import slots_keep
from mall.services import redemption_confirm as confirming
from mall.services.pos_till import PosTicketInFlight, Till
from mall.services.quote import CouponNotApplicable
from mall.services.redemption_confirm import redemption_confirm
from mall.services.redemption_reverse import redemption_return, redemption_reverse
from members.guards_code import member_code_use
from members.services.member_code_issue import member_code_issue
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_coupon, make_member, make_template, make_terminal

pytestmark = pytest.mark.django_db(transaction=True)


# --- a code is redeemed once


def typings(now, times=4):
    pool = code_pool_create(template_id=make_template(quota=99).pk, name="团购", count=1, now=now)
    code_pool_make(pool_id=pool.pk)
    return [
        partial(
            code_redeem,
            typed=redeem_code(pool.no, 1),
            member_id=make_member().pk,
            actor=SYSTEM,
            now=now,
        )
        for _n in range(times)
    ]


def test_a_code_typed_by_many_at_once_is_one_coupon(now):
    results = race(typings(now, times=8))

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {RedeemCodeUsed}
    assert Coupon.objects.count() == 1


@pytest.mark.corrupts
def test_a_code_control_without_the_lock_it_is_several(now, monkeypatch):
    def look(*, code_hash, now):
        row = RedeemCode.objects.select_related("pool__template").get(code_hash=code_hash)
        time.sleep(0.3)
        return row

    monkeypatch.setattr(locks, "redeem_code_lock", look)

    results = race(typings(now))

    assert len(succeeded(results)) > 1
    assert Coupon.objects.count() > 1


# --- a gift is somebody's


def takers(now, gift, giver, friends):
    accepts = [
        partial(
            gifts.coupon_gift_accept,
            token=gift.token,
            member_id=friend.pk,
            actor=Actor.member(friend.pk),
            now=now,
        )
        for friend in friends
    ]
    back = partial(
        gifts.coupon_gift_take_back,
        gift_no=gift.no,
        member_id=giver.pk,
        actor=Actor.member(giver.pk),
        now=now,
    )
    return [*accepts, back]


def offered(now):
    giver = make_member()
    coupon = make_coupon(giver, template=make_template(gift_days=3))
    gift = gifts.coupon_gift_offer(
        coupon_no=coupon.no, member_id=giver.pk, actor=Actor.member(giver.pk), now=now
    )
    return coupon, giver, gift


def test_of_friends_that_accept_and_a_giver_who_takes_back_one_has_it(now):
    for _round in range(4):
        coupon, giver, gift = offered(now)
        friends = [make_member() for _n in range(3)]

        results = race(takers(now, gift, giver, friends))

        assert len(succeeded(results)) == 1
        assert {type(e) for e in failed(results)} == {gifts.CouponGiftEnded}
        winner = [*friends, giver][results.index(succeeded(results)[0])]
        coupon.refresh_from_db()
        assert (coupon.state, coupon.member_id) == ("claimed", winner.pk)


@pytest.mark.corrupts
def test_gift_control_without_the_compare_and_set_two_believe_they_have_it(now, monkeypatch):
    coupon, giver, gift = offered(now)
    friends = [make_member() for _n in range(3)]

    def read_then_write(*, gift, to_state, actor, now, **fields) -> None:
        row = CouponGift.objects.get(pk=gift.pk)
        if row.state != "offered":
            raise gifts.CouponGiftEnded()
        time.sleep(0.3)
        CouponGift.objects.filter(pk=gift.pk).update(state=to_state, ended_at=now, **fields)

    def write(*, coupon, to_state, actor, now, **fields) -> None:
        Coupon.objects.filter(pk=coupon.pk).update(state=to_state, **fields)

    monkeypatch.setattr(gifts, "coupon_gift_transition", read_then_write)
    monkeypatch.setattr(gifts, "coupon_transition", write)

    results = race(takers(now, gift, giver, friends)[:3])

    assert len(succeeded(results)) > 1
    assert Coupon.objects.filter(pk=coupon.pk).count() == 1


def test_a_gift_and_a_claim_at_the_same_moment_do_not_pass_the_limit(now):
    for _round in range(4):
        coupon, _giver, gift = offered(now)
        friend = make_member()
        accept = partial(
            gifts.coupon_gift_accept, token=gift.token, member_id=friend.pk, actor=SYSTEM, now=now
        )
        claim = partial(
            coupon_claim, template_code=coupon.template.code, member_id=friend.pk, now=now
        )

        results = race([accept, claim])

        assert len(succeeded(results)) == 1
        assert {type(e) for e in failed(results)} == {PerMemberLimit}
        assert Coupon.objects.filter(template=coupon.template, member=friend).count() == 1


# --- a ticket of a store


@pytest.fixture
def till():
    terminal, _key = make_terminal()
    store = terminal.store
    return Till(
        name=f"terminal:{terminal.no}",
        store_id=store.pk,
        store_code=store.code,
        operator_id=store.operator_id,
        operator_code=store.operator.code,
        terminal_id=terminal.pk,
    )


def redemptions(till, now, tickets, **terms):
    member = make_member()
    template = make_template(quota=9, **terms)
    type(template).objects.filter(pk=template.pk).update(operator=till.operator_id)
    coupon = make_coupon(member, template=template)
    code = member_code_issue(member_id=member.pk, now=now)
    visit = member_code_use(scanned=code.token, by=till.name, now=now).visit
    return coupon, [
        partial(
            redemption_confirm,
            till=till,
            ticket_no=ticket,
            coupon_nos=[coupon.no],
            visit=visit,
            amount_fen=5_000,
            actor=SYSTEM,
            now=now,
        )
        for ticket in tickets
    ]


def test_a_ticket_sent_many_times_at_once_is_redeemed_once(till, now):
    _coupon, calls = redemptions(till, now, ["T-1"] * 6)

    results = race(calls)

    assert {type(e) for e in failed(results)} <= {PosTicketInFlight}
    assert len({ticket.no for ticket in succeeded(results)}) == 1
    assert CouponTicket.objects.count() == Redemption.objects.count() == 1


def test_one_coupon_at_two_tills_is_used_once(till, now):
    _coupon, calls = redemptions(till, now, [f"T-{n}" for n in range(6)])

    results = race(calls)

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} <= {
        CouponUnavailable,
        CouponUsed,
        CouponNotApplicable,
    }
    assert CouponTicket.objects.count() == Redemption.objects.count() == 1


@pytest.mark.corrupts
def test_two_tills_control_without_the_guard_both_give_the_discount(till, now, monkeypatch):
    _coupon, calls = redemptions(till, now, [f"T-{n}" for n in range(4)])

    def read_then_write(*, uses, **_rest) -> None:
        for pk, _amount in uses:
            if Coupon.objects.get(pk=pk).state != "claimed":
                raise CouponUnavailable()
            time.sleep(0.3)
            Coupon.objects.filter(pk=pk).update(state="used", used_at=now)

    monkeypatch.setattr(confirming, "coupon_redeem", read_then_write)

    results = race(calls)

    assert len(succeeded(results)) > 1
    assert CouponTicket.objects.count() > 1


def test_an_order_and_a_till_at_the_same_moment_use_a_coupon_once(till, now):
    """Used in both channels at once."""
    for n in range(4):
        coupon, calls = redemptions(till, now, [f"T-{n}"])
        lock = partial(
            guards.coupon_lock,
            uses=[(coupon.pk, 2_000)],
            member_id=coupon.member_id,
            reference=f"SO{n}",
            now=now,
        )

        results = race([*calls, lock])

        assert len(succeeded(results)) == 1
        coupon.refresh_from_db()
        assert coupon.state in ("used", "locked")


def test_a_reversal_and_a_return_of_all_give_a_coupon_back_once(till, now):
    coupon, (confirm,) = redemptions(till, now, ["T-1"], budget_fen=9_000)
    confirm()
    known = {"till": till, "number": "T-1", "actor": SYSTEM, "now": now}

    results = race(
        [
            partial(redemption_reverse, **known),
            partial(redemption_return, return_no="R1", amount_fen=5_000, **known),
            partial(redemption_return, return_no="R2", amount_fen=5_000, **known),
        ]
    )

    assert len(succeeded(results)) == 1
    coupon.refresh_from_db()
    coupon.template.refresh_from_db()
    assert (coupon.state, coupon.template.spent_fen) == ("returned", 0)


# --- a rush


def test_eventyay_1359_a_rush_for_what_is_kept_ready_never_passes_quota_or_limit(now):
    template = make_template(quota=12, slots_ready=9, per_member=1)
    slots_keep(now=now)
    members = [make_member() for _n in range(16)]
    calls = [
        partial(coupon_claim, template_code=template.code, member_id=m.pk, now=now)
        for m in members
        for _twice in range(2)
    ]

    results = race(calls)

    assert len(succeeded(results)) == 12
    assert {type(e) for e in failed(results)} <= {QuotaExhausted, PerMemberLimit}
    assert Coupon.objects.count() == 12
    assert Coupon.objects.values("member").distinct().count() == 12
    assert ClaimSlot.objects.count() == 0


@pytest.mark.corrupts
def test_eventyay_1359_control_a_slot_that_is_read_and_not_taken_is_given_twice(now, monkeypatch):
    template = make_template(quota=2, slots_ready=2, per_member=1)
    slots_keep(now=now)
    members = [make_member() for _n in range(6)]

    def read_then_delete(template_id: int, rush: bool) -> None:
        slot = ClaimSlot.objects.filter(template_id=template_id).first()
        if slot is None:
            raise QuotaExhausted()
        time.sleep(0.3)
        ClaimSlot.objects.filter(pk=slot.pk).delete()

    monkeypatch.setattr(guards, "_take_quota", read_then_delete)

    results = race(
        [
            partial(guards.coupon_claim, template_code=template.code, member_id=m.pk, now=now)
            for m in members
        ]
    )

    assert len(succeeded(results)) > 2


def test_what_a_claim_gives_back_is_not_sold_out_for_who_waits(now):
    """The last one ready is held by a claim that comes to nothing."""
    template = make_template(quota=1, slots_ready=1)
    slots_keep(now=now)
    first, second = make_member(), make_member()

    def slow_and_wrong() -> None:
        def stumble(_claimed) -> None:
            pass

        from django.db import transaction

        with transaction.atomic():
            coupon_claim(
                template_code=template.code, member_id=first.pk, now=now, before_quota=stumble
            )
            time.sleep(0.5)
            raise CouponUnavailable()

    def patient():
        time.sleep(0.2)
        return coupon_claim(template_code=template.code, member_id=second.pk, now=now)

    results = race([slow_and_wrong, patient])

    assert type(results[0]) is CouponUnavailable
    assert results[1].no == Coupon.objects.get().no
