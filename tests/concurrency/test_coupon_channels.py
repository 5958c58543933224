"""What the mall, stores and friends do with one coupon, or one budget, at the same moment; each
with the control that shows the race when its guard is off."""

import threading
import time
from functools import partial

import pytest
from django.db import connection

from config.kernel.actors import SYSTEM
from coupons import guards
from coupons.guards import BudgetExhausted, CouponUnavailable, PerMemberLimit, QuotaExhausted
from coupons.models import Coupon, CouponTicket, CouponTicketReturn, Template
from coupons.services import coupon_gift as gifts
from coupons.services.coupon_give import coupon_give
from coupons.services.points_exchange import points_exchange
from coupons.states import USABLE
from mall.guards import OutOfStock
from mall.models import Order, OrderLine, Reservation, Stock
from mall.services import order_place as placing
from mall.services import redemption_confirm as confirming
from mall.services import redemption_reverse as reversing
from mall.services.order_place import QuoteChanged
from mall.services.pos_till import Till
from mall.services.quote import Basket, quote
from members.guards_code import member_code_use
from members.models import PointHold
from members.selectors import points_balance
from members.services.member_code_issue import member_code_issue
from members.services.points_settle import PointsTarget, points_settle
from stores.ledger import AccountSpec, accounts_ensure
from tests.concurrency.race import failed, race, succeeded, without_constraint
from tests.factories import (
    make_coupon,
    make_member,
    make_product,
    make_promotion,
    make_stock,
    make_store,
    make_template,
    make_terminal,
    publish_policy,
)

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


# --- a gift and a claim


def offered_to(friend, now):
    giver = make_member()
    coupon = make_coupon(giver, template=make_template(gift_days=3))
    gift = gifts.coupon_gift_offer(coupon_no=coupon.no, member_id=giver.pk, actor=SYSTEM, now=now)
    accept = partial(
        gifts.coupon_gift_accept, token=gift.token, member_id=friend.pk, actor=SYSTEM, now=now
    )
    claim = partial(
        guards.coupon_claim, template_code=coupon.template.code, member_id=friend.pk, now=now
    )
    return coupon.template, [accept, claim]


def test_claim_beside_a_gift_does_not_pass_the_limit(now):
    for _round in range(6):
        friend = make_member()
        template, calls = offered_to(friend, now)

        results = race(calls)

        assert len(succeeded(results)) == 1
        assert {type(e) for e in failed(results)} == {PerMemberLimit}
        assert Coupon.objects.filter(template=template, member=friend).count() == 1


def test_a_claim_after_a_gift_was_counted_and_before_it_has_a_number_is_seen(now):
    """What was once counted and numbered by two statements."""
    friend = make_member()
    template, (accept, claim) = offered_to(friend, now)
    claimed: list = []

    def claim_meanwhile(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if "COUNT(" in sql and not claimed:
            claimed.extend(race([claim]))
        return answer

    with connection.execute_wrapper(claim_meanwhile), pytest.raises(PerMemberLimit):
        accept()

    assert len(succeeded(claimed)) == 1
    assert Coupon.objects.filter(template=template, member=friend).count() == 1


def test_a_claim_as_another_one_is_given_away_does_not_pass_the_limit(now):
    """Two may be had: one is offered, and leaves the numbers while two more are taken."""
    friend = make_member()
    template, (accept, claim) = offered_to(friend, now)
    Template.objects.filter(pk=template.pk).update(per_member=2)
    own = make_coupon(friend, template=template)
    offer = gifts.coupon_gift_offer(coupon_no=own.no, member_id=friend.pk, actor=SYSTEM, now=now)
    stranger, handed = make_member(), []

    def hand_over_and_claim(execute, sql, params, many, context):
        answer = execute(sql, params, many, context)
        if "COUNT(" in sql and not handed:
            taken = partial(
                gifts.coupon_gift_accept,
                token=offer.token,
                member_id=stranger.pk,
                actor=SYSTEM,
                now=now,
            )
            handed.extend([*race([taken]), *race([claim])])
        return answer

    with connection.execute_wrapper(hand_over_and_claim), pytest.raises(PerMemberLimit):
        accept()

    assert failed(handed) == []


@pytest.mark.corrupts
def test_claim_beside_a_gift_control_without_the_numbering_the_friend_has_both(now, monkeypatch):
    """The limit hangs on ``nth`` being unique per member; here the gift takes a number of its
    own."""
    friend = make_member()
    template, (accept, claim) = offered_to(friend, now)
    looked = threading.Event()

    def claim_then():
        looked.wait(10)
        return claim()

    def count_then_write(coupon, giver_id, taker_id, actor, now) -> None:
        theirs = Coupon.objects.filter(template=coupon.template, member_id=taker_id)
        if theirs.count() >= coupon.template.per_member:
            raise PerMemberLimit()
        looked.set()
        time.sleep(1)
        gifts.coupon_transition(
            coupon=coupon,
            to_state="claimed",
            actor=actor,
            now=now,
            member_id=taker_id,
            given_by_id=giver_id,
            nth=77,
        )

    monkeypatch.setattr(gifts, "_hand_over", count_then_write)

    results = race([accept, claim_then])

    assert failed(results) == []
    assert Coupon.objects.filter(template=template, member=friend).count() > template.per_member


# --- told twice


def givings(now):
    template, member = make_template(per_member=9), make_member()
    return [
        partial(
            coupon_give,
            template_code=template.code,
            member_id=member.pk,
            source="payment",
            key="payment:SO1",
            actor=SYSTEM,
            now=now,
        )
        for _n in range(5)
    ]


def test_what_gives_a_coupon_gives_it_once_however_often_it_is_told(now):
    results = race(givings(now))

    assert failed(results) == []
    assert len([row for row in results if row is not None]) == 1
    assert Coupon.objects.count() == Template.objects.get().issued == 1


@pytest.mark.corrupts
def test_what_gives_a_coupon_control_without_its_key_it_gives_several(now):
    calls = givings(now)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'coupons_coupon_given_once'"
        )
        [definition] = cursor.fetchone()
        cursor.execute("DROP INDEX coupons_coupon_given_once")
    try:
        race(calls)
        given = Coupon.objects.count()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE coupons_coupon CASCADE")
            cursor.execute(definition)

    assert given > 1


