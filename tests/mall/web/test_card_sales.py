"""Stored value sold at the desk: who, what, how; once; and undone by a manager."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from mall.models import Order, Payment, StoreSale
from members.models import Card, CardIdentity
from members.services.member_code_issue import member_code_issue
from tests.factories import (
    make_card,
    make_card_product,
    make_member,
    make_operator,
    make_staff,
    make_store,
    make_topup_offer,
    staff_client,
)
from tests.mall.desk_sales import money

pytestmark = pytest.mark.django_db
FIND = reverse("desk:cards")


@pytest.fixture
def store():
    return make_store(operator=make_operator(code="acc"), code="s1")


@pytest.fixture
def client(store, now):
    return staff_client(make_staff(store=store, since=now - timedelta(days=1)))


@pytest.fixture
def manager(store, now):
    return staff_client(make_staff(store=store, role="manager", since=now - timedelta(days=1)))


@pytest.fixture
def member():
    return make_member(nickname="小满", phone="+8613800138000")


@pytest.fixture
def product(store):
    return make_card_product(operator=store.operator, code="gold")


def page_of(member, step="choose"):
    return reverse(f"desk:card_{step}", args=[member.no])


def hidden(page):
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.content.decode())
    return {name: value for name, value in fields if name != "csrfmiddlewaretoken"}


def sold(client, member, **said):
    """Chosen, looked at and confirmed; the page it leads to."""
    look = client.post(page_of(member), {"what": "new:gold", "way": "cash"} | said)
    assert look.status_code == 200, look.content.decode()[:500]
    return hidden(look), client.post(page_of(member, "sell"), hidden(look))


@pytest.mark.parametrize("text", ["13800138000", "+86 138-0013-8000", "code", "no"])
def test_a_member_is_found(client, member, now, text):
    if text == "code":
        text = member_code_issue(member_id=member.pk, now=now).digits
    answer = client.post(FIND, {"code": member.no if text == "no" else text})

    assert answer.status_code == 302
    assert answer.url == page_of(member)


@pytest.mark.parametrize("text", ["13900000000", "", "MNONE", "1380013"])
def test_nobody_is_found_by_less(client, member, text):
    answer = client.post(FIND, {"code": text})

    assert answer.status_code == 404
    assert member.no not in answer.content.decode()


def test_what_is_on_sale_is_shown_with_its_offers(
    client, store, member, product, django_assert_max_num_queries
):
    card = make_card(member, operator=store.operator)
    make_topup_offer(operator=store.operator, steps=[(100_000, 10_000)])
    make_card_product(operator=store.operator, code="away", accepted_stores=["other"])
    for _n in range(3):
        make_card_product(operator=store.operator)

    with django_assert_max_num_queries(16):
        text = client.get(page_of(member)).content.decode()
    for word in ("小满", "8000", product.name, card.no, "¥550.00", "¥1,000.00 + ¥100.00"):
        assert word in text
    assert "new:away" not in text
    assert member.phone not in text


def test_a_card_is_sold_once_however_often_it_is_sent(client, store, member, product):
    sent, answer = sold(client, member)
    again = client.post(page_of(member, "sell"), sent)

    sale = StoreSale.objects.get()
    assert answer.url == again.url == f"{reverse('desk:card_sale', args=[sale.no])}?new=1"
    assert (Card.objects.get().member, money("cash:acc:s1")) == (member, 50_000)
    text = client.get(answer.url).content.decode()
    for word in ('data-outcome="ok"', "¥500.00", sale.no, sale.order.no, Card.objects.get().no):
        assert word in text
    assert (
        "data-outcome" not in client.get(reverse("desk:card_sale", args=[sale.no])).content.decode()
    )


def test_a_top_up_by_bank_card_needs_its_slip(client, store, member):
    card = make_card(member, operator=store.operator)
    form = {"what": f"topup:{card.no}", "amount": "200", "way": "bank_card"}
    refused = client.post(page_of(member), form)
    assert refused.status_code == 400
    assert "签购单" in refused.content.decode() or "凭证号" in refused.content.decode()

    _sent, answer = sold(client, member, **form, reference="R-88")
    assert answer.status_code == 302
    assert (StoreSale.objects.get().reference, money("bank:acc")) == ("R-88", 20_000)


@pytest.mark.parametrize(
    "wrong",
    [
        {"what": ""},
        {"what": "new:none"},
        {"what": "topup:SCNONE"},
        {"way": "transfer"},
        {"way": "gold"},
        {"amount": "1.234"},
        {"amount": "-1"},
        {"identity_name": "王小满"},
    ],
)
def test_what_cannot_be_sold_sells_nothing(client, member, product, wrong):
    page = client.post(page_of(member), {"what": "new:gold", "way": "cash"} | wrong)
    assert page.status_code == 200
    assert "ticket_no" not in hidden(page)
    client.post(page_of(member, "sell"), {"what": "new:gold", "way": "cash"} | wrong)

    assert not StoreSale.objects.exists()
    assert not Order.objects.exists()


def test_too_much_cash_of_a_company_is_refused(client, store, member):
    make_card_product(operator=store.operator, code="big", price_fen=500_000, bonus_fen=0)
    page = client.post(page_of(member), {"what": "new:big", "way": "cash", "company": "on"})

    assert page.status_code == 409
    assert "ticket_no" not in hidden(page)


def test_a_document_is_put_on_record_with_the_sale(client, product):
    stranger = make_member(phone=None)
    form = {"what": "new:gold", "way": "cash"}
    assert client.post(page_of(stranger), form).status_code == 409
    document = {"identity_name": "王小满", "identity_number": "11010519491231002X"}

    _sent, answer = sold(client, stranger, **document)
    assert answer.status_code == 302
    assert CardIdentity.objects.get().member == stranger


def test_a_price_that_changed_meanwhile_is_shown_again(client, store, member, product):
    sent = hidden(client.post(page_of(member), {"what": "new:gold", "way": "cash"}))
    make_topup_offer(operator=store.operator, steps=[(50_000, 6_000)])
    answer = client.post(page_of(member, "sell"), sent)

    assert answer.status_code == 409
    assert answer["HX-Refusal"] == "1"
    assert not StoreSale.objects.exists()


def undo(client, sale, reason="按错了"):
    return client.post(reverse("desk:card_sale_undo", args=[sale.no]), {"reason": reason})


def test_a_manager_undoes_a_sale(client, manager, member, product):
    sold(client, member)
    sale = StoreSale.objects.get()
    receipt = reverse("desk:card_sale", args=[sale.no])
    assert undo(client, sale).status_code == 403
    assert "undo-reason" not in client.get(receipt).content.decode()
    assert "undo-reason" in manager.get(receipt).content.decode()
    undo(manager, sale, reason="")
    assert money("cash:acc:s1") == 50_000

    assert undo(manager, sale).url == receipt
    sale.refresh_from_db()
    assert sale.voided_at is not None
    assert (Card.objects.get().state, money("cash:acc:s1")) == ("closed", 0)
    assert "undo-reason" not in manager.get(receipt).content.decode()


def test_a_sale_is_of_its_store(client, manager, member, product, now):
    sold(client, member)
    sale = StoreSale.objects.get()
    other = staff_client(make_staff(store=make_store(), role="manager", since=now))

    for name in ("card_sale", "card_sale_state"):
        assert other.get(reverse(f"desk:{name}", args=[sale.no])).status_code == 404
    for name in ("card_sale_undo", "card_sale_code"):
        answer = other.post(reverse(f"desk:{name}", args=[sale.no]), {"reason": "不是我的"})
        assert answer.status_code == 404
    sale.refresh_from_db()
    assert sale.voided_at is None


def test_the_day(client, manager, store, member, product):
    for way, slip in (("cash", ""), ("cash", ""), ("bank_card", "R-1")):
        sold(client, member, way=way, reference=slip)
    undo(manager, StoreSale.objects.first())
    day = reverse("desk:card_sales")

    text = manager.get(day).content.decode()
    for word in ("× 2", "× 1", "¥500.00", *StoreSale.objects.values_list("no", flat=True)):
        assert word in text
    assert client.get(day, {"day": "2020-01-01"}).status_code == 200
    assert client.get(day, {"day": "tomorrow"}).status_code == 404
    assert client.get(day, {"format": "csv"}).status_code == 403
    taken = manager.get(day, {"format": "csv"}).content.decode().strip().splitlines()
    assert len(taken) == 4
    assert "R-1" in taken[1]
    one = StoreSale.objects.first()
    assert client.get(day, {"number": one.no}).url == reverse("desk:card_sale", args=[one.no])


@pytest.mark.parametrize("role", ["auditor", "finance"])
def test_the_page_is_for_who_sells_here(store, member, product, now, role):
    stranger = staff_client(make_staff(store=store, role=role, since=now))

    assert stranger.get(FIND).status_code == 403
    assert stranger.post(page_of(member, "sell"), {}).status_code == 403


def test_a_code_is_shown_until_it_is_paid(client, member, product, wechat, letter_box):
    wechat.post("users", name="xiaoming")
    _sent, answer = sold(client, member, way="wechat")
    sale, payment = StoreSale.objects.get(), Payment.objects.get()
    waiting = client.get(answer.url).content.decode()
    state = reverse("desk:card_sale_state", args=[sale.no])
    assert payment.state == "pending"
    assert payment.prepay["code_url"].startswith("weixin://")
    assert '<svg class="qr"' in waiting
    assert state in waiting
    assert client.get(state).status_code == 204
    assert "HX-Redirect" not in client.get(state)

    wechat.post("pay", out_trade_no=payment.no, user="xiaoming")
    wechat.drain()
    path = f"/api/v1/wechat/notify/{payment.mchid}/payments"
    assert letter_box.letters[0].hand_over(path=path).status_code == 200
    assert client.get(state)["HX-Redirect"] == answer.url
    assert 'data-outcome="ok"' in client.get(answer.url).content.decode()
    assert Card.objects.get().member == member


def test_a_gateway_that_is_away_is_asked_again(client, member, product, wechat):
    wechat.post("behaviour", error={"status": 429, "code": "FREQUENCY_LIMITED"}, times=1)
    _sent, answer = sold(client, member, way="wechat")
    sale = StoreSale.objects.get()
    assert '<svg class="qr"' not in client.get(answer.url).content.decode()

    client.post(reverse("desk:card_sale_code", args=[sale.no]))
    assert '<svg class="qr"' in client.get(answer.url).content.decode()
    undo(client, sale)
    assert Order.objects.get().state == "cancelled"
