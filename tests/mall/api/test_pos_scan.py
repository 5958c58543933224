"""Tills over HTTP: a code is scanned, a sale is quoted; and all that is refused."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils.dateparse import parse_datetime
from redis.exceptions import ConnectionError

from config.kernel import clock, guesses
from members.models import MemberCode
from tests.factories import (
    make_card,
    make_coupon,
    make_member,
    make_sku,
    make_template,
    make_terminal,
    till_client,
)
from tests.mall.api.tills import pay, refused, scan, shown, untouched

pytestmark = pytest.mark.django_db
MAX = 2_147_483_647


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
    monkeypatch.setattr(guesses, "time", SimpleNamespace(time=now.timestamp))
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

    monkeypatch.setattr(guesses.valkey, "client", away)

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
        {
            "kind": "coupon",
            "reference": coupon.no,
            "coupon": coupon.no,
            "title": template.name,
            "words": "满 ¥200.00：减 ¥30.00",
            "amount_fen": 3_000,
        }
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
