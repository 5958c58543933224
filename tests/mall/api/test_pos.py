"""Tills over HTTP: scan, quote, pay, ask, give back, void; and all that is refused."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils.dateparse import parse_datetime
from redis.exceptions import ConnectionError

from config.kernel import clock
from config.kernel.models import Event
from mall import pos_guesses
from mall.models import PosRefund, PosTicket
from members.guards import card_hold
from members.models import Card, MemberCode
from members.selectors import card_lots, points_balance
from members.services.card_freeze import card_freeze
from members.services.member_code_issue import member_code_issue
from stores.models import Account, Terminal, Transfer
from stores.services.terminal_disable import terminal_disable
from stores.services.terminal_rotate import terminal_rotate
from tests.factories import (
    api_client,
    make_card,
    make_coupon,
    make_member,
    make_operator,
    make_sku,
    make_store,
    make_template,
    make_terminal,
    make_topup,
    publish_policy,
    till_client,
)

pytestmark = pytest.mark.django_db
POINTS = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}
MAX = 2_147_483_647


@pytest.fixture
def operator():
    return make_operator(code="acc")


@pytest.fixture
def store(operator):
    return make_store(operator=operator, code="st1")


@pytest.fixture
def key(store):
    return make_terminal(store=store)[1]


@pytest.fixture
def till(key):
    return till_client(key)


@pytest.fixture
def member():
    return make_member(phone="+8613800138000")


@pytest.fixture
def card(member):
    """¥500 of principal and ¥50 of bonus, sold by another operator than the store's."""
    return make_card(member, operator=make_operator(code="iss"))


def shown(member, now):
    return member_code_issue(member_id=member.pk, now=now)


def scan(till, member, now):
    answer = till.command("/api/v1/pos/members", {"code": shown(member, now).token})
    assert answer.status_code == 201, answer.json()
    return answer.json()["visit"]


def pay(till, visit, *, ticket="T-1", total=11_000, key="", **body):
    data = {"ticket_no": ticket, "visit": visit, "total_fen": total, **body}
    return till.command("/api/v1/pos/tickets", data, key=key)


def code_of(answer):
    return answer.json()["errors"][0]["code"]


def refused(answer, status, code):
    assert (answer.status_code, code_of(answer)) == (status, code)


def on(card):
    lot = card.lots.select_related("principal", "bonus").order_by("pk").first()
    return lot.principal.balance, lot.bonus.balance


def untouched(card):
    assert on(card) == (50_000, 5_000)
    assert not PosTicket.objects.exists()
    assert not Transfer.objects.filter(code="card.spend").exists()
    assert not MemberCode.objects.filter(spent_at__isnull=False).exists()


# --- who calls


def test_a_terminal_is_known_by_its_key_and_its_cashier(till, key, store, member, card, now):
    no, _dot, secret = key.partition(".")
    wrong = [
        f"{no}.{secret[:-1]}X",
        f"TM00000000.{secret}",
        f"{no}.",
        f"{no}.{'界' * 8}".encode().decode("latin-1"),
        "nonsense",
        f"TM\u0000.{secret}".replace("\0", "%00"),
    ]
    for other in wrong:
        refused(till_client(other).get("/api/v1/pos/tickets/T-1"), 401, "terminal_unknown")
    refused(api_client().get("/api/v1/pos/tickets/T-1"), 401, "not_authenticated")
    refused(api_client(member).get("/api/v1/pos/tickets/T-1"), 401, "not_authenticated")
    for cashier in ("", "a" * 21, "7 7"):
        answer = till_client(key, cashier=cashier).get("/api/v1/pos/tickets/T-1")
        refused(answer, 400, "cashier_missing")
    refused(till.get("/api/v1/pos/tickets/T-1"), 404, "pos_ticket_unknown")
    refused(till.get("/api/v1/orders"), 401, "not_authenticated")


def test_a_terminal_does_not_do_what_its_key_does_not_allow(store, member, card, now):
    looking = till_client(make_terminal(store=store, scopes=["look"])[1])
    visit = scan(looking, member, now)

    refused(pay(looking, visit), 403, "terminal_scope")
    for what in ("refunds", "void"):
        answer = looking.command(f"/api/v1/pos/tickets/T-1/{what}", {})
        refused(answer, 403, "terminal_scope")
    paying = till_client(make_terminal(store=store, scopes=["pay"])[1])
    refused(paying.command("/api/v1/pos/members", {"code": "9"}), 403, "terminal_scope")
    untouched(card)


