"""What an order and a till do with one coupon, one budget or one ticket at the same moment."""

import time
from functools import partial

import pytest

from config.kernel.actors import SYSTEM
from coupons import guards
from coupons.guards import BudgetExhausted, CouponUnavailable
from coupons.models import Coupon, CouponTicket, CouponTicketReturn, Template
from coupons.states import USABLE
from mall.services import redemption_confirm as confirming
from mall.services import redemption_reverse as reversing
from mall.services.pos_till import Till
from members.guards_code import member_code_use
from members.services.member_code_issue import member_code_issue
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_coupon, make_member, make_template, make_terminal

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def till() -> Till:
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


def template_of(till: Till, **terms) -> Template:
    template = make_template(quota=99, **terms)
    Template.objects.filter(pk=template.pk).update(operator=till.operator_id)
    return template


def at_till(till: Till, coupon: Coupon, ticket_no: str, now):
    """A sale of ¥50 that waits to be confirmed."""
    code = member_code_issue(member_id=coupon.member_id, now=now)
    return partial(
        confirming.redemption_confirm,
        till=till,
        ticket_no=ticket_no,
        coupon_nos=[coupon.no],
        visit=member_code_use(scanned=code.token, by=till.name, now=now).visit,
        amount_fen=5_000,
        actor=SYSTEM,
        now=now,
    )


def by_order(coupon: Coupon, reference: str, now):
    return partial(
        lambda **values: guards.coupon_lock(**values),
        uses=[(coupon.pk, 2_000)],
        member_id=coupon.member_id,
        reference=reference,
        now=now,
    )


def read_then_use(state: str):
    """How it is done without a guard: look, and then write what was decided."""

    def use(*, uses, reference, now, **_rest) -> None:
        for pk, amount_fen in uses:
            coupon = Coupon.objects.select_related("template").get(pk=pk)
            budget, spent = coupon.template.budget_fen, coupon.template.spent_fen
            if coupon.state not in USABLE:
                raise CouponUnavailable()
            if budget is not None and spent + amount_fen > budget:
                raise BudgetExhausted()
            time.sleep(0.4)
            locked = state == "locked"
            Coupon.objects.filter(pk=pk).update(
                state=state,
                locked_by=reference if locked else "",
                locked_fen=amount_fen if locked else 0,
                used_at=None if locked else now,
            )
            Template.objects.filter(pk=coupon.template_id).update(spent_fen=spent + amount_fen)

    return use


def without_guards(monkeypatch) -> None:
    monkeypatch.setattr(confirming, "coupon_redeem", read_then_use("used"))
    monkeypatch.setattr(guards, "coupon_lock", read_then_use("locked"))


# --- an order and a till


def test_both_channels_use_a_coupon_once(till, now):
    for n in range(4):
        coupon = make_coupon(make_member(), template=template_of(till, budget_fen=9_000))

        results = race([at_till(till, coupon, f"T-{n}", now), by_order(coupon, f"SO{n}", now)])

        assert len(succeeded(results)) == 1
        coupon.refresh_from_db()
        coupon.template.refresh_from_db()
        assert coupon.state == ("used" if results[1] in failed(results) else "locked")
        assert coupon.template.spent_fen == 2_000


@pytest.mark.corrupts
def test_both_channels_control_without_the_guard_both_have_it(till, now, monkeypatch):
    coupon = make_coupon(make_member(), template=template_of(till))
    without_guards(monkeypatch)

    results = race([at_till(till, coupon, "T-1", now), by_order(coupon, "SO1", now)])

    assert failed(results) == []


def sales_of_one_budget(till, now):
    template = template_of(till, budget_fen=4_000)
    coupons = [make_coupon(make_member(), template=template) for _n in range(6)]
    sales = [at_till(till, c, f"T-{n}", now) for n, c in enumerate(coupons[:3])]
    return template, [*sales, *(by_order(c, f"SO{n}", now) for n, c in enumerate(coupons[3:]))]


