"""Coupons at the desk: scanned, looked at, redeemed once, said loudly, given back."""

import re
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.urls import reverse

from config.kernel import clock, guesses
from coupons.models import CouponTicket, Redemption
from members.models import MemberCode
from members.services.member_code_issue import member_code_issue
from tests.factories import (
    make_category,
    make_coupon,
    make_guide,
    make_member,
    make_operator,
    make_product,
    make_staff,
    make_stock,
    make_store,
    make_template,
    staff_client,
)

pytestmark = pytest.mark.django_db
SCAN = reverse("desk:coupons")
BASKET = reverse("desk:coupon_basket")
REDEEM = reverse("desk:coupon_redeem")


@pytest.fixture
def store():
    return make_store(operator=make_operator(code="acc"), name="南京东路店")


@pytest.fixture
def clerk(store, now):
    return make_staff(store=store, since=now - timedelta(days=1))


@pytest.fixture
def client(clerk):
    return staff_client(clerk)


@pytest.fixture
def member():
    return make_member(nickname="小满", phone="+8613800138000")


@pytest.fixture
def coupon(store, member):
    """¥30 off from ¥100, at stores of the operator."""
    template = make_template(operator=store.operator, value=3_000, threshold_fen=10_000)
    return make_coupon(member, template=template)


def scan(client, member, now):
    code = member_code_issue(member_id=member.pk, now=now).digits
    return client.post(SCAN, {"code": code})


def hidden(page):
    fields = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.content.decode())
    found: dict[str, list[str]] = {}
    for name, value in fields:
        if name not in ("csrfmiddlewaretoken", "next", "change"):
            found.setdefault(name, [])
            if value not in found[name] or name == "n":
                found[name].append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def preview(client, member, coupon, now, **said):
    known = hidden(scan(client, member, now))
    return client.post(BASKET, {**known, "coupon": coupon.no, "amount": "100", **said})


def redeemed(client, member, coupon, now, **said):
    answer = client.post(REDEEM, hidden(preview(client, member, coupon, now, **said)))
    assert answer.status_code == 302, answer.content.decode()
    return CouponTicket.objects.latest("pk")


def at(monkeypatch, moment):
    monkeypatch.setattr(clock, "now", lambda: moment)


def live(coupon):
    return Redemption.objects.filter(coupon=coupon, reversed_at__isnull=True).count()


def test_scan_look_and_redeem(client, clerk, store, member, coupon, now):
    page = scan(client, member, now)
    text = page.content.decode()
    assert page.status_code == 200
    for word in ("小满", "8000", coupon.template.name, "满 ¥100.00 可用"):
        assert word in text
    assert member.phone not in text

    page = client.post(BASKET, {**hidden(page), "coupon": coupon.no, "amount": "100"})
    assert "优惠 ¥30.00？" in page.content.decode()
    assert "¥70.00" in page.content.decode()
    assert not CouponTicket.objects.exists()

    answer = client.post(REDEEM, hidden(page))
    ticket = CouponTicket.objects.get()
    assert answer.url == f"{reverse('desk:coupon_ticket', args=[ticket.no])}?new=1"
    assert (ticket.terminal, ticket.store, ticket.discount_fen) == (None, store, 3_000)
    assert ticket.redeemed_by == f"user:{clerk.pk}"
    text = client.get(answer.url).content.decode()
    assert 'data-outcome="ok"' in text
    for word in (ticket.no, "应付 ¥70.00", coupon.no, str(clerk)):
        assert word in text


def test_a_second_tap_is_the_same_redemption(client, member, coupon, now):
    sent = hidden(preview(client, member, coupon, now))

    first, second = client.post(REDEEM, sent), client.post(REDEEM, sent)
    assert first.url == second.url
    assert (CouponTicket.objects.count(), live(coupon)) == (1, 1)