def test_a_lost_terminal_and_an_old_key_open_nothing(store, now):
    terminal, old = make_terminal(store=store)
    new = terminal_rotate(terminal_id=terminal.pk, actor=clock_actor(), now=now)
    refused(till_client(old).get("/api/v1/pos/tickets/T-1"), 401, "terminal_unknown")
    refused(till_client(new).get("/api/v1/pos/tickets/T-1"), 404, "pos_ticket_unknown")

    terminal_disable(terminal_id=terminal.pk, reason="stolen", actor=clock_actor(), now=now)
    refused(till_client(new).get("/api/v1/pos/tickets/T-1"), 401, "terminal_unknown")
    changes = Event.objects.filter(subject_type="terminal", subject_id=terminal.pk)
    assert [e.payload["change"] for e in changes.order_by("pk")] == [
        "created",
        "rotated",
        "disabled",
    ]


def clock_actor():
    from config.kernel.actors import SYSTEM

    return SYSTEM


@pytest.mark.parametrize("what", ["store", "operator"])
def test_a_closed_store_takes_nothing(till, store, what, now):
    row = store if what == "store" else store.operator
    type(row).objects.filter(pk=row.pk).update(archived_at=now)

    refused(till.get("/api/v1/pos/tickets/T-1"), 401, "terminal_unknown")


def test_a_terminal_is_seen_once_a_minute(till, store, now, django_assert_num_queries):
    till.get("/api/v1/pos/tickets/T-1")
    seen = Terminal.objects.get().last_seen_at
    assert abs(seen - now) < timedelta(minutes=1)

    till.get("/api/v1/pos/tickets/T-1")
    assert Terminal.objects.get().last_seen_at == seen


# --- who pays


def test_a_scan_tells_who_stands_there_and_what_pays_here(till, store, member, card, now):
    hidden = make_card(member, accepted_stores=["elsewhere"])
    coupon = make_coupon(member, template=make_template(operator=store.operator))
    make_coupon(member, template=make_template(operator=store.operator, channels=["mall"]))
    make_coupon(member)

    answer = till.command("/api/v1/pos/members", {"code": shown(member, now).digits})

    body = answer.json()
    assert answer.status_code == 201
    assert body["visit"].startswith("MV")
    assert parse_datetime(body["valid_until"]) > clock.now() + timedelta(minutes=9)
    assert body["member"] == {
        "no": member.no,
        "nickname": member.nickname,
        "phone_tail": "8000",
        "tier": "",
        "points": 0,
    }
    assert [(c["no"], c["principal_fen"], c["spendable_fen"]) for c in body["cards"]] == [
        (card.no, 50_000, 55_000)
    ]
    assert hidden.no not in str(body)
    assert [c["no"] for c in body["coupons"]] == [coupon.no]


def test_a_code_is_looked_up_once_and_a_lost_answer_is_repeated(till, store, member, now):
    code = shown(member, now).token
    first = till.command("/api/v1/pos/members", {"code": code}, key="scan-0001")

    again = till.command("/api/v1/pos/members", {"code": code}, key="scan-0001")
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    refused(till.command("/api/v1/pos/members", {"code": code}), 409, "member_code_used")
    other = till_client(make_terminal(store=store)[1])
    refused(other.command("/api/v1/pos/members", {"code": code}), 409, "member_code_used")


def test_a_guesser_is_stopped(till, store, member, now, monkeypatch):
    # Ten guesses within one minute, whenever this test runs.
    monkeypatch.setattr(pos_guesses, "time", SimpleNamespace(time=now.timestamp))
    for n in range(10):
        answer = till.command("/api/v1/pos/members", {"code": f"guess{n}"})
        refused(answer, 404, "member_code_invalid")
    code = shown(member, now).token
    refused(till.command("/api/v1/pos/members", {"code": code}), 429, "member_code_guesses")
    body = {"ticket_no": "T-1", "code": code, "total_fen": 1}
    refused(till.command("/api/v1/pos/tickets", body), 429, "member_code_guesses")
    assert MemberCode.objects.get().used_at is None
    other = till_client(make_terminal(store=store)[1])
    assert other.command("/api/v1/pos/members", {"code": code}).status_code == 201


