"""Stored value sold from the console: the money is with the bank; above a limit by two people."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from config.kernel.approvals import approval_decide
from config.kernel.models import Approval
from mall.models import Order, StoreSale
from members.models import Card
from tests.factories import (
    make_card,
    make_card_product,
    make_member,
    make_operator,
    make_staff,
    make_store,
    make_user,
    staff_client,
)
from tests.mall.desk_sales import money, sell

pytestmark = pytest.mark.django_db
SELL = reverse("admin:mall_storesale_list_command", args=["sell"])


@pytest.fixture
def store():
    return make_store(operator=make_operator(code="acc"), code="s1")


@pytest.fixture
def member():
    return make_member()


@pytest.fixture(autouse=True)
def product(store):
    return make_card_product(operator=store.operator, code="gold")


def person(store, role, now):
    user = make_user(is_staff=True)
    return make_staff(user=user, store=store, role=role, since=now - timedelta(days=1))


def filled(client, member, **said):
    page = client.get(SELL).content.decode()
    ticket = re.search(r'name="ticket_no" value="(DA\w{12})"', page)[1]
    return {
        "ticket_no": ticket,
        "store": "s1",
        "member_no": member.no,
        "product": "gold",
        "way": "transfer",
        "reference": "B-1",
        "payer": "person",
        "reason": "公司已到账",
    } | said


def test_a_card_is_sold_once_by_transfer(store, member, now):
    client = staff_client(person(store, "manager", now))
    form = filled(client, member)
    for _n in range(2):
        assert client.post(SELL, form).status_code == 302

    sale = StoreSale.objects.get()
    assert (sale.way, sale.reference, sale.order.state) == ("transfer", "B-1", "completed")
    assert (Card.objects.get().member, money("bank:acc")) == (member, 50_000)


def test_above_the_limit_a_second_person_decides(store, member, now):
    maker = person(store, "service", now)
    client = staff_client(maker)
    client.post(SELL, filled(client, member))
    approval = Approval.objects.get()
    assert (approval.kind, approval.amount_fen, approval.state) == (
        "mall.store_sale",
        50_000,
        "pending",
    )
    assert not Order.objects.exists()

    checker = make_staff(user=make_user(is_staff=True), role="finance", since=now)
    approval_decide(approval_id=approval.pk, user=checker, approve=True, now=now)
    assert StoreSale.objects.get().sold_by == f"user:{checker.pk}"
    assert money("bank:acc") == 50_000


@pytest.mark.parametrize(
    "wrong",
    [
        {"reference": ""},
        {"store": "s2"},
        {"member_no": "MNONE"},
        {"product": ""},
        {"product": "gold", "card": "SC1"},
        {"product": "big", "way": "cash", "payer": "company"},
        {"amount_fen": "-5"},
        {"ticket_no": "T-1"},
        {"way": "wechat"},
    ],
)
def test_what_is_wrong_sells_nothing(store, member, now, wrong):
    make_card_product(operator=store.operator, code="big", price_fen=500_000, bonus_fen=0)
    make_store(code="s2")
    client = staff_client(person(store, "manager", now))
    answer = client.post(SELL, filled(client, member, **wrong))

    assert answer.status_code in (200, 400, 404, 409)
    assert not Order.objects.exists()
    assert not Approval.objects.exists()


def test_a_top_up_and_its_undoing(store, member, now):
    card = make_card(member, operator=store.operator)
    client = staff_client(person(store, "manager", now))
    client.post(SELL, filled(client, member, product="", card=card.no, amount_fen="200"))
    sale = StoreSale.objects.get()
    assert money("bank:acc") == 20_000

    undo = reverse("admin:mall_storesale_command", args=[sale.pk, "undo"])
    assert client.post(undo, {"reason": "到账有误"}).status_code == 302
    sale.refresh_from_db()
    assert (sale.voided_at is not None, money("bank:acc")) == (True, 0)


def test_who_only_sees_sells_and_undoes_nothing(store, member, now):
    sale = sell(store, member, product="gold")
    client = staff_client(person(store, "auditor", now))

    undo = reverse("admin:mall_storesale_command", args=[sale.pk, "undo"])
    assert client.get(SELL).status_code == 403
    assert client.post(undo, {"reason": "不许"}).status_code == 403
    sale.refresh_from_db()
    assert sale.voided_at is None
