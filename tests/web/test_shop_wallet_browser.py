"""The wallet in a real browser: a card is topped up with an offer, read, and given away."""

import re

import pytest
from playwright.sync_api import Page, expect

from members.models import CardGift, CardLot, CardProduct, Member
from tests.factories import make_card, make_topup_offer

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def open_(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#view:not([aria-busy])")


def test_a_card_is_topped_up_and_given_away(shop, page, complaints):
    # given a card of ¥530, and an offer of its issuer
    open_(page, shop.url)
    page.get_by_role("button", name=re.compile("^领取")).click()
    expect(page.locator(".toast")).to_contain_text("已放入券包")
    Member.objects.update(phone="+8613800138000")
    operator = CardProduct.objects.get().operator
    card = make_card(Member.objects.get(), principal_fen=50_000, bonus_fen=3_000, operator=operator)
    make_topup_offer(operator=operator, steps=[(20_000, 1_500)])

    # It is topped up by the offer's step.
    open_(page, f"{shop.url}/#/wallet/{card.no}")
    page.get_by_role("button", name="付 ¥200.00，得 ¥215.00").click()
    expect(page.get_by_text("另赠 ¥15.00")).to_be_visible()
    page.get_by_role("button", name="支付 ¥200.00").click()
    page.get_by_role("button", name="立即支付").click()
    expect(page.locator(".value")).to_contain_text("¥745.00", timeout=10_000)
    expect(page.get_by_text("余额 ¥745.00")).to_be_visible()
    assert CardLot.objects.filter(card=card).count() == 2

    # It is given to a friend, and taken back.
    page.get_by_role("button", name="送给好友").click()
    expect(page.get_by_text(re.compile("先领先得"))).to_be_visible()
    page.get_by_role("button", name="关闭").click()
    page.get_by_role("button", name="收回").click()
    expect(page.get_by_text("已收回")).to_be_visible()
    gift = CardGift.objects.get()
    assert (gift.state, gift.value_fen) == ("taken_back", 74_500)
    missing = page.evaluate("import('/static/shop/words.js').then(m => [...m.missing])")
    assert missing == []
