"""A coupon is redeemed at the desk, in a browser on a phone: by keyboard, and read aloud well."""

import pytest
from playwright.sync_api import expect

from coupons.models import Coupon, CouponTicket, Template
from members.services.member_code_issue import member_code_issue
from tests.factories import make_coupon, make_product, make_promotion, moment
from tests.web.faces import House
from tests.web.test_accessibility import findings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_coupon_is_redeemed_printed_scanned_again_and_undone(house: House, page):
    coupon = make_coupon(house.member, template=Template.objects.get())
    code = member_code_issue(member_id=house.member.pk, now=moment()).digits
    house.sign_in(page, house.manager)
    page.set_viewport_size({"width": 375, "height": 667})
    found = []

    page.goto(f"{house.url}/desk/coupons/")
    found += findings(page)
    page.keyboard.type(f"{code[:-1]}{(int(code[-1]) + 1) % 10}")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-outcome=refused]")
    found += findings(page)
    # A hand scanner types on: the answer goes away, and nothing of the code is lost.
    page.keyboard.type(code)
    expect(page.locator("dialog.result")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.get_by_label(coupon.template.name)).to_be_checked()
    found += findings(page)

    # Too little; then articles, one by one.
    page.get_by_label("金额（元）").fill("100")
    page.keyboard.press("Enter")
    expect(page.get_by_text("再买 ¥100.00 即可使用")).to_be_visible()
    found += findings(page)
    page.get_by_role("button", name="修改").click()
    expect(page.get_by_label("金额（元）")).to_be_focused()
    page.get_by_label("商品编码或条码").fill(house.sku.code)
    page.keyboard.press("Enter")
    expect(page.get_by_label(house.sku.code)).to_have_value("1")
    expect(page.get_by_text("明前龙井")).to_be_visible()
    expect(page.get_by_label("商品编码或条码")).to_be_focused()
    found += findings(page)
    page.get_by_role("button", name="查看优惠").click()
    expect(page.get_by_role("heading", name="优惠 ¥30.00？")).to_be_visible()
    found += findings(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-outcome=ok]")
    expect(page.get_by_text("应付 ¥238.00")).to_be_visible()
    found += findings(page)
    ticket = CouponTicket.objects.get()

    # The paper has the receipt and nothing else.
    page.emulate_media(media="print")
    expect(page.locator(".receipt h1")).to_have_text(ticket.no)
    expect(page.locator(".receipt h1")).to_be_visible()
    for other in ("dialog.result", ".tabs", ".topbar", ".foot", "details"):
        expect(page.locator(other).first).to_be_hidden()
    page.emulate_media(media="screen")

    # Escape puts the answer away; a second scan says where, when and by whom.
    page.keyboard.press("Escape")
    found += findings(page)
    page.get_by_role("link", name="优惠券").click()
    page.get_by_label("会员码或券码").fill(coupon.no)
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-outcome=refused]")
    expect(page.locator("#result-text")).to_contain_text("南京东路店")
    expect(page.locator("#result-text")).to_contain_text("小李")
    found += findings(page)
    page.get_by_role("link", name="查看这次核销").click()

    page.get_by_text("全部撤销").first.click()
    found += findings(page)
    page.get_by_role("button", name="全部撤销").click()
    expect(page.get_by_text("已撤销：优惠券可以再次使用。")).to_be_visible()
    page.goto(f"{house.url}/desk/coupons/tickets/")
    found += findings(page)
    ticket.refresh_from_db()
    assert (ticket.state, Coupon.objects.get().state) == ("reversed", "returned")
    assert not found, "\n".join(found)


def test_promotions_of_the_store_are_seen_and_can_be_left_out(house: House, page):
    operator = house.store.operator
    coupon = make_coupon(house.member, template=Template.objects.get())
    cup = make_product(name="品茗杯", skus=(3_000,)).skus.get()
    tills = {"operator": operator, "channels": ["store"]}
    make_promotion(**tills, value=1_000, steps=[[50_000, 8_000]])
    make_promotion(**tills, kind="gift", value=0, skus={cup.code: 1}, stacking_group="gift")
    house.sign_in(page, house.manager)
    page.set_viewport_size({"width": 375, "height": 667})
    found = []

    page.goto(f"{house.url}/desk/coupons/")
    page.keyboard.type(coupon.no)
    page.keyboard.press("Enter")
    # The page puts the cursor where most begin; a scan before that is typed there.
    expect(page.get_by_label("金额（元）")).to_be_focused()
    page.get_by_label("商品编码或条码").fill(house.sku.code)
    page.keyboard.press("Enter")
    final = page.get_by_label("价格已是最终价，不参加门店促销")
    expect(final).not_to_be_checked()
    found += findings(page)
    page.get_by_role("button", name="查看优惠").click()
    expect(page.get_by_role("heading", name="优惠 ¥40.00？")).to_be_visible()
    expect(page.locator("[data-hint]")).to_contain_text("还差 ¥232.00 减 ¥80.00")
    expect(page.locator("[data-gift]")).to_contain_text("请发放赠品：1 × 品茗杯")
    found += findings(page)

    # Left out, and back again.
    page.get_by_role("button", name="修改").click()
    final.check()
    page.get_by_role("button", name="查看优惠").click()
    expect(page.get_by_role("heading", name="优惠 ¥30.00？")).to_be_visible()
    expect(page.locator("[data-gift]")).to_have_count(0)
    page.get_by_role("button", name="修改").click()
    expect(final).to_be_checked()
    final.uncheck()
    page.get_by_role("button", name="查看优惠").click()
    page.get_by_role("button", name="核销，优惠 ¥40.00").click()
    page.wait_for_selector("[data-outcome=ok]")
    expect(page.get_by_text("应付 ¥228.00")).to_be_visible()
    found += findings(page)
    ticket = CouponTicket.objects.get()
    assert (ticket.promotion_fen, ticket.discount_fen) == (1_000, 3_000)
    assert not found, "\n".join(found)