def test_without_a_counter_tills_go_on(till, member, now, monkeypatch):
    def away():
        raise ConnectionError

    monkeypatch.setattr(pos_guesses.valkey, "client", away)

    refused(till.command("/api/v1/pos/members", {"code": "guess"}), 404, "member_code_invalid")
    assert scan(till, member, now)


def test_a_visit_is_good_where_it_was_opened(till, store, member, card, now):
    visit = scan(till, member, now)
    other = till_client(make_terminal(store=store)[1])

    refused(pay(other, visit), 409, "visit_over")
    refused(pay(till, "MVNONE"), 409, "visit_over")
    untouched(card)
    assert pay(till, visit).status_code == 201
    refused(pay(till, visit, ticket="T-2"), 409, "visit_over")


# --- quotes


def test_a_quote_takes_prices_of_till_and_store_and_coupons_of_stores(
    till, store, member, card, now
):
    sku = make_sku(price_fen=26_800, code="tea")
    template = make_template(operator=store.operator, value=3_000, threshold_fen=20_000)
    coupon = make_coupon(member, template=template)
    visit = scan(till, member, now)

    body = {
        "visit": visit,
        "lines": [
            {"sku": sku.code, "quantity": 1},
            {"title": "纸袋", "quantity": 2, "unit_price_fen": 50},
        ],
        "coupons": [coupon.no],
    }
    answer = till.post("/api/v1/pos/quotes", body, format="json")

    assert answer.status_code == 200, answer.json()
    quoted = answer.json()
    assert [x["unit_price_fen"] for x in quoted["lines"]] == [26_800, 50]
    assert [x["discount_fen"] for x in quoted["lines"]] == [2_989, 11]
    assert quoted["discounts"] == [
        {"coupon": coupon.no, "title": template.name, "amount_fen": 3_000}
    ]
    assert (quoted["gross_fen"], quoted["discount_fen"]) == (26_900, 3_000)
    assert (quoted["total_fen"], quoted["card_fen"], quoted["to_pay_fen"]) == (23_900, 23_900, 0)
    assert quoted["card_available_fen"] == 55_000
    # It used nothing up.
    coupon.refresh_from_db()
    assert coupon.state == "claimed"
    assert pay(till, visit, total=23_900).status_code == 201


def test_what_cannot_be_quoted(till, store, member, now):
    visit = scan(till, member, now)
    line = {"title": "茶", "quantity": 1, "unit_price_fen": 100}

    def ask(**body):
        return till.post("/api/v1/pos/quotes", {"lines": [line], **body}, format="json")

    refused(ask(lines=[{"sku": "none", "quantity": 1}]), 409, "sku_unavailable")
    refused(ask(coupons=["C1"]), 400, "pos_member_missing")
    refused(ask(coupons=["C1"], visit=visit), 409, "coupon_not_applicable")
    foreign = make_coupon(make_member(), template=make_template(operator=store.operator))
    refused(ask(coupons=[foreign.no], visit=visit), 409, "coupon_not_applicable")
    mall_only = make_template(operator=store.operator, channels=["mall"])
    inside = make_coupon(member, template=mall_only)
    refused(ask(coupons=[inside.no], visit=visit), 409, "coupon_not_applicable")
    refused(ask(visit="MVNONE"), 409, "visit_over")
    much = [{**line, "unit_price_fen": MAX, "quantity": 2}]
    refused(ask(lines=much), 400, "basket_too_large")
    assert ask(lines=[]).status_code == 400
    assert ask(lines=[{**line, "unit_price_fen": -1}]).status_code == 400
    assert ask().json()["to_pay_fen"] == 100


# --- payments


def test_a_payment_is_final_and_booked_between_the_two_operators(till, store, member, card, now):
    visit = scan(till, member, now)

    answer = pay(till, visit, total=20_000, card_fen=11_000)

    body = answer.json()
    assert answer.status_code == 201
    ticket = PosTicket.objects.get()
    assert body["no"] == ticket.no
    assert (body["state"], body["member"], body["ticket_no"]) == ("paid", member.no, "T-1")
    assert (body["total_fen"], body["card_fen"], body["other_fen"]) == (20_000, 11_000, 9_000)
    assert [(t["kind"], t["amount_fen"]) for t in body["tenders"]] == [
        ("card_principal", 10_000),
        ("card_bonus", 1_000),
    ]
    assert on(card) == (40_000, 4_000)
    booked = Transfer.objects.filter(reference=ticket.no)
    assert {t.credit.code for t in booked} == {"sales.card:iss:acc"}
    event = Event.objects.get(kind="mall.pos_ticket_paid")
    assert (event.actor_kind, event.actor_id) == ("terminal", f"{ticket.terminal.no}/0007")


