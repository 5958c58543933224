"""A batch of cards is sold to a company from the console; much of it by two people."""

import re

import pytest
from django.urls import reverse

from config.kernel.approvals import approval_decide
from config.kernel.models import Approval
from members.models import CardBatch, CardIdentity
from stores.models import Account
from tests.factories import make_card_product, make_operator, make_staff, make_user, staff_client

pytestmark = pytest.mark.django_db
SELL = reverse("admin:members_cardbatch_list_command", args=["sell"])


@pytest.fixture
def operator():
    return make_operator(code="acc")


@pytest.fixture(autouse=True)
def product(operator):
    return make_card_product(operator=operator, code="gold")


def finance(operator, now):
    user = make_user(is_staff=True)
    return make_staff(user=user, operator=operator, role="finance", since=now)


def filled(client, **said):
    page = client.get(SELL).content.decode()
    return {
        "key": re.search(r'name="key" value="(CS\w{12})"', page)[1],
        "product": "gold",
        "count": "10",
        "company": "屿上贸易有限公司",
        "company_no": "91350100M000100Y43",
        "way": "transfer",
        "reference": "B-1",
        "reason": "中秋福利",
    } | said


def test_a_batch_is_sold_once(operator, now):
    client = staff_client(finance(operator, now))
    form = filled(client)
    for _n in range(2):
        assert client.post(SELL, form).status_code == 302

    batch = CardBatch.objects.get()
    assert (batch.count, batch.principal_fen, batch.way, batch.reference) == (
        10,
        50_000,
        "transfer",
        "B-1",
    )
    assert batch.identity == CardIdentity.objects.get()
    assert Account.objects.get(pk=batch.account_id).balance == 500_000
    assert Account.objects.filter(code="bank:acc").exists()


def test_much_of_it_is_sold_by_two(operator, now):
    client = staff_client(finance(operator, now))
    assert client.post(SELL, filled(client, count="11")).status_code == 302
    approval = Approval.objects.get()
    assert (approval.kind, approval.amount_fen) == ("members.card_batch_sell", 550_000)
    assert not CardBatch.objects.exists()

    approval_decide(approval_id=approval.pk, user=finance(operator, now), approve=True, now=now)
    assert CardBatch.objects.get().count == 11


@pytest.mark.parametrize(
    "wrong",
    [
        {"way": "cash"},
        {"way": "source"},
        {"product": "none"},
        {"count": "0"},
        {"count": "100001"},
        {"reference": ""},
        {"company_no": "1"},
        {"principal_fen": "1"},
        {"key": "1"},
    ],
)
def test_what_is_wrong_sells_nothing(operator, now, wrong):
    client = staff_client(finance(operator, now))

    assert client.post(SELL, filled(client, **wrong)).status_code in (200, 400, 404, 409)
    assert not CardBatch.objects.exists()
    assert not Approval.objects.exists()


def test_nobody_sells_cards_of_another_company(now):
    client = staff_client(finance(make_operator(), now))

    assert client.post(SELL, filled(client)).status_code == 404
    assert not CardBatch.objects.exists()
