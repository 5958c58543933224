"""A membership is bought by an order, renewed by another, and given back for its days."""

from datetime import timedelta

import pytest
from django.db import transaction

from config.kernel.actors import SYSTEM
from config.kernel.models import Approval
from mall.models import AfterSale, Order, OrderLine, Refund
from mall.selectors.aftersale import aftersales_worth
from mall.services.aftersale import (
    AfterSaleNotPossible,
    MembershipByStaff,
    aftersale_approve,
    aftersale_refuse,
    aftersale_request,
)
from mall.services.aftersale_approval import aftersale_approval
from mall.services.membership_return import membership_return
from mall.services.order_close import orders_close
from mall.services.order_end import order_cancel
from mall.services.order_place import QuoteChanged, order_place
from mall.services.quote import Basket, BasketInvalid, quote
from mall.services.refund_create import RefundTooLarge
from members.models import Membership, MembershipPlan
from members.selectors import points_balance
from members.selectors_tiers import membership_live
from members.services.membership_grant import (
    MembershipLimit,
    MembershipPlanUnknown,
    MembershipTooFar,
)
from members.services.membership_refund import (
    MembershipEnded,
    MembershipRenewed,
    MembershipUsedUp,
)
from stores.models import Transfer
from tests.factories import make_member, make_operator, make_staff, make_store, publish_policy
from tests.factories.orders import open_payment, pay_order
from tests.mall.sales import POINTS, refunds_arrive
from tests.planting import fired, plant

pytestmark = pytest.mark.django_db


@pytest.fixture
def store():
    return make_store()


@pytest.fixture
def member():
    return make_member(openid="oPayer000000000000000000001")


@pytest.fixture
def plan(store):
    """¥99.00 for thirty days, sold by the store's operator."""
    return MembershipPlan.objects.create(
        code="plus", name="会员卡", operator=store.operator, price_fen=9_900, days=30
    )


def basket(member, store, **changes):
    return Basket(
        member_id=member.pk, store_code=store.code, **{"membership_plan": "plus", **changes}
    )


def place(member, store, now):
    asked = basket(member, store)
    version = quote(basket=asked, now=now).document()["version"]
    placed = order_place(basket=asked, quote_version=version, actor=SYSTEM, now=now)
    return Order.objects.get(no=placed["no"])


def buy(member, store, now):
    order = place(member, store, now)
    pay_order(order, now=now)
    order.refresh_from_db()
    return order


def ask(order, now, member_id=None):
    return aftersale_request(
        order_no=order.no,
        lines=[(0, 1)],
        reason="不用了",
        actor=SYSTEM,
        now=now,
        member_id=member_id,
    )


def test_a_membership_is_quoted_at_its_price(member, store, plan, now):
    document = quote(basket=basket(member, store), now=now).document()
    (line,) = document["lines"]
    assert (line["kind"], line["code"], line["title"]) == ("membership", "plus", "会员卡")
    assert (line["net_fen"], line["membership_days"], line["discounts"]) == (9_900, 30, [])
    assert (document["total_fen"], document["to_pay_fen"]) == (9_900, 9_900)
    assert [(t["kind"], t["amount_fen"]) for t in document["tenders"]] == [("wechat", 9_900)]


def test_its_money_goes_to_who_sells_it(member, store, plan, now):
    other = make_operator(mchid="1900000999")
    MembershipPlan.objects.update(operator=other)
    order = buy(member, store, now)
    assert (order.operator, order.payments.get().mchid) == (other, "1900000999")


def test_it_is_granted_when_it_is_paid(member, store, plan, now):
    publish_policy(kind="points", body=POINTS)
    order = place(member, store, now)
    assert (order.state, Membership.objects.count()) == ("placed", 0)
    paid_at = now + timedelta(minutes=3)
    pay_order(order, now=paid_at)
    order.refresh_from_db()
    assert (order.state, order.completed_at) == ("completed", paid_at)
    membership = Membership.objects.get()
    assert (membership.reference, membership.key) == (order.no, f"{order.no}:0")
    assert (membership.member, membership.price_fen) == (member, 9_900)
    assert (membership.since, membership.until) == (paid_at, paid_at + timedelta(days=30))
    sold = Transfer.objects.get(reference=order.no)
    assert (sold.code, sold.amount) == ("payment", 9_900)
    # What is paid for a membership earns no points.
    assert points_balance(member.pk) == (0, 0)


def test_a_renewal_begins_where_the_last_period_ends(member, store, plan, now):
    buy(member, store, now)
    later = now + timedelta(days=25)
    buy(member, store, later)
    periods = list(Membership.objects.order_by("pk").values_list("since", "until"))
    middle = now + timedelta(days=30)
    assert periods == [(now, middle), (middle, middle + timedelta(days=30))]


def test_an_order_keeps_the_days_that_it_promised(member, store, plan, now):
    order = place(member, store, now)
    MembershipPlan.objects.update(days=7, price_fen=100)
    pay_order(order, now=now)
    membership = Membership.objects.get()
    assert (membership.price_fen, membership.until) == (9_900, now + timedelta(days=30))