def test_the_coupons_own_code_will_do_and_stands_for_itself_alone(
    client, store, member, coupon, now
):
    other = make_coupon(member, template=make_template(operator=store.operator))
    spoken = f"{coupon.no[:5]}-{coupon.no[5:]}".lower().replace("0", "o")
    page = client.post(SCAN, {"code": spoken})
    text = page.content.decode()
    assert page.status_code == 200
    assert coupon.template.name in text
    assert other.template.name not in text

    both = {**hidden(page), "amount": "100", "coupon": [coupon.no, other.no]}
    assert client.post(BASKET, both).status_code == 400
    sent = hidden(client.post(BASKET, {**both, "coupon": coupon.no}))
    assert client.post(REDEEM, {**sent, "coupon": other.no}).status_code == 400
    assert not CouponTicket.objects.exists()
    assert client.post(REDEEM, sent).status_code == 302
    assert (live(coupon), live(other)) == (1, 0)


def test_a_second_scan_says_where_when_and_by_whom(client, clerk, member, coupon, now):
    ticket = redeemed(client, member, coupon, now)

    answer = client.post(SCAN, {"code": coupon.no})
    text = answer.content.decode()
    assert answer.status_code == 409
    assert answer["HX-Refusal"] == "1"
    when = ticket.redeemed_at.astimezone(clock.SHANGHAI).strftime("%Y-%m-%d %H:%M")
    assert f"南京东路店，{when}，经手人 {clerk}。" in text
    assert reverse("desk:coupon_ticket", args=[ticket.no]) in text
    # Another store learns the same, without a way to the ticket.
    elsewhere = make_store(operator=ticket.operator)
    there = staff_client(make_staff(store=elsewhere, since=now - timedelta(days=1)))
    text = there.post(SCAN, {"code": coupon.no}).content.decode()
    assert f"南京东路店，{when}" in text
    assert reverse("desk:coupon_ticket", args=[ticket.no]) not in text
    assert there.get(reverse("desk:coupon_ticket", args=[ticket.no])).status_code == 404
    assert CouponTicket.objects.count() == 1


def test_articles_are_scanned_at_the_stores_prices(client, store, member, now):
    tea = make_product(code="TEA", skus=[6_000], category=make_category(code="food"))
    cup = make_product(code="CUP", skus=[5_000])
    sku, other = tea.skus.get(), cup.skus.get()
    other.barcode = "6901234567892"
    other.save(update_fields=["barcode"])
    for each in (sku, other):
        make_stock(store=store, sku=each, on_hand=5)
    scope = {"v": 1, "all": [{"fact": "category", "op": "eq", "value": "food"}]}
    template = make_template(
        operator=store.operator, value=3_000, threshold_fen=10_000, scope=scope
    )
    coupon = make_coupon(member, template=template)
    sent = hidden(scan(client, member, now)) | {"coupon": coupon.no}

    for code in (sku.code, other.barcode):
        page = client.post(BASKET, {**sent, "code": code})
        assert page.status_code == 200
        sent = {**hidden(page), "coupon": coupon.no, "n": ["1"] * len(page.context["basket"])}
    assert sent["sku"] == [sku.code, other.code]
    page = client.post(BASKET, {**sent, "code": "NO-SUCH"})
    assert "没有这个编码的商品。" in page.content.decode()
    # ¥60 of tea do not reach the threshold: said, and nothing to be pressed.
    page = client.post(BASKET, {**sent, "preview": "1"})
    assert "¥40.00" in page.content.decode()
    assert REDEEM not in page.content.decode()
    page = client.post(BASKET, {**sent, "n": ["2", "1"], "preview": "1"})
    assert client.post(REDEEM, hidden(page)).status_code == 302
    ticket = CouponTicket.objects.get()
    assert (ticket.gross_fen, ticket.discount_fen) == (17_000, 3_000)

    # One of the two teas comes back: ¥60 less half of the discount.
    back = reverse("desk:coupon_return", args=[ticket.no])
    shown = hidden(client.get(reverse("desk:coupon_ticket", args=[ticket.no])))
    part = {"return_no": shown["return_no"], "units-0": "1", "units-1": "0", "reason": "少一罐"}
    assert "units-0" in client.post(back, {**part, "units-0": "3"}).content.decode()
    assert not ticket.returns.exists()
    for _tap in range(2):
        page = client.post(back, part, follow=True)
        assert "应退 ¥45.00" in page.content.decode()
    ticket.refresh_from_db()
    assert (ticket.state, ticket.returned_gross_fen) == ("redeemed", 6_000)
    assert ticket.returned_discount_fen == 1_500


