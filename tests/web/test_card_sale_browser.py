"""Stored value is sold at the desk, in a browser on a phone: by keyboard, and by a code."""

import pytest
from playwright.sync_api import expect

from mall.models import Payment, StoreSale
from members.models import Card
from tests.factories import make_card_product
from tests.web.conftest import Shop
from tests.web.faces import House
from tests.web.test_accessibility import findings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def overflow(page) -> int:
    """Pixels by which the page is wider than its window."""
    return page.evaluate(
        "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    )


def test_a_card_is_sold_for_cash_and_undone(house: House, page):
    product = make_card_product(operator=house.store.operator, code="gold")
    house.sign_in(page, house.manager)
    page.set_viewport_size({"width": 375, "height": 667})
    found, wide = [], []

    def look():
        found.extend(findings(page))
        wide.append(overflow(page))

    page.goto(f"{house.url}/desk/cards/")
    look()
    page.keyboard.type("13900000000")
    page.keyboard.press("Enter")
    expect(page.locator(".errorlist")).to_be_visible()
    look()
    page.get_by_label("手机号、会员号或会员码").fill(house.member.no)
    page.keyboard.press("Enter")
    expect(page.get_by_role("group", name="新卡")).to_be_visible()
    look()
    page.get_by_label(product.name).check()
    page.get_by_label("现金").check()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="收取 ¥500.00？")).to_be_visible()
    look()
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-outcome=ok]")
    look()
    page.keyboard.press("Escape")
    expect(page.locator("dialog.result")).to_have_count(0)
    look()
    assert Card.objects.get().member == house.member

    page.get_by_text("作废这笔销售").first.click()
    page.get_by_label("原因").fill("选错了卡")
    page.get_by_role("button", name="作废这笔销售").click()
    expect(page.get_by_role("status").first).to_contain_text("已作废")
    look()
    page.goto(f"{house.url}/desk/cards/sales/")
    look()
    assert StoreSale.objects.get().voided_at is not None
    assert not found, "\n".join(found)
    assert max(wide) == 0


def test_a_code_is_scanned_and_the_page_says_so(house: House, shop: Shop, page):
    house.sign_in(page, house.manager)
    page.set_viewport_size({"width": 375, "height": 667})
    shop.fake.post("users", name="xiaoming")

    page.goto(f"{house.url}/desk/cards/for/{house.member.no}/")
    page.locator("[name=what]").first.check()
    page.get_by_label("微信支付").check()
    page.get_by_role("button", name="继续").click()
    page.get_by_role("button", name="收取 ¥500.00").click()
    expect(page.get_by_role("img", name="微信扫码支付二维码")).to_be_visible()
    found = findings(page)
    assert overflow(page) == 0

    shop.fake.post("pay", out_trade_no=Payment.objects.get().no, user="xiaoming")
    page.wait_for_selector("[data-outcome=ok]")
    expect(page.get_by_role("heading", name="已售 ¥500.00")).to_be_visible()
    assert Card.objects.get().member == house.member
    assert not found, "\n".join(found)