def test_pretix_6067_one_budget_over_both_channels_is_not_exceeded(till, now):
    template, calls = sales_of_one_budget(till, now)

    results = race(calls)

    assert len(succeeded(results)) == 2
    assert {type(e) for e in failed(results)} == {BudgetExhausted}
    template.refresh_from_db()
    assert template.spent_fen == 4_000


@pytest.mark.corrupts
def test_pretix_6067_control_over_both_channels_more_is_given_than_there_is(till, now, monkeypatch):
    _template, calls = sales_of_one_budget(till, now)
    without_guards(monkeypatch)

    results = race(calls)

    assert len(succeeded(results)) > 2


# --- what comes back of a ticket


def redeemed(till, now, ticket_no="T-1", **terms):
    coupon = make_coupon(make_member(), template=template_of(till, **terms))
    at_till(till, coupon, ticket_no, now)()
    return coupon, {"till": till, "number": ticket_no, "actor": SYSTEM, "now": now}


def returns_of(known, *amounts):
    return [
        partial(reversing.redemption_return, return_no=f"R{n}", amount_fen=amount, **known)
        for n, amount in enumerate(amounts)
    ]


def look_without_a_lock(*, ticket_id):
    ticket = CouponTicket.objects.select_related("operator", "store", "member").get(pk=ticket_id)
    time.sleep(0.3)
    return ticket


def test_parts_of_a_ticket_that_come_back_at_once_add_up(till, now):
    """¥20 off ¥50: of ¥24 and ¥24 that come back ¥19.20 were not paid."""
    coupon, known = redeemed(till, now, budget_fen=9_000)

    results = race(returns_of(known, 2_400, 2_400, 2_400))

    assert len(succeeded(results)) == 2
    assert {type(e) for e in failed(results)} == {reversing.RedemptionReturnTooLarge}
    ticket = CouponTicket.objects.get()
    assert (ticket.returned_gross_fen, ticket.returned_discount_fen) == (4_800, 1_920)
    coupon.template.refresh_from_db()
    assert coupon.template.spent_fen == 80


@pytest.mark.corrupts
def test_parts_control_without_the_lock_one_of_them_is_forgotten(till, now, monkeypatch):
    _coupon, known = redeemed(till, now)
    monkeypatch.setattr(reversing, "coupon_ticket_lock", look_without_a_lock)

    results = race(returns_of(known, 2_400, 2_400))

    assert failed(results) == []
    came_back = sum(CouponTicketReturn.objects.values_list("gross_fen", flat=True))
    assert CouponTicket.objects.get().returned_gross_fen < came_back == 4_800


def test_reversal_and_return_of_all_do_not_both_happen(till, now):
    for n in range(3):
        coupon, known = redeemed(till, now, f"T-{n}", budget_fen=9_000)

        results = race([partial(reversing.redemption_reverse, **known), *returns_of(known, 5_000)])

        assert len(succeeded(results)) == 1
        assert {type(e) for e in failed(results)} == {reversing.RedemptionEnded}
        coupon.refresh_from_db()
        coupon.template.refresh_from_db()
        assert (coupon.state, coupon.template.spent_fen) == ("returned", 0)


@pytest.mark.corrupts
def test_reversal_control_without_lock_and_compare_and_set_both_happen(till, now, monkeypatch):
    _coupon, known = redeemed(till, now)
    rules = reversing.redemption_rules

    def slow_rules(**values):
        time.sleep(0.5)
        return rules(**values)

    def write(ticket, machine, to_state, **fields):
        CouponTicket.objects.filter(pk=ticket.pk).update(state=to_state, **fields)
        return ticket.state, to_state

    monkeypatch.setattr(reversing, "coupon_ticket_lock", look_without_a_lock)
    monkeypatch.setattr(reversing, "redemption_rules", slow_rules)
    monkeypatch.setattr(reversing, "compare_and_set", write)

    results = race([partial(reversing.redemption_reverse, **known), *returns_of(known, 5_000)])

    assert failed(results) == []
    ticket = CouponTicket.objects.get()
    assert (ticket.state, ticket.returned_gross_fen) == ("reversed", 5_000)
