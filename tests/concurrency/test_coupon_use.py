"""saleor 13640 and pretix 6067: a coupon used twice, and a budget spent twice."""

import threading
import time
from functools import partial

import pytest
from django.db import transaction
from django.db.models import F

from coupons import guards
from coupons.guards import (
    BudgetExhausted,
    CouponUnavailable,
    coupon_lock,
    coupon_redeem,
    coupon_release,
    coupon_return,
)
from coupons.models import Coupon, Redemption, Template
from coupons.states import USABLE
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_coupon, make_member, make_template


def locks_of(uses, member, now, orders):
    return [
        partial(guards.coupon_lock, uses=uses, member_id=member.pk, reference=f"SO{n}", now=now)
        for n in range(orders)
    ]


def read_then_lock(*, uses, member_id, reference, now) -> None:
    """How it is done without a guard: look, and then write what was decided."""
    for pk, amount_fen in uses:
        coupon = Coupon.objects.select_related("template").get(pk=pk)
        template = coupon.template
        if coupon.state not in USABLE:
            raise CouponUnavailable()
        if (
            template.budget_fen is not None
            and template.spent_fen + amount_fen > template.budget_fen
        ):
            raise BudgetExhausted()
        time.sleep(0.2)
        Coupon.objects.filter(pk=pk).update(
            state="locked", locked_by=reference, locked_fen=amount_fen
        )
        Template.objects.filter(pk=template.pk).update(spent_fen=template.spent_fen + amount_fen)


@pytest.mark.django_db(transaction=True)
def test_saleor_13640_two_orders_lock_one_coupon_once(now):
    member = make_member()
    coupon = make_coupon(member)

    results = race(locks_of([(coupon.pk, 2_000)], member, now, 8))

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {CouponUnavailable}
    coupon.refresh_from_db()
    assert coupon.locked_by == f"SO{next(i for i, r in enumerate(results) if r is None)}"


@pytest.mark.corrupts
@pytest.mark.django_db(transaction=True)
def test_saleor_13640_control_without_the_guard_both_orders_believe_they_have_it(now, monkeypatch):
    member = make_member()
    coupon = make_coupon(member)
    monkeypatch.setattr(guards, "coupon_lock", read_then_lock)

    results = race(locks_of([(coupon.pk, 2_000)], member, now, 4))

    assert len(succeeded(results)) > 1


@pytest.mark.django_db(transaction=True)
def test_an_order_and_a_cash_desk_use_one_coupon_once(now):
    member = make_member()
    coupon = make_coupon(member)
    coupon_lock(uses=[(coupon.pk, 500)], member_id=member.pk, reference="SO0", now=now)
    coupon_release(reference="SO0", now=now)

    calls = [
        partial(
            coupon_redeem,
            uses=[(coupon.pk, 2_000)],
            member_id=member.pk,
            reference=f"{channel}{n}",
            channel=channel,
            now=now,
        )
        for n in range(4)
        for channel in ("mall", "store")
    ]
    results = race(calls)

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {CouponUnavailable}
    assert Redemption.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_release_and_a_use_of_one_lock_do_not_both_happen(now):
    """A payment that arrives while its order expires."""
    member = make_member()
    for round_no in range(5):
        coupon = make_coupon(member)
        order = f"SO{round_no}"
        uses = [(coupon.pk, 2_000)]
        coupon_lock(uses=uses, member_id=member.pk, reference=order, now=now)

        results = race(
            [
                partial(coupon_release, reference=order, now=now),
                partial(
                    coupon_redeem,
                    uses=uses,
                    member_id=member.pk,
                    reference=order,
                    channel="mall",
                    now=now,
                ),
            ]
        )

        coupon.refresh_from_db()
        # The use may win, or follow the release: then the coupon was usable again.
        assert failed(results) == []
        assert coupon.state == "used"
        assert Redemption.objects.filter(coupon=coupon).count() == 1


