"""Each audit line of the ways to a coupon and of its use in stores, and what it catches."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from coupons import guards
from coupons.models import CodePool, Coupon, CouponTicket, RedeemCode, Redemption, Template
from coupons.redeem_codes import redeem_code
from coupons.services.code_pool import code_pool_create, code_pool_make
from coupons.services.code_redeem import code_redeem
from coupons.services.coupon_gift import coupon_gift_offer
from coupons.services.points_exchange import points_exchange
from coupons.services.template_stop import template_stop
from mall.services.pos_quote import TillLine
from mall.services.pos_till import Till
from mall.services.redemption_confirm import redemption_confirm
from members.guards_code import member_code_use
from members.services.member_code_issue import member_code_issue
from members.services.points_settle import PointsTarget, points_settle
from tests.factories import make_coupon, make_member, make_store, make_template, publish_policy
from tests.planting import fired, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]
POINTS = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}


@pytest.fixture
def ticket(now) -> CouponTicket:
    """¥20 and 10 % off three pieces at ¥30 and one at ¥9."""
    store = make_store()
    till = Till(
        name="user:1",
        store_id=store.pk,
        store_code=store.code,
        operator_id=store.operator_id,
        operator_code=store.operator.code,
    )
    member = make_member()
    templates = [
        make_template(operator=store.operator),
        make_template(operator=store.operator, kind="percent", value=1_000, stacking_group="b"),
    ]
    coupons = [make_coupon(member, template=template) for template in templates]
    code = member_code_issue(member_id=member.pk, now=now)
    ticket = redemption_confirm(
        till=till,
        ticket_no="T-1",
        coupon_nos=[coupon.no for coupon in coupons],
        visit=member_code_use(scanned=code.token, by=till.name, now=now).visit,
        lines=[TillLine("", "布鞋", 3, 3_000), TillLine("", "袜子", 1, 900)],
        actor=SYSTEM,
        now=now,
    )
    assert (ticket.gross_fen, ticket.discount_fen) == (9_900, 2_990)
    assert fired() == []
    return ticket


def test_a_fen_that_moved_from_one_coupon_of_a_ticket_to_another_is_caught(ticket):
    """The sum of the ticket stays what it was."""
    one, other = Redemption.objects.order_by("pk")
    Redemption.objects.filter(pk=one.pk).update(amount_fen=one.amount_fen + 1)
    Redemption.objects.filter(pk=other.pk).update(amount_fen=other.amount_fen - 1)

    assert "coupon.ticket_parts" in fired()


@pytest.mark.parametrize("change", [{"promotion_fen": 1}, {"promotions": [{"amounts": [1, 0]}]}])
def test_promotions_of_a_ticket_that_do_not_add_up_are_caught(ticket, change):
    CouponTicket.objects.update(**change)

    assert fired() == ["coupon.ticket_parts"]


def test_a_use_in_a_store_that_no_ticket_knows_is_caught(ticket, now):
    coupon = make_coupon(make_member())
    guards.coupon_redeem(
        uses=[(coupon.pk, 5)],
        member_id=coupon.member_id,
        reference="CR0000000000000000",
        channel="store",
        now=now,
    )

    assert fired() == ["coupon.ticket_parts"]


@pytest.mark.parametrize("field", ["net_fen", "quantity", "unit_price_fen"])
def test_a_line_of_a_ticket_that_does_not_add_up_is_caught(ticket, field):
    lines = ticket.lines
    lines[1][field] += 1
    CouponTicket.objects.update(lines=lines)

    assert fired() == ["coupon.ticket_parts"]


def test_a_coupon_locked_when_its_time_was_over_is_caught(now):
    coupon = make_coupon(make_member(), template=make_template(budget_fen=9_000))
    guards.coupon_lock(uses=[(coupon.pk, 5)], member_id=coupon.member_id, reference="SO1", now=now)
    assert fired() == []

    Coupon.objects.update(valid_until=now, valid_from=now - timedelta(days=1))

    assert "coupon.locked_in_validity" in fired()


def test_a_lock_without_its_event_is_caught(now):
    coupon = make_coupon(make_member())
    guards.coupon_lock(uses=[(coupon.pk, 5)], member_id=coupon.member_id, reference="SO1", now=now)
    plant("UPDATE kernel_event SET payload = '{}'", table="kernel_event")

    assert "coupon.locked_in_validity" in fired()


def test_a_claim_of_a_template_that_was_stopped_is_caught(now):
    template = make_template()
    coupon = make_coupon(make_member(), template=template, now=now)
    template_stop(template_id=template.pk, reason="burns", actor=SYSTEM, now=now)
    assert fired() == []

    Coupon.objects.filter(pk=coupon.pk).update(claimed_at=now + timedelta(minutes=2))

    assert "coupon.stopped" in fired()


@pytest.mark.parametrize("what", ["lock", "redeem", "offer"])
def test_a_use_of_a_template_whose_use_was_stopped_is_caught(now, what):
    template = make_template(gift_days=3)
    coupon = make_coupon(make_member(), template=template)
    later, uses = now + timedelta(minutes=5), [(coupon.pk, 5)]
    if what == "lock":
        guards.coupon_lock(uses=uses, member_id=coupon.member_id, reference="SO1", now=later)
    elif what == "redeem":
        guards.coupon_redeem(
            uses=uses, member_id=coupon.member_id, reference="SO1", channel="mall", now=later
        )
    else:
        coupon_gift_offer(coupon_no=coupon.no, member_id=coupon.member_id, actor=SYSTEM, now=later)
    assert fired() == []

    Template.objects.update(stopped_at=now, use_stopped_at=now)

    assert fired() == ["coupon.stopped"]


def test_an_order_that_locked_before_the_stop_is_no_harm(now):
    template = make_template()
    coupon = make_coupon(make_member(), template=template)
    uses, later = [(coupon.pk, 5)], now + timedelta(minutes=5)
    guards.coupon_lock(uses=uses, member_id=coupon.member_id, reference="SO1", now=now)
    template_stop(template_id=template.pk, use=True, reason="burns", actor=SYSTEM, now=now)
    guards.coupon_redeem(
        uses=uses, member_id=coupon.member_id, reference="SO1", channel="mall", now=later
    )

    assert fired() == []


@pytest.fixture
def pool(now) -> CodePool:
    pool = code_pool_create(template_id=make_template().pk, name="x", count=2, now=now)
    code_pool_make(pool_id=pool.pk)
    code_redeem(typed=redeem_code(pool.no, 1), member_id=make_member().pk, actor=SYSTEM, now=now)
    assert fired() == []
    return pool


def test_a_pool_that_lost_a_code_is_caught(pool):
    RedeemCode.objects.filter(coupon=None).delete()

    assert fired() == ["coupon.pool"]


def test_a_code_used_after_its_pool_was_stopped_is_caught(pool, now):
    CodePool.objects.update(stopped_at=now - timedelta(minutes=2))

    assert fired() == ["coupon.pool"]


@pytest.fixture
def exchanged(now) -> Coupon:
    member, template = make_member(), make_template(points_price=100)
    publish_policy(kind="points", body=POINTS)
    points_settle([PointsTarget(member.pk, member.no, "SO1", 10_000, now)], now=now)
    claimed = points_exchange(
        template_code=template.code, member_id=member.pk, points=100, actor=SYSTEM, now=now
    )
    assert fired() == []
    return Coupon.objects.get(pk=claimed.pk)


def test_a_coupon_for_points_that_nobody_paid_is_caught(exchanged):
    other = make_coupon(make_member())
    Coupon.objects.filter(pk=other.pk).update(source="points")

    assert fired() == ["coupon.paid_points"]


def test_points_paid_for_a_coupon_that_was_claimed_for_nothing_are_caught(exchanged):
    Coupon.objects.filter(pk=exchanged.pk).update(source="claim")

    assert fired() == ["coupon.paid_points"]
