"""Tills sell stored value over HTTP: once, paid at the till or by a code, undone on its day."""

from datetime import timedelta

import pytest

from config.kernel import clock
from mall.models import Order, Payment, StoreSale
from members.models import Card
from members.services.member_code_issue import member_code_issue
from tests.factories import (
    make_card,
    make_card_product,
    make_member,
    make_operator,
    make_store,
    make_terminal,
    make_topup_offer,
    till_client,
)
from tests.mall.desk_sales import money

pytestmark = pytest.mark.django_db


@pytest.fixture
def store():
    return make_store(operator=make_operator(code="acc"), code="s1")


@pytest.fixture
def till(store):
    return till_client(make_terminal(store=store)[1])


@pytest.fixture
def member():
    return make_member()


@pytest.fixture
def product(store):
    return make_card_product(operator=store.operator, code="gold")


@pytest.fixture
def visit(till, member, now):
    code = member_code_issue(member_id=member.pk, now=now).token
    return till.command("/api/v1/pos/members", {"code": code}).json()["visit"]


def sell(till, visit, *, key="", **body):
    data = {"ticket_no": "T-1", "visit": visit, "product": "gold", "way": "cash", **body}
    return till.command("/api/v1/pos/cards", data, key=key)


def topup(till, visit, card, **body):
    data = {"ticket_no": "T-1", "visit": visit, "card": card.no, "amount_fen": 20_000, **body}
    return till.command("/api/v1/pos/topups", {"way": "cash", **data})


def void(till, number):
    return till.command(f"/api/v1/pos/sales/{number}/void", {"reason": "选错了"})


def refused(answer, status, code):
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (status, code)


def on(card):
    lots = card.lots.select_related("principal", "bonus")
    return sum(x.principal.balance for x in lots), sum(x.bonus.balance for x in lots)


def test_a_card_is_sold_and_asked_for(till, visit, member, product):
    answer = sell(till, visit, way="bank_card", reference="004117")

    sold, card = answer.json(), Card.objects.get()
    assert answer.status_code == 201
    assert (sold["state"], sold["card"], sold["member"]) == ("paid", card.no, member.no)
    assert (sold["principal_fen"], sold["bonus_fen"], sold["kind"]) == (50_000, 5_000, "card")
    assert (on(card), money("bank:acc")) == ((50_000, 5_000), 50_000)
    assert StoreSale.objects.get().sold_by.startswith("terminal:TM")
    for number in ("T-1", sold["no"], sold["order"]):
        assert till.get(f"/api/v1/pos/sales/{number}").json() == sold
    # The visit is good for paying with it.
    paid = {"ticket_no": "P-1", "visit": visit, "total_fen": 1_000}
    assert till.command("/api/v1/pos/tickets", paid).status_code == 201


def test_the_same_again_is_the_same_sale(till, visit, product):
    first = sell(till, visit, key="k" * 12)
    for key in ("k" * 12, "other-key-1"):
        assert sell(till, visit, key=key).json() == first.json()

    assert Order.objects.count() == 1
    refused(sell(till, visit, way="wechat"), 409, "store_sale_exists")


def test_a_top_up_takes_the_best_offer(till, visit, store, member):
    card = make_card(member, operator=store.operator)
    make_topup_offer(operator=store.operator, steps=[(20_000, 2_000)])
    answer = topup(till, visit, card).json()

    assert (answer["state"], answer["bonus_fen"], answer["card"]) == ("paid", 2_000, card.no)
    assert (on(card), money("cash:acc:s1")) == ((70_000, 7_000), 20_000)