# --- points for the last one


def exchanges(now, members=5):
    publish_policy(
        kind="points",
        body={"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30},
    )
    template = make_template(quota=1, points_price=100)
    rich = [make_member() for _n in range(members)]
    points_settle([PointsTarget(m.pk, m.no, f"SO{m.pk}", 10_000, now) for m in rich], now=now)
    # Whoever spends the very first points makes the account that they go to, and others wait.
    accounts_ensure([AccountSpec("points.spent", unit="points")])
    return rich, [
        partial(
            points_exchange,
            template_code=template.code,
            member_id=member.pk,
            points=100,
            actor=SYSTEM,
            now=now,
        )
        for member in rich
    ]


def test_points_are_spent_by_who_gets_the_last_coupon_alone(now):
    members, calls = exchanges(now)

    results = race(calls)

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {QuotaExhausted}
    assert sorted(points_balance(m.pk)[0] for m in members) == [0, 100, 100, 100, 100]
    assert PointHold.objects.count() == 1


@pytest.mark.corrupts
def test_points_control_without_the_guard_of_the_quota_several_pay(now, monkeypatch):
    members, calls = exchanges(now)

    def read_then_write(template_id: int, rush: bool) -> None:
        row = Template.objects.get(pk=template_id)
        if row.issued >= row.quota:
            raise QuotaExhausted()
        time.sleep(1)
        Template.objects.filter(pk=template_id).update(issued=row.issued + 1)

    monkeypatch.setattr(guards, "_take_quota", read_then_write)

    results = race(calls)

    assert failed(results) == []
    assert [points_balance(m.pk)[0] for m in members].count(0) > 1


# --- a promotion's last gift


def orders_with_a_gift(now, buyers=5):
    store = make_store()
    sku, gift = make_product(skus=(9_900, 1_500)).skus.order_by("pk")
    make_stock(store=store, sku=sku, on_hand=50)
    stock = make_stock(store=store, sku=gift, on_hand=1)
    make_promotion(operator=store.operator, kind="gift", value=0, skus={gift.code: 1})
    calls = []
    for _n in range(buyers):
        basket = Basket(member_id=make_member().pk, store_code=store.code, lines=((sku.code, 1),))
        document = quote(basket=basket, now=now).document()
        assert [x["given"] for x in document["gifts"]] == [True]
        calls.append(
            partial(
                placing.order_place,
                basket=basket,
                quote_version=document["version"],
                actor=SYSTEM,
                now=now,
            )
        )
    return stock, calls


def test_gift_that_is_the_last_is_promised_once_and_the_others_are_told(now):
    stock, calls = orders_with_a_gift(now)

    results = race(calls)

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} <= {OutOfStock, QuoteChanged}
    stock.refresh_from_db()
    assert (stock.on_hand, stock.reserved) == (1, 1)
    assert OrderLine.objects.filter(net_fen=0).count() == Order.objects.count() == 1


@pytest.mark.corrupts
def test_gift_control_without_the_guard_of_stock_it_is_promised_to_several(now, monkeypatch):
    stock, calls = orders_with_a_gift(now)

    def read_then_reserve(lines, *, reference, now) -> None:
        rows = [Stock.objects.get(store_id=x.store_id, sku_id=x.sku_id) for x in lines]
        if any(row.on_hand - row.reserved < 1 for row in rows):
            raise OutOfStock(skus="")
        time.sleep(0.6)
        for row in sorted(rows, key=lambda row: row.pk):
            Stock.objects.filter(pk=row.pk).update(reserved=row.reserved + 1)

    monkeypatch.setattr(placing, "stock_reserve", read_then_reserve)
    with without_constraint("mall_stock", "mall_stock_covers_reserved"):
        race(calls)
        promised = OrderLine.objects.filter(net_fen=0).count()

    assert promised > stock.on_hand
    assert Reservation.objects.count() == 0