@pytest.mark.corrupts
@pytest.mark.django_db(transaction=True)
def test_a_release_control_that_looked_before_the_use_gives_a_used_coupon_back(now):
    coupon = make_coupon(make_member())
    uses = [(coupon.pk, 2_000)]
    coupon_lock(uses=uses, member_id=coupon.member_id, reference="SO0", now=now)
    looked, used = threading.Event(), threading.Event()

    def release() -> None:
        """Without the comparison that its one statement makes as it writes."""
        found = list(Coupon.objects.filter(state="locked", locked_by="SO0"))
        looked.set()
        assert used.wait(timeout=20)
        for row in found:
            Coupon.objects.filter(pk=row.pk).update(
                state="claimed", locked_by="", locked_fen=0, used_at=None
            )

    def use() -> None:
        assert looked.wait(timeout=20)
        coupon_redeem(
            uses=uses, member_id=coupon.member_id, reference="SO0", channel="mall", now=now
        )
        used.set()

    assert failed(race([release, use])) == []
    coupon.refresh_from_db()
    assert coupon.state == "claimed"
    assert Redemption.objects.filter(coupon=coupon, reversed_at__isnull=True).count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_refund_told_many_times_returns_the_coupon_once(now):
    member = make_member()
    coupon = make_coupon(member, template=make_template(budget_fen=2_000))
    coupon_redeem(
        uses=[(coupon.pk, 2_000)], member_id=member.pk, reference="SO1", channel="mall", now=now
    )

    results = race([partial(coupon_return, reference="SO1", now=now)] * 6)

    assert sorted(results) == [0, 0, 0, 0, 0, 1]
    assert Template.objects.get(pk=coupon.template_id).spent_fen == 0


@pytest.mark.corrupts
@pytest.mark.django_db(transaction=True)
def test_a_refund_control_that_looks_first_gives_the_budget_back_twice(now):
    template = make_template(budget_fen=4_000, per_member=2)
    member = make_member()
    coupons = [make_coupon(member, template=template) for _n in range(2)]
    for n, coupon in enumerate(coupons):
        uses = [(coupon.pk, 2_000)]
        coupon_redeem(uses=uses, member_id=member.pk, reference=f"SO{n}", channel="mall", now=now)
    both_looked = threading.Barrier(2)

    def look_then_return() -> int:
        found = list(Redemption.objects.filter(reference="SO0", reversed_at__isnull=True))
        both_looked.wait(timeout=20)
        for row in found:
            Coupon.objects.filter(pk=row.coupon_id).update(state="returned", used_at=None)
            Redemption.objects.filter(pk=row.pk).update(reversed_at=now)
            spent = F("spent_fen") - row.amount_fen
            Template.objects.filter(pk=template.pk).update(spent_fen=spent)
        return len(found)

    assert race([look_then_return] * 2) == [1, 1]
    template.refresh_from_db()
    # The other coupon is used, and its ¥20 can be spent again.
    assert template.spent_fen == 0


@pytest.mark.django_db(transaction=True)
def test_pretix_6067_a_budget_is_not_exceeded(now):
    template = make_template(budget_fen=7_000, quota=100)
    members = [make_member() for _n in range(12)]
    coupons = [make_coupon(m, template=template) for m in members]

    calls = [
        partial(
            coupon_lock, uses=[(c.pk, 2_000)], member_id=c.member_id, reference=f"SO{n}", now=now
        )
        for n, c in enumerate(coupons)
    ]
    results = race(calls)

    assert len(succeeded(results)) == 3
    assert {type(e) for e in failed(results)} == {BudgetExhausted}
    template.refresh_from_db()
    assert template.spent_fen == 6_000
    assert Coupon.objects.filter(state="locked").count() == 3


@pytest.mark.corrupts
@pytest.mark.django_db(transaction=True)
def test_pretix_6067_control_without_the_guard_more_is_promised_than_there_is(now, monkeypatch):
    template = make_template(budget_fen=2_000, quota=100)
    coupons = [make_coupon(make_member(), template=template) for _n in range(4)]
    monkeypatch.setattr(guards, "coupon_lock", read_then_lock)

    calls = [
        partial(
            guards.coupon_lock,
            uses=[(c.pk, 2_000)],
            member_id=c.member_id,
            reference=f"SO{n}",
            now=now,
        )
        for n, c in enumerate(coupons)
    ]
    results = race(calls)

    assert len(succeeded(results)) > 1
    promised = sum(Coupon.objects.values_list("locked_fen", flat=True))
    assert promised > template.budget_fen


@pytest.mark.django_db(transaction=True)
def test_orders_that_name_their_coupons_in_opposite_order_do_not_deadlock(now):
    """Two budgets, two coupons each, locked forwards and backwards at once."""
    first, second = (make_template(budget_fen=10**9, per_member=9) for _n in range(2))
    member = make_member()
    pairs = [
        (make_coupon(member, template=first), make_coupon(member, template=second))
        for _n in range(6)
    ]

    def lock(n: int, pair) -> None:
        pair = pair if n % 2 else pair[::-1]
        with transaction.atomic():
            uses = [(c.pk, 100) for c in pair]
            coupon_lock(uses=uses, member_id=member.pk, reference=f"SO{n}", now=now)
            time.sleep(0.02)

    results = race([partial(lock, n, pair) for n, pair in enumerate(pairs)])

    assert failed(results) == []
    assert sorted(Template.objects.values_list("spent_fen", flat=True)) == [600, 600]