def test_a_plan_that_changed_is_quoted_again(member, store, plan, now):
    version = quote(basket=basket(member, store), now=now).document()["version"]
    MembershipPlan.objects.update(days=7)
    with pytest.raises(QuoteChanged), transaction.atomic():
        order_place(basket=basket(member, store), quote_version=version, actor=SYSTEM, now=now)
    assert Order.objects.count() == 0


def test_what_is_not_sold_any_more_when_it_is_paid_goes_back(member, store, plan, now):
    order = place(member, store, now)
    payment = open_payment(order, now=now)
    MembershipPlan.objects.update(archived_at=now)
    pay_order(order, now=now)
    order.refresh_from_db()
    assert (order.state, Membership.objects.count()) == ("cancelled", 0)
    refund = Refund.objects.get()
    assert (refund.payment, refund.amount_fen, refund.tender) == (payment, 9_900, None)


def test_of_two_orders_for_what_is_sold_once_the_second_goes_back(member, store, plan, now):
    MembershipPlan.objects.update(per_member=1)
    first, second = place(member, store, now), place(member, store, now)
    for order in (first, second):
        pay_order(order, now=now)
        order.refresh_from_db()
    assert (first.state, second.state) == ("completed", "cancelled")
    assert Membership.objects.get().reference == first.no
    assert Refund.objects.get().order == second
    with pytest.raises(MembershipLimit):
        quote(basket=basket(member, store), now=now)


def test_what_was_given_back_in_full_does_not_count(member, store, plan, now):
    MembershipPlan.objects.update(per_member=1)
    asked = ask(buy(member, store, now), now)
    aftersale_approve(after_sale_no=asked.no, reason="好", actor=SYSTEM, now=now)
    assert quote(basket=basket(member, store), now=now).to_pay_fen == 9_900


@pytest.mark.parametrize(
    "changes",
    [
        {"lines": (("SKU1", 1),)},
        {"card_product": "GIFT"},
        {"topup_card": "CD1", "amount_fen": 100},
        {"use_card": True},
        {"coupon_nos": ("CP1",)},
        {"amount_fen": 100},
    ],
)
def test_a_membership_is_an_order_of_its_own(member, store, plan, now, changes):
    with pytest.raises(BasketInvalid):
        quote(basket=basket(member, store, **changes), now=now)


def test_what_is_not_sold_or_paid_for_years_ahead_is_refused(member, store, plan, now):
    with pytest.raises(MembershipPlanUnknown):
        quote(basket=basket(member, store, membership_plan="none"), now=now)
    MembershipPlan.objects.update(days=3_660)
    buy(member, store, now)
    buy(member, store, now)
    with pytest.raises(MembershipTooFar):
        quote(basket=basket(member, store), now=now)
    MembershipPlan.objects.update(archived_at=now)
    with pytest.raises(MembershipPlanUnknown):
        quote(basket=basket(member, store), now=now)


def test_an_order_that_is_not_paid_leaves_nothing(member, store, plan, now):
    order = place(member, store, now)
    order_cancel(order_no=order.no, reason="", actor=SYSTEM, now=now)
    assert Membership.objects.count() == 0


def test_the_days_that_were_left_when_it_was_asked_for_go_back(member, store, plan, now):
    order = buy(member, store, now)
    asked_at, decided_at = now + timedelta(days=10), now + timedelta(days=12)
    asked = ask(order, asked_at, member_id=member.pk)
    assert membership_live(member_id=member.pk, now=asked_at) != []
    assert aftersales_worth(AfterSale.objects.all()) == 6_600
    aftersale_approve(after_sale_no=asked.no, reason="好", actor=SYSTEM, now=decided_at)
    membership = Membership.objects.get()
    assert (membership.ended_at, membership.refunded_fen) == (decided_at, 6_600)
    assert membership_live(member_id=member.pk, now=decided_at) == []
    refund = Refund.objects.get()
    assert (refund.state, refund.amount_fen, refund.tender.kind) == ("approved", 6_600, "wechat")
    line = OrderLine.objects.get()
    assert (line.refunded_quantity, line.refunded_fen) == (1, 6_600)
    refunds_arrive(order, now=decided_at)
    order.refresh_from_db()
    assert (order.state, AfterSale.objects.get().state) == ("completed", "done")


def test_it_can_be_given_back_after_the_after_sale_window(member, store, plan, now):
    order = buy(member, store, now)
    later = now + timedelta(days=20)
    orders_close(now=later)
    order.refresh_from_db()
    assert order.state == "closed"
    asked = ask(order, later, member_id=member.pk)
    aftersale_approve(after_sale_no=asked.no, reason="好", actor=SYSTEM, now=later)
    assert Refund.objects.get().amount_fen == 3_300
    order.refresh_from_db()
    assert order.state == "closed"