def test_the_tills_receipt_is_redeemed_for_once(client, store, member, coupon, now):
    sent = hidden(preview(client, member, coupon, now)) | {"receipt": "A-0017"}
    assert client.post(REDEEM, sent).status_code == 302
    other = make_coupon(member, template=make_template(operator=store.operator))

    again = hidden(preview(client, member, other, now)) | {"receipt": "A-0017"}
    answer = client.post(REDEEM, again)
    assert answer.status_code == 409
    assert CouponTicket.objects.get().no in answer.content.decode()
    assert live(other) == 0


def test_what_the_page_did_not_say_is_refused(client, store, member, coupon, now):
    sent = hidden(preview(client, member, coupon, now))

    for wrong in (
        {"visit": "MVNONE"},
        {"discount_fen": "1"},
        {"amount": "200", "discount_fen": "9"},
        {"token": "T-1"},
        {"amount": "-1"},
        {"receipt": "a b"},
        {"coupon": "C1"},
        {"sku": "NO-SUCH", "n": "1", "amount": ""},
    ):
        answer = client.post(REDEEM, sent | wrong)
        assert answer.status_code in (302, 400, 409), wrong
        assert answer.status_code != 302 or answer.url == SCAN, wrong
    assert client.get(REDEEM).url == client.get(BASKET).url == SCAN
    colleague = staff_client(make_staff(store=store, since=now - timedelta(days=1)))
    assert colleague.post(REDEEM, sent).status_code == 409
    assert (CouponTicket.objects.count(), live(coupon)) == (0, 0)


def test_a_wrong_code_is_said_and_guesses_are_counted(client, member, coupon, now, monkeypatch):
    monkeypatch.setattr(guesses, "time", SimpleNamespace(time=now.timestamp))
    assert client.post(SCAN, {"code": "C" + "0" * 16}).status_code == 404
    for _n in range(10):
        assert client.post(SCAN, {"code": "guess"}).status_code == 404
    assert scan(client, member, now).status_code == 429
    assert MemberCode.objects.get().used_at is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"state": "expired"}, "已过期"),
        ({"state": "revoked"}, "已作废"),
        ({"state": "locked", "locked_by": "SO1"}, "订单占用"),
    ],
)
@pytest.mark.corrupts
def test_a_coupon_that_cannot_be_used_says_why(client, coupon, change, words):
    type(coupon).objects.filter(pk=coupon.pk).update(**change)

    answer = client.post(SCAN, {"code": coupon.no})
    assert answer.status_code == 409
    assert words in answer.content.decode()


def test_a_foreign_operators_coupon_is_refused(client, member, now):
    foreign = make_coupon(member, template=make_template())

    answer = client.post(SCAN, {"code": foreign.no})
    assert (answer.status_code, "本店" in answer.content.decode()) == (409, True)
    text = scan(client, member, now).content.decode()
    assert "该会员没有本店可用的优惠券。" in text


