"""Promotions at the desk: what they take off, what is missing for more, what is handed out."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from coupons.models import CouponTicket
from members.services.member_code_issue import member_code_issue
from tests.factories import (
    make_coupon,
    make_member,
    make_operator,
    make_product,
    make_promotion,
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
    return make_store(operator=make_operator(code="acc"))


@pytest.fixture
def client(store, now):
    return staff_client(make_staff(store=store, since=now - timedelta(days=1)))


@pytest.fixture
def tea(store):
    """¥100.00 a piece."""
    sku = make_product(name="龙井", skus=(10_000,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=9)
    return sku


@pytest.fixture
def coupon(store):
    return make_coupon(make_member(), template=make_template(operator=store.operator, value=500))


@pytest.fixture
def promotions(store, tea):
    """¥10 off, ¥30 from ¥200 on, and a cup to every sale; one of the mall alone."""
    cup = make_product(name="品茗杯", skus=(3_000,)).skus.get()
    of_stores = {"operator": store.operator, "channels": ["store"]}
    make_promotion(**of_stores, value=1_000, steps=[[20_000, 3_000]])
    make_promotion(**of_stores, kind="gift", value=0, skus={cup.code: 1}, stacking_group="gift")
    make_promotion(operator=store.operator, value=7_000)


def fields(page) -> dict[str, str]:
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', page.content.decode())
    return {name: value for name, value in found if name not in ("csrfmiddlewaretoken", "next")}


@pytest.fixture
def look(client, coupon, tea, now):
    """Scan the member, put one piece of tea into the basket, and look at the discount."""

    def posted(**said):
        code = member_code_issue(member_id=coupon.member_id, now=now).digits
        known = fields(client.post(SCAN, {"code": code}))
        basket = {"coupon": coupon.no, "sku": tea.code, "n": "1", "preview": "1"}
        return client.post(BASKET, {**known, **basket, **said})

    return posted


def redeemed(client, page) -> CouponTicket:
    sent = {name: value for name, value in fields(page).items() if name != "change"}
    answer = client.post(REDEEM, sent)
    assert answer.status_code == 302, answer.content.decode()
    return CouponTicket.objects.get()


def test_the_desk_shows_promotions_what_is_missing_and_what_is_handed_out(client, promotions, look):
    page = look()
    text = page.content.decode()
    for words in (
        "优惠 ¥15.00？",
        "减 ¥10.00; 满 ¥200.00：减 ¥30.00",
        "还差 ¥100.00 减 ¥30.00",
        "请发放赠品：1 × 品茗杯",
        "¥85.00",
    ):
        assert words in text

    ticket = redeemed(client, page)
    assert (ticket.promotion_fen, ticket.discount_fen) == (1_000, 500)
    shown = client.get(reverse("desk:coupon_ticket", args=[ticket.no])).content.decode()
    for words in ("减 ¥10.00; 满 ¥200.00：减 ¥30.00", "请发放赠品：1 × 品茗杯", "¥85.00"):
        assert words in shown
    assert "− ¥15.00" in client.get(reverse("desk:coupon_tickets")).content.decode()


def test_prices_that_are_final_stay_so_until_it_is_redeemed(client, promotions, look):
    page = look(final="1")
    assert fields(page)["final"] == "1"
    assert "优惠 ¥5.00？" in page.content.decode()
    changed = client.post(BASKET, {**fields(page), "change": "1"}).content.decode()
    assert re.search(r'name="final" value="1" checked', changed)

    ticket = redeemed(client, page)

    assert (ticket.promotion_fen, ticket.discount_fen) == (0, 500)


def test_a_piece_that_comes_back_at_the_desk_gives_what_was_paid_for_it(
    client, promotions, look, now
):
    ticket = redeemed(client, look(n="2"))
    assert (ticket.promotion_fen, ticket.discount_fen) == (3_000, 500)
    said = {"return_no": "DB000000000001", "units-0": "1", "reason": "不合适"}

    url = reverse("desk:coupon_return", args=[ticket.no])
    text = client.post(url, said, follow=True).content.decode()

    assert "应退 ¥82.50" in text
    ticket.refresh_from_db()
    assert (ticket.returned_promotion_fen, ticket.returned_discount_fen) == (1_500, 250)


def test_the_number_of_a_coupon_gets_nobody_the_price_of_its_member(
    client, store, tea, coupon, now
):
    new = {"v": 1, "all": [{"fact": "member_days", "op": "eq", "value": 0}]}
    of_stores = {"operator": store.operator, "channels": ["store"]}
    make_promotion(**of_stores, kind="price", value=6_000, scope=new)
    asked = {"coupon": coupon.no, "sku": tea.code, "n": "1", "preview": "1"}

    page = client.post(BASKET, {**fields(client.post(SCAN, {"code": coupon.no})), **asked})
    assert "优惠 ¥5.00？" in page.content.decode()
    ticket = redeemed(client, page)

    assert (ticket.promotion_fen, ticket.discount_fen) == (0, 500)
