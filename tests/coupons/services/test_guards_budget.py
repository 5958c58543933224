"""The guards of budgets, one transaction at a time."""

import pytest

from coupons.guards import BudgetExhausted, coupon_release, coupon_return
from tests.coupons.services.guarding import history, lock, redeem
from tests.factories import make_coupon, make_member, make_template

pytestmark = pytest.mark.django_db


# --- budget ----------------------------------------------------------------------------------
def test_a_budget_is_taken_by_the_lock_and_not_again_by_the_use(now):
    member, template = make_member(), make_template(budget_fen=5_000, per_member=2)
    coupon = make_coupon(member, template=template)

    lock([coupon], member, now)
    template.refresh_from_db()
    assert template.spent_fen == 2_000
    redeem([coupon], member, now)

    template.refresh_from_db()
    assert template.spent_fen == 2_000


def test_a_use_that_costs_less_than_its_lock_gives_the_rest_back(now):
    member, template = make_member(), make_template(budget_fen=5_000)
    coupon = make_coupon(member, template=template)
    lock([coupon], member, now, amount_fen=2_000)

    redeem([coupon], member, now, amount_fen=1_500)

    template.refresh_from_db()
    assert template.spent_fen == 1_500


@pytest.mark.parametrize("act", [lock, redeem])
def test_more_than_the_budget_is_refused(now, act):
    member, template = make_member(), make_template(budget_fen=3_999, per_member=2)
    first, second = make_coupon(member, template=template), make_coupon(member, template=template)
    act([first], member, now)

    with pytest.raises(BudgetExhausted):
        act([second], member, now, reference="SO2")

    second.refresh_from_db()
    assert second.state == "claimed"
    template.refresh_from_db()
    assert template.spent_fen == 2_000
    assert history(second) == [("", "claimed")]


def test_two_coupons_of_one_order_share_the_budget(now):
    member, template = make_member(), make_template(budget_fen=3_999, per_member=2)
    coupons = [make_coupon(member, template=template) for _n in range(2)]

    with pytest.raises(BudgetExhausted):
        lock(coupons, member, now)

    template.refresh_from_db()
    assert template.spent_fen == 0


def test_what_is_given_back_can_be_spent_again(now):
    member, template = make_member(), make_template(budget_fen=2_000, per_member=2)
    first, second = make_coupon(member, template=template), make_coupon(member, template=template)
    lock([first], member, now)
    coupon_release(reference="SO1", now=now)
    redeem([second], member, now, reference="SO2")
    coupon_return(reference="SO2", now=now)

    template.refresh_from_db()
    assert template.spent_fen == 0
    lock([first], member, now, reference="SO3")


def test_a_template_without_a_budget_is_not_touched_by_an_order(now):
    member, template = make_member(), make_template()
    lock([make_coupon(member, template=template)], member, now)

    template.refresh_from_db()
    assert template.spent_fen == 0