def test_scan_and_pay_in_one_step(till, member, card, now):
    code = shown(member, now).digits
    body = {"ticket_no": "T-1", "code": code, "total_fen": 5_500}

    first = till.command("/api/v1/pos/tickets", body)
    assert first.status_code == 201
    # The answer was lost: the very same again, under another key.
    again = till.command("/api/v1/pos/tickets", body)
    assert again.json() == first.json()
    assert on(card) == (45_000, 4_500)


def test_after_a_time_out_the_answer_is_there(till, member, card, now):
    visit = scan(till, member, now)
    first = pay(till, visit, key="pay-00001")

    same_key = pay(till, visit, key="pay-00001")
    other_key = pay(till, visit, key="pay-00002")
    asked = till.get("/api/v1/pos/tickets/T-1")
    assert first.json() == same_key.json() == other_key.json() == asked.json()
    assert same_key.headers["Idempotency-Replayed"] == "true"
    assert asked.status_code == 200
    assert on(card) == (40_000, 4_000)
    assert PosTicket.objects.count() == 1


def test_another_sale_under_a_used_number_is_refused(till, store, member, card, now):
    pay(till, scan(till, member, now))
    visit = scan(till, member, now)

    refused(pay(till, visit, total=5_500), 409, "pos_ticket_exists")
    refused(pay(till, visit), 409, "pos_ticket_exists")
    assert on(card) == (40_000, 4_000)
    # The number is the terminal's own: the next till counts from one as well.
    other = till_client(make_terminal(store=store)[1])
    assert pay(other, scan(other, member, now)).status_code == 201
    assert on(card) == (30_000, 3_000)


@pytest.mark.parametrize(
    "body",
    [
        {"total": 0},
        {"total": -1},
        {"total": MAX + 1},
        {"total": 10**30},
        {"total": "12.5"},
        {"total": 100, "card_fen": 0},
        {"total": 100, "card_fen": -5},
        {"ticket": ""},
        {"ticket": "T 1"},
        {"ticket": "x" * 33},
        {"lines": [{"title": "茶", "quantity": 0, "net_fen": 11_000}]},
    ],
)
def test_amounts_that_are_none_are_refused(till, member, card, now, body):
    answer = pay(till, scan(till, member, now), **body)

    assert answer.status_code == 400
    assert answer.json()["type"] == "validation_error"
    untouched(card)


def test_wrong_amounts_are_refused(till, member, card, now):
    visit = scan(till, member, now)
    refused(pay(till, visit, card_fen=11_001), 400, "pos_amount_invalid")
    lines = [{"title": "茶", "quantity": 1, "net_fen": 10_999}]
    refused(pay(till, visit, lines=lines), 400, "pos_amount_invalid")
    refused(pay(till, visit, code="9" * 16), 400, "pos_member_missing")
    refused(pay(till, ""), 400, "pos_member_missing")
    refused(pay(till, visit, total=55_001), 409, "insufficient_funds")
    refused(pay(till, visit, total=MAX), 409, "insufficient_funds")
    untouched(card)
    assert pay(till, visit, total=55_000).status_code == 201
    assert on(card) == (0, 0)


def test_a_card_that_may_not_pay_does_not(till, store, member, card, now):
    foreign = make_card(make_member())
    limited = make_card(member, accepted_operators=["elsewhere"])
    visit = scan(till, member, now)

    refused(pay(till, visit, card=foreign.no), 409, "card_not_usable")
    refused(pay(till, visit, card="SCNONE"), 409, "card_not_usable")
    refused(pay(till, visit, card=limited.no), 409, "card_not_accepted")
    card_freeze(card_id=card.pk, reason="lost", actor=clock_actor(), now=now)
    refused(pay(till, visit, card=card.no), 409, "card_not_usable")
    refused(pay(till, visit), 409, "insufficient_funds")
    untouched(card)