def test_it_is_undone_at_once_by_a_clerk_later_by_a_manager_who_says_why(
    client, store, member, coupon, now, monkeypatch
):
    manager = staff_client(make_staff(store=store, role="manager", since=now - timedelta(days=1)))
    ticket = redeemed(client, member, coupon, now)
    undo = reverse("desk:coupon_undo", args=[ticket.no])
    page = reverse("desk:coupon_ticket", args=[ticket.no])

    at(monkeypatch, ticket.redeemed_at + timedelta(minutes=30))
    assert undo not in client.get(page).content.decode()
    assert "由店长" in client.post(undo, {"reason": "顾客反悔"}, follow=True).content.decode()
    assert undo in manager.get(page).content.decode()
    manager.post(undo, {"reason": " "})
    assert live(coupon) == 1
    assert "已撤销" in manager.post(undo, {"reason": "顾客反悔"}, follow=True).content.decode()
    ticket.refresh_from_db()
    coupon.refresh_from_db()
    assert (ticket.state, coupon.state, live(coupon)) == ("reversed", "returned", 0)

    at(monkeypatch, now)
    again = redeemed(client, member, coupon, now)
    at(monkeypatch, again.redeemed_at + timedelta(minutes=29))
    client.post(reverse("desk:coupon_undo", args=[again.no]), {})
    again.refresh_from_db()
    assert (again.state, live(coupon)) == ("reversed", 0)


def test_a_part_of_an_amount_comes_back_and_the_rest(client, member, coupon, now):
    ticket = redeemed(client, member, coupon, now)
    back = reverse("desk:coupon_return", args=[ticket.no])
    page = reverse("desk:coupon_ticket", args=[ticket.no])

    def give(amount):
        shown = hidden(client.get(page))
        said = {"return_no": shown["return_no"], "amount": amount, "reason": "不合适"}
        return client.post(back, said, follow=True).content.decode()

    assert "应退 ¥7.00" in give("10")
    for wrong in ("0", "-1", "90.01", "abc", ""):
        give(wrong)
    ticket.refresh_from_db()
    assert (ticket.returned_gross_fen, live(coupon)) == (1_000, 1)
    assert "应退 ¥63.00" in give("90")
    ticket.refresh_from_db()
    assert (ticket.state, ticket.returned_discount_fen, live(coupon)) == ("returned", 3_000, 0)


def test_what_was_redeemed_is_found_by_each_of_its_numbers(client, member, coupon, now):
    ticket = redeemed(client, member, coupon, now)
    page = reverse("desk:coupon_tickets")

    for number in (ticket.no, ticket.ticket_no, coupon.no, coupon.no.lower()):
        found = client.get(page, {"number": number})
        assert found.url == reverse("desk:coupon_ticket", args=[ticket.no])
    assert ticket.no in client.get(page).content.decode()
    assert "没有" in client.get(page, {"number": "CR0"}).content.decode()


def test_the_pages_are_for_staff_of_a_desk(now):
    stranger = staff_client(make_staff(store=make_store(), role="auditor", since=now))

    for address in (SCAN, BASKET, REDEEM):
        assert stranger.post(address, {}).status_code == 403
    for name in ("coupon_ticket", "coupon_tickets"):
        address = reverse(f"desk:{name}", args=["CR1"] if name == "coupon_ticket" else [])
        assert stranger.get(address).status_code == 403


def test_a_guide_comes_here_with_a_role_at_the_desk(store, now):
    guide = make_guide(store=store)
    assert staff_client(guide.user).get(SCAN).status_code == 403

    make_staff(store=store, user=guide.user, since=now - timedelta(days=1))
    assert staff_client(guide.user).get(SCAN).status_code == 200


def test_what_the_pages_cost(client, member, coupon, now, django_assert_max_num_queries):
    with django_assert_max_num_queries(8):
        client.get(SCAN)
    with django_assert_max_num_queries(12):
        page = scan(client, member, now)
    with django_assert_max_num_queries(14):
        said = {**hidden(page), "coupon": coupon.no, "amount": "100"}
        page = client.post(BASKET, said)
    with django_assert_max_num_queries(24):
        shown = client.post(REDEEM, hidden(page)).url
    with django_assert_max_num_queries(14):
        client.get(shown)
    with django_assert_max_num_queries(8):
        client.get(reverse("desk:coupon_tickets"))