@pytest.mark.parametrize(
    ("said", "status", "code"),
    [
        ({"visit": "MVNONE"}, 409, "visit_over"),
        ({"visit": ""}, 400, "pos_member_missing"),
        ({"product": "none"}, 404, "card_product_unknown"),
        ({"amount_fen": 49_999}, 409, "card_amount_refused"),
        ({"amount_fen": -1}, 400, "min_value"),
        ({"amount_fen": 2**31}, 400, "max_value"),
        ({"way": "bank_card"}, 400, "sale_reference_missing"),
        ({"way": "transfer", "reference": "1"}, 400, "invalid_choice"),
        ({"way": "gold"}, 400, "invalid_choice"),
        ({"product": "big", "payer": "company"}, 409, "card_cash_refused"),
        ({"ticket_no": "T 1"}, 400, "invalid"),
    ],
)
def test_a_refusal_sells_nothing(till, visit, store, product, said, status, code):
    make_card_product(operator=store.operator, code="big", price_fen=500_000, bonus_fen=0)

    refused(sell(till, said.pop("visit", visit), **said), status, code)
    assert not Order.objects.exists()
    assert not StoreSale.objects.exists()


def test_no_card_of_somebody_else_is_topped_up(till, visit, store):
    theirs = make_card(make_member(), operator=store.operator)

    refused(topup(till, visit, theirs), 404, "card_unknown")
    assert on(theirs) == (50_000, 5_000)


def test_a_key_sells_only_what_its_scopes_allow(store, product, visit):
    looking = till_client(make_terminal(store=store, scopes=["look", "pay", "refund"])[1])
    selling = till_client(make_terminal(store=store, scopes=["sell"])[1])

    assert sell(looking, visit).status_code == 403
    assert void(selling, "T-1").status_code == 403
    assert not StoreSale.objects.exists()


def test_a_sale_is_undone(till, visit, product, store):
    sold = sell(till, visit).json()
    undone = void(till, "T-1")

    assert (undone.status_code, undone.json()["state"]) == (201, "voided")
    assert void(till, sold["no"]).json() == undone.json()
    assert money("cash:acc:s1") == 0
    elsewhere = till_client(make_terminal()[1])
    assert elsewhere.get(f"/api/v1/pos/sales/{sold['no']}").status_code == 404


def test_what_was_used_or_is_of_yesterday_stays(till, visit, product, clock_at, now):
    sell(till, visit)
    paid = {"ticket_no": "P-1", "visit": visit, "total_fen": 1_000}
    assert till.command("/api/v1/pos/tickets", paid).status_code == 201
    refused(void(till, "T-1"), 409, "card_purchase_used")
    clock_at(now + timedelta(days=1))

    refused(void(till, "T-1"), 409, "sale_void_too_late")
    assert on(Card.objects.get()) == (49_091, 4_909)
    assert clock.now() == now + timedelta(days=1)


def test_a_number_that_was_never_answered_is_closed(till, visit, product):
    assert till.get("/api/v1/pos/sales/T-1").status_code == 404
    assert void(till, "T-1").json()["state"] == "voided"

    refused(sell(till, visit), 409, "store_sale_exists")
    assert not Order.objects.exists()


def test_a_code_is_shown_and_called_off(till, visit, product, wechat):
    first = sell(till, visit, way="wechat", key="k" * 12).json()
    again = sell(till, visit, way="wechat", key="k" * 12).json()

    assert first["state"] == "waiting"
    assert first["code_url"].startswith("weixin://")
    assert again == first
    assert till.get("/api/v1/pos/sales/T-1").json()["code_url"] == first["code_url"]
    assert Payment.objects.get().state == "pending"
    assert void(till, "T-1").json()["state"] == "voided"
    assert Order.objects.get().state == "cancelled"
    assert till.get("/api/v1/pos/sales/T-1").json()["code_url"] == ""


def test_without_the_gateway_the_sale_waits(till, visit, product, wechat):
    till.raise_request_exception = False
    wechat.post("behaviour", error={"status": 429, "code": "FREQUENCY_LIMITED"}, times=1)
    refused(sell(till, visit, way="wechat", key="k" * 12), 503, "gateway_busy")

    assert sell(till, visit, way="wechat", key="k" * 12).json()["state"] == "waiting"
    assert StoreSale.objects.count() == 1