def test_what_is_held_for_an_order_pays_nothing(till, member, card, now):
    parts = card_lots(member_id=member.pk)
    from members.cards import card_split

    card_hold(
        card_id=card.pk,
        parts=card_split(parts, 50_000),
        reference="SO1",
        expires_at=now + timedelta(minutes=15),
        actor=clock_actor(),
        now=now,
    )
    visit = scan(till, member, now)

    refused(pay(till, visit, total=5_001), 409, "insufficient_funds")
    assert pay(till, visit, total=5_000).status_code == 201


def test_a_named_card_pays_alone_and_without_a_name_the_oldest_first(till, member, card, now):
    second = make_card(member, principal_fen=10_000, bonus_fen=0)
    pay(till, scan(till, member, now), card=second.no, total=4_000)
    assert (on(card), on(second)) == ((50_000, 5_000), (6_000, 0))

    answer = pay(till, scan(till, member, now), ticket="T-2", total=57_000)
    assert (on(card), on(second)) == ((0, 0), (4_000, 0))
    assert [t["card"] for t in answer.json()["tenders"]] == [card.no, card.no, second.no]


# --- giving back


def refund(till, amount, *, no="R-1", ticket="T-1", key="", **body):
    data = {"refund_no": no, "amount_fen": amount, **body}
    return till.command(f"/api/v1/pos/tickets/{ticket}/refunds", data, key=key)


def test_refunds_return_to_the_lots_they_came_from(till, member, card, now):
    make_topup(card, principal_fen=10_000, bonus_fen=0)
    pay(till, scan(till, member, now), total=60_000)
    assert on(card) == (0, 0)

    first = refund(till, 6_600)
    assert first.status_code == 201
    assert [t["refunded_fen"] for t in first.json()["tenders"]] == [5_500, 550, 550]
    assert first.json()["state"] == "paid"
    last = refund(till, 53_400, no="R-2", reason="全退")
    assert last.json()["state"] == "refunded"
    assert [t["refunded_fen"] for t in last.json()["tenders"]] == [50_000, 5_000, 5_000]
    assert on(card) == (50_000, 5_000)
    assert Account.objects.get(code="sales.card:iss:acc").debits.count() == 6
    refused(refund(till, 1, no="R-3"), 409, "pos_ticket_ended")


def test_a_refund_is_made_once(till, member, card, now):
    pay(till, scan(till, member, now))
    first = refund(till, 1_100, key="refund-01")

    assert refund(till, 1_100, key="refund-01").json() == first.json()
    assert refund(till, 1_100, key="refund-02").json() == first.json()
    refused(refund(till, 1_200), 409, "pos_refund_exists")
    assert on(card) == (41_000, 4_100)
    assert PosRefund.objects.count() == 1


def test_no_more_goes_back_than_was_paid(till, member, card, now):
    pay(till, scan(till, member, now), total=20_000, card_fen=11_000)

    answer = refund(till, 11_001)
    refused(answer, 409, "pos_refund_too_large")
    assert answer.json()["extra"] == {"card_left": 11_000, "other_left": 9_000}
    refused(refund(till, 0, other_fen=9_001), 409, "pos_refund_too_large")
    refused(refund(till, 0), 400, "pos_refund_nothing")
    for amount in (-1, MAX + 1, "x"):
        assert refund(till, amount).status_code == 400
    refused(refund(till, 1, ticket="T-9"), 404, "pos_ticket_unknown")
    assert on(card) == (40_000, 4_000)
    assert not PosRefund.objects.exists()
    assert refund(till, 0, other_fen=9_000).json()["other_refunded_fen"] == 9_000
    assert refund(till, 11_000, no="R-2").json()["state"] == "refunded"
    assert on(card) == (50_000, 5_000)


def test_a_frozen_card_takes_its_money_back(till, member, card, now):
    pay(till, scan(till, member, now))
    card_freeze(card_id=card.pk, reason="lost", actor=clock_actor(), now=now)

    assert refund(till, 11_000).json()["state"] == "refunded"
    assert on(card) == (50_000, 5_000)