def test_it_is_given_back_once(member, store, plan, now):
    order = buy(member, store, now)
    asked = ask(order, now)
    aftersale_approve(after_sale_no=asked.no, reason="好", actor=SYSTEM, now=now)
    with pytest.raises(RefundTooLarge):
        ask(order, now)
    assert (Refund.objects.count(), AfterSale.objects.count()) == (1, 1)


@pytest.mark.parametrize(
    ("after", "refusal"),
    [
        (timedelta(days=29, seconds=1), MembershipUsedUp),
        (timedelta(days=30), MembershipEnded),
        (timedelta(days=60), MembershipEnded),
    ],
)
def test_what_is_used_up_is_not_given_back(member, store, plan, now, after, refusal):
    order = buy(member, store, now)
    with pytest.raises(refusal):
        ask(order, now + after)
    assert AfterSale.objects.count() == 0


def test_the_renewal_is_given_back_first(member, store, plan, now):
    first, second = buy(member, store, now), buy(member, store, now)
    with pytest.raises(MembershipRenewed):
        ask(first, now)
    aftersale_approve(after_sale_no=ask(second, now).no, reason="", actor=SYSTEM, now=now)
    aftersale_approve(after_sale_no=ask(first, now).no, reason="", actor=SYSTEM, now=now)
    assert [r.amount_fen for r in Refund.objects.order_by("pk")] == [9_900, 9_900]


def test_a_renewal_meanwhile_stops_the_decision(member, store, plan, now):
    order = buy(member, store, now)
    asked = ask(order, now)
    buy(member, store, now)
    with pytest.raises(MembershipRenewed):
        aftersale_approve(after_sale_no=asked.no, reason="", actor=SYSTEM, now=now)
    assert (AfterSale.objects.get().state, Refund.objects.count()) == ("requested", 0)
    assert Membership.objects.filter(ended_at__isnull=False).count() == 0
    aftersale_refuse(after_sale_no=asked.no, reason="", actor=SYSTEM, now=now)


def test_where_the_plan_says_so_staff_ask(member, store, plan, now):
    MembershipPlan.objects.update(refund_on_request=False)
    order = buy(member, store, now)
    with pytest.raises(MembershipByStaff):
        ask(order, now, member_id=member.pk)
    assert AfterSale.objects.count() == 0
    assert ask(order, now).state == "requested"


def test_an_order_that_is_not_paid_has_nothing_to_give_back(member, store, plan, now):
    with pytest.raises(AfterSaleNotPossible):
        ask(place(member, store, now), now)


def test_staff_give_it_back_at_once_within_their_limit(member, store, plan, now):
    order = buy(member, store, now)
    user = make_staff(role="service")
    membership = Membership.objects.get()
    waits = membership_return(
        membership_id=membership.pk, reason="搬家", user=user, now=now + timedelta(days=15)
    )
    assert waits is None
    membership.refresh_from_db()
    assert membership.refunded_fen == 4_950
    after_sale = AfterSale.objects.get()
    assert (after_sale.order, after_sale.state, after_sale.reason) == (order, "approved", "搬家")


def test_above_their_limit_a_second_person_decides(member, store, plan, now):
    MembershipPlan.objects.update(price_fen=60_000)
    buy(member, store, now)
    user, checker = make_staff(role="service"), make_staff(role="finance")
    membership = Membership.objects.get()
    waits = membership_return(membership_id=membership.pk, reason="搬家", user=user, now=now)
    assert (waits.amount_fen, waits.state) == (60_000, "pending")
    membership.refresh_from_db()
    assert (membership.ended_at, Refund.objects.count()) == (None, 0)
    # Days later it is worth what it was when it was asked for.
    later = now + timedelta(days=3)
    after_sale = AfterSale.objects.get()
    assert (
        aftersale_approval(after_sale_no=after_sale.no, reason="好", user=checker, now=later)
        is None
    )
    assert Refund.objects.get().amount_fen == 60_000
    assert Approval.objects.count() == 1


@pytest.mark.corrupts
@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE members_membership SET price_fen = 9901",
        "UPDATE members_membership SET until = until + interval '1 day'",
        "UPDATE members_membership SET ended_at = until, refunded_fen = 1",
        "DELETE FROM members_membership",
    ],
)
def test_a_membership_that_is_not_what_was_paid_for(member, store, plan, now, sql):
    buy(member, store, now)
    assert fired() == []
    plant(sql, table="members_membership")
    assert fired() == ["order.membership_granted"]


@pytest.mark.corrupts
def test_more_was_given_back_than_the_days_were_worth(member, store, plan, now):
    order = buy(member, store, now)
    asked = ask(order, now + timedelta(days=10))
    aftersale_approve(after_sale_no=asked.no, reason="", actor=SYSTEM, now=now + timedelta(days=10))
    assert fired() == []
    plant("UPDATE members_membership SET refunded_fen = 9900", table="members_membership")
    assert fired() == ["order.membership_granted"]
