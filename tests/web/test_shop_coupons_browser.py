"""The coupon centre in a real browser: get, have, had; a code, a gift, and one for the desk."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from coupons.models import Coupon, CouponGift, Template
from coupons.services.code_pool import code_pool_create
from members.models import Member
from tests.factories import make_coupon, make_template, moment
from tests.web.test_accessibility import findings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def open_(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#view:not([aria-busy])")


def test_coupons_are_had_shown_given_and_over(shop, page, complaints):
    # given a coupon to be claimed and given away, one by code, and one that has run out
    welcome = Template.objects.get(code="welcome-20")
    Template.objects.filter(pk=welcome.pk).update(gift_days=3)
    operator = welcome.operator
    spring = make_template(operator=operator, kind="percent", value=1_200, public=False)
    code_pool_create(template_id=spring.pk, name="传单", shared_code="SPRING-10", now=moment())
    found = []

    # To be had: claimed, and by a code with letters for digits.
    open_(page, f"{shop.url}/#/coupons")
    found += findings(page)
    page.get_by_role("button", name=re.compile("^领取")).click()
    expect(page.locator(".toast")).to_contain_text("已放入券包")
    page.get_by_label("兑换码").fill("spring-lo")
    page.get_by_role("button", name="兑换").click()
    expect(page.locator("#view")).to_contain_text(spring.name)
    expect(page.locator("#view")).to_contain_text("8.8折")
    found += findings(page)
    shopper = Member.objects.get()

    # Mine: shown in the store as a code.
    page.get_by_role("button", name=f"到店出示: {welcome.name}").click()
    coupon = Coupon.objects.get(template=welcome)
    expect(page.get_by_role("img", name="优惠券二维码")).to_be_visible()
    expect(page.get_by_text(coupon.no)).to_be_visible()
    page.get_by_role("button", name="关闭").click()

    # Given to a friend, taken back, given again.
    give = page.get_by_role("button", name=f"送给好友: {welcome.name}")
    give.click()
    page.get_by_role("button", name="关闭").click()
    found += findings(page)
    page.get_by_role("button", name="收回").click()
    expect(give).to_be_visible()
    give.click()
    link = page.locator("dialog a").inner_text()
    page.get_by_role("button", name="关闭").click()
    expect(page.get_by_text("正在送给好友")).to_be_visible()

    # Over: what has run out.
    old = moment() - timedelta(days=3)
    gone = make_template(operator=operator, valid_days=1, claim_from=old)
    make_coupon(shopper, template=gone, now=old)
    page.get_by_role("link", name="已失效").click()
    expect(page.locator("#view")).to_contain_text(gone.name)
    expect(page.locator("#view .badge")).to_have_text("已过期")

    # The friend opens the link.
    page.goto(f"{shop.url}/#/me")
    page.get_by_role("button", name="换个新身份").click()
    open_(page, link)
    expect(page.get_by_role("heading", name="送你一张优惠券")).to_be_visible()
    found += findings(page)
    page.get_by_role("button", name="收下优惠券").click()
    expect(page.get_by_role("button", name=f"到店出示: {welcome.name}")).to_be_visible()

    coupon.refresh_from_db()
    assert coupon.member != shopper
    assert sorted(CouponGift.objects.values_list("state", flat=True)) == ["accepted", "taken_back"]
    missing = page.evaluate("import('/static/shop/words.js').then(m => [...m.missing])")
    assert missing == []
    assert complaints == []
    assert not found, "\n".join(found)


def test_a_code_that_is_none_is_refused_beside_its_field(shop, page, complaints):
    open_(page, f"{shop.url}/#/coupons")
    page.get_by_label("兑换码").fill("NOPE-1")
    page.get_by_role("button", name="兑换").click()

    expect(page.locator("form + [role=alert]")).to_have_text("兑换码无效。")
    expect(page.get_by_label("兑换码")).to_be_focused()
    assert Coupon.objects.count() == 0
    assert findings(page) == []
    assert [line for line in complaints if "404" not in line] == []
