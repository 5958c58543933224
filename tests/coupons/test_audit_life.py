"""Each audit line of codes, gifts, days and tickets of stores, and the corruption it catches."""

import pytest

from config.kernel import audit
from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from coupons.guards import coupon_claim
from coupons.models import ClaimSlot, Coupon, CouponGift, CouponTicket, RedeemCode, Template
from coupons.redeem_codes import redeem_code
from coupons.services import coupon_gift as gifts
from coupons.services.code_pool import code_pool_create, code_pool_make
from coupons.services.code_redeem import code_redeem
from coupons.services.slots_keep import slots_keep
from mall.services.pos_till import Till
from mall.services.redemption_confirm import redemption_confirm
from mall.services.redemption_reverse import redemption_return
from members.guards_code import member_code_use
from members.services.member_code_issue import member_code_issue
from tests.factories import make_coupon, make_member, make_store, make_template
from tests.planting import fired, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture
def ticket(now) -> CouponTicket:
    """¥20 off a sale of ¥50, of which ¥10 came back."""
    store = make_store()
    till = Till(
        name="user:1",
        store_id=store.pk,
        store_code=store.code,
        operator_id=store.operator_id,
        operator_code=store.operator.code,
    )
    member = make_member()
    coupon = make_coupon(member, template=make_template(operator=store.operator))
    code = member_code_issue(member_id=member.pk, now=now)
    redemption_confirm(
        till=till,
        ticket_no="T-1",
        coupon_nos=[coupon.no],
        visit=member_code_use(scanned=code.token, by=till.name, now=now).visit,
        amount_fen=5_000,
        actor=SYSTEM,
        now=now,
    )
    return redemption_return(
        till=till, number="T-1", return_no="R1", amount_fen=1_000, actor=SYSTEM, now=now
    )


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE coupons_couponticket SET discount_fen = 1999",
        "UPDATE coupons_couponticket SET returned_discount_fen = 399",
        "UPDATE coupons_couponticketreturn SET gross_fen = 999",
        "UPDATE coupons_couponticketreturn SET promotion_fen = 1",
        "UPDATE coupons_couponticket SET returned_gross_fen = 999",
        "UPDATE coupons_couponticket SET promotion_fen = 1, returned_promotion_fen = 1",
        "UPDATE coupons_redemption SET returned_fen = 0",
    ],
)
def test_a_ticket_that_says_something_else_than_its_coupons_is_caught(ticket, change):
    assert fired() == []

    plant(change, table=change.split()[1])

    assert "coupon.ticket" in fired()


def test_a_ticket_of_a_member_whose_coupon_it_was_not_is_caught(ticket):
    CouponTicket.objects.update(member=make_member())

    assert fired() == ["coupon.ticket"]


def test_a_ticket_that_ended_without_its_event_is_caught(ticket, now):
    CouponTicket.objects.update(state="reversed", ended_at=now)

    assert {"coupon.ticket", "coupon_ticket.states"} <= set(fired())


def test_a_code_that_became_a_coupon_of_another_template_is_caught(now):
    pool = code_pool_create(template_id=make_template().pk, name="x", count=1, now=now)
    code_pool_make(pool_id=pool.pk)
    code_redeem(typed=redeem_code(pool.no, 1), member_id=make_member().pk, actor=SYSTEM, now=now)
    assert fired() == []

    RedeemCode.objects.update(coupon=make_coupon(make_member()))

    assert fired() == ["coupon.code"]


@pytest.fixture
def typed(now) -> Coupon:
    """One that came by the one code of its pool."""
    pool = code_pool_create(template_id=make_template().pk, name="x", count=1, now=now)
    code_pool_make(pool_id=pool.pk)
    code_redeem(typed=redeem_code(pool.no, 1), member_id=make_member().pk, actor=SYSTEM, now=now)
    assert fired() == []
    return Coupon.objects.get()


@pytest.mark.parametrize("change", [{"source": "claim"}, {"source_token": "another pool"}])
def test_a_coupon_that_did_not_come_by_its_code_is_caught(typed, change):
    Coupon.objects.update(**change)

    assert fired() == ["coupon.code"]


def test_a_coupon_by_a_code_that_nobody_used_is_caught(typed):
    RedeemCode.objects.update(coupon=None, used_at=None)

    assert fired() == ["coupon.code"]


def test_a_coupon_that_is_offered_without_a_gift_is_caught(now):
    giver = make_member()
    coupon = make_coupon(giver, template=make_template(gift_days=3))
    gift = gifts.coupon_gift_offer(coupon_no=coupon.no, member_id=giver.pk, actor=SYSTEM, now=now)
    assert fired() == []

    CouponGift.objects.filter(pk=gift.pk).update(state="taken_back", ended_at=now)

    assert {"coupon.gift", "coupon_gift.states"} == set(fired())


def test_a_coupon_that_was_given_by_nobodys_gift_is_caught(now):
    Coupon.objects.filter(pk=make_coupon(make_member()).pk).update(given_by=make_member())

    assert "coupon.gift" in fired()


def test_a_gift_that_is_not_its_coupons_is_caught(now):
    giver = make_member()
    coupon = make_coupon(giver, template=make_template(gift_days=3))
    gift = gifts.coupon_gift_offer(coupon_no=coupon.no, member_id=giver.pk, actor=SYSTEM, now=now)
    gifts.coupon_gift_accept(token=gift.token, member_id=make_member().pk, actor=SYSTEM, now=now)
    assert fired() == []

    CouponGift.objects.update(taker=make_member())

    assert fired() == ["coupon.gift"]


def test_a_gift_without_its_event_is_caught(now):
    giver = make_member()
    coupon = make_coupon(giver, template=make_template(gift_days=3))
    gifts.coupon_gift_offer(coupon_no=coupon.no, member_id=giver.pk, actor=SYSTEM, now=now)
    Event.objects.filter(subject_type="coupon_gift").delete()

    assert fired() == ["coupon_gift.states"]


def test_two_on_a_day_where_one_may_have_one_are_caught(now):
    template, member = make_template(per_member=2), make_member()
    for _n in range(2):
        coupon_claim(template_code=template.code, member_id=member.pk, now=now)
    assert fired() == []

    Template.objects.update(per_day=1)

    assert fired() == ["coupon.per_day"]


def test_one_that_was_given_away_counts_for_its_giver(now):
    giver = make_member()
    coupon = make_coupon(giver, template=make_template(gift_days=3))
    gift = gifts.coupon_gift_offer(coupon_no=coupon.no, member_id=giver.pk, actor=SYSTEM, now=now)
    gifts.coupon_gift_accept(token=gift.token, member_id=make_member().pk, actor=SYSTEM, now=now)
    Template.objects.update(per_member=2)
    coupon_claim(template_code=coupon.template.code, member_id=giver.pk, now=now)
    assert fired() == []

    Template.objects.update(per_member=1)

    assert fired() == ["coupon.per_member"]


def test_one_kept_ready_that_was_not_counted_is_caught(now):
    template = make_template(slots_ready=2)
    slots_keep(now=now)
    assert fired() == []

    ClaimSlot.objects.create(template=template)

    assert fired() == ["coupon.issued"]
    assert audit.lines() and Coupon.objects.count() == 0