def test_tickets_are_the_stores_own(till, store, member, card, now):
    no = pay(till, scan(till, member, now)).json()["no"]
    neighbour = till_client(make_terminal(store=store)[1])
    foreign = till_client(make_terminal()[1])

    assert neighbour.get(f"/api/v1/pos/tickets/{no}").json()["ticket_no"] == "T-1"
    refused(neighbour.get("/api/v1/pos/tickets/T-1"), 404, "pos_ticket_unknown")
    for number in (no, "T-1"):
        refused(foreign.get(f"/api/v1/pos/tickets/{number}"), 404, "pos_ticket_unknown")
        refused(refund(foreign, 100, ticket=number), 404, "pos_ticket_unknown")
    assert on(card) == (40_000, 4_000)
    assert refund(neighbour, 1_100, ticket=no).status_code == 201
    assert on(card) == (41_000, 4_100)


# --- voids


def void(till, ticket="T-1", **body):
    return till.command(f"/api/v1/pos/tickets/{ticket}/void", body)


def test_a_void_undoes_the_whole_ticket_on_its_day(till, member, card, now):
    pay(till, scan(till, member, now), total=20_000, card_fen=11_000)

    answer = void(till, reason="输错金额")
    assert answer.status_code == 201
    assert answer.json()["state"] == "voided"
    assert (answer.json()["refunded_fen"], answer.json()["other_refunded_fen"]) == (11_000, 9_000)
    assert on(card) == (50_000, 5_000)
    assert void(till).json() == answer.json()
    refused(refund(till, 100), 409, "pos_ticket_ended")


def test_a_void_comes_too_late_the_next_day_or_after_a_refund(till, member, card, now, clock_at):
    clock_at(clock.day_start(now) + timedelta(hours=23, minutes=59))
    pay(till, scan(till, member, clock.now()))
    refund(till, 1_100)
    refused(void(till), 409, "pos_void_too_late")
    pay(till, scan(till, member, clock.now()), ticket="T-2")
    clock_at(clock.day_start(now) + timedelta(hours=24, minutes=1))
    refused(void(till, "T-2"), 409, "pos_void_too_late")
    assert on(card) == (31_000, 3_100)
    assert refund(till, 11_000, ticket="T-2").json()["state"] == "refunded"
    refused(void(till, "T-2"), 409, "pos_ticket_ended")


def test_a_void_closes_a_number_that_was_never_booked(till, member, card, now):
    visit = scan(till, member, now)
    answer = void(till, reason="超时未知")

    body = answer.json()
    assert (answer.status_code, body["state"], body["total_fen"]) == (201, "voided", 0)
    assert (body["member"], body["paid_at"], body["tenders"]) == ("", None, [])
    refused(pay(till, visit), 409, "pos_ticket_exists")
    assert on(card) == (50_000, 5_000)
    assert void(till).json() == body
    assert pay(till, visit, ticket="T-2").status_code == 201


# --- points and cost


def test_points_follow_the_ticket(till, member, card, now, relayed):
    publish_policy(kind="points", body=POINTS)
    pay(till, scan(till, member, now), total=20_000, card_fen=11_000)
    relayed(now)
    assert points_balance(member.pk) == (200, 0)

    refund(till, 1_100, other_fen=900)
    relayed(now)
    relayed(now)
    assert points_balance(member.pk) == (180, 0)
    refund(till, 9_900, no="R-2", other_fen=8_100)
    relayed(now)
    assert points_balance(member.pk) == (0, 0)


def test_a_voided_number_earns_nothing(till, now, relayed):
    publish_policy(kind="points", body=POINTS)
    void(till)

    assert relayed(now) == 1


def test_what_a_till_asks_costs_a_fixed_number_of_statements(
    till, member, card, now, django_assert_num_queries
):
    till.get("/api/v1/pos/tickets/none")
    pay(till, scan(till, member, now), total=100)
    code = shown(member, now).token
    make_card(member)

    with django_assert_num_queries(SCAN_QUERIES):
        visit = till.command("/api/v1/pos/members", {"code": code}).json()["visit"]
    with django_assert_num_queries(PAY_QUERIES):
        assert pay(till, visit, ticket="T-2", total=60_000).status_code == 201
    with django_assert_num_queries(4):
        till.get("/api/v1/pos/tickets/T-2")
    with django_assert_num_queries(REFUND_QUERIES):
        assert refund(till, 30_000, ticket="T-2").status_code == 201
    assert Card.objects.count() == 2


SCAN_QUERIES = 11
PAY_QUERIES = 20
REFUND_QUERIES = 20
