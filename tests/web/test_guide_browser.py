"""The workbench in a real browser: sign-in, a code for a product, a refusal, both languages."""

import pytest
from playwright.sync_api import expect

from config.kernel.models import Code
from coupons.models import Coupon
from tests.factories.people import PASSWORD
from tests.web.faces import House, chinese_in, english_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_guide_signs_in_and_makes_a_code(house: House, page, complaints):
    order = house.sell()
    page.goto(f"{house.url}/guide/")
    # A wrong password first: said, with the name kept.
    page.get_by_label("用户名").fill(house.guide.user.username)
    page.get_by_label("密码").fill("wrong")
    page.get_by_role("button", name="登录").click()
    expect(page.get_by_role("alert")).to_be_visible()
    expect(page.get_by_label("用户名")).to_have_value(house.guide.user.username)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page).to_have_url(f"{house.url}/guide/")

    # Today: the sale of the own customer, and what it earns, explained.
    expect(page.locator(".stats")).to_contain_text("¥536.00")
    page.locator("summary").first.click()
    expect(page.locator(".steps")).to_contain_text("¥536.00 × 3%")
    expect(page.locator("details")).to_contain_text(order.no)

    # Another tab comes without a new page, with its own title.
    page.evaluate("() => { window.same = true; }")
    page.get_by_role("link", name="客户", exact=True).click()
    expect(page).to_have_title("客户 · 小林")
    expect(page.get_by_text("王小满")).to_be_visible()
    assert page.evaluate("window.same")
    page.get_by_label("昵称、会员号或手机尾号").fill("没有这个人")
    expect(page.locator("#customers")).to_contain_text("没有这个人")

    # A code for a product, on the screen and to be saved; back is where one came from.
    page.get_by_role("link", name="推广码", exact=True).click()
    # A page that came without a new one listens a moment after it is seen: typed as people do.
    page.get_by_label("搜索商品").press_sequentially("龙井", delay=150)
    page.get_by_role("button", name="生成").click()
    expect(page.locator("#made img")).to_be_visible()
    page.wait_for_function("document.querySelector('#made img').naturalWidth > 0")
    code = Code.objects.get()
    expect(page.locator("#made")).to_contain_text(code.token)
    with page.expect_download() as saved:
        page.get_by_role("link", name="保存图片").click()
    assert saved.value.suggested_filename == f"{code.token}.png"
    page.get_by_role("button", name="我的个人码").click()
    expect(page.get_by_role("heading", name="我的个人码")).to_be_visible()
    expect(page).to_have_url(f"{house.url}/guide/codes/{Code.objects.latest('id').token}/")
    page.go_back()
    expect(page.get_by_role("heading", name="推广码")).to_be_visible()
    assert complaints == []


def test_a_guide_gives_a_coupon_on_a_phone(house: House, page, complaints):
    house.allowance()
    house.sign_in(page, house.guide.user)
    page.set_viewport_size({"width": 375, "height": 700})
    page.goto(f"{house.url}/guide/")
    page.get_by_role("link", name="优惠券", exact=True).click()
    expect(page.get_by_text("每周 2 张，剩 2 张")).to_be_visible()
    page.get_by_role("link", name="发放").click()
    page.get_by_label("昵称、会员号或手机尾号").press_sequentially("小满", delay=100)
    page.get_by_role("button", name="发给 王小满").click()

    expect(page.get_by_text("已发给 王小满。")).to_be_visible()
    expect(page.get_by_text("每周 2 张，剩 1 张")).to_be_visible()
    given = page.locator("li", has_text="王小满")
    expect(given).to_contain_text("老客回馈 满100减20")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert Coupon.objects.get().member == house.member
    assert complaints == []


def test_the_workbench_refuses_who_is_no_guide(house: House, page):
    house.sign_in(page, house.manager)
    answer = page.goto(f"{house.url}/guide/")
    assert answer.status == 403
    expect(page.get_by_role("heading", name="当前账号无权访问此页")).to_be_visible()


def test_the_language_is_switched_on_every_page(house: House, page):
    house.sell()
    allowance = house.allowance()
    data = ["小林", "王小满", "明前龙井", "老客回馈 满100减20"]
    house.sign_in(page, house.guide.user)
    pages = (
        *("/guide/", "/guide/customers/", "/guide/commission/", "/guide/codes/"),
        *("/guide/coupons/", f"/guide/coupons/{allowance.pk}/"),
    )
    page.goto(f"{house.url}/guide/codes/")
    page.get_by_role("button", name="我的个人码").click()
    page.wait_for_selector("img.scene")
    for address in pages:
        page.goto(house.url + address)
        assert english_in(page) == [], address
    page.get_by_role("button", name="English").click()
    for address in pages:
        page.goto(house.url + address)
        assert chinese_in(page, data) == [], address
    page.get_by_role("button", name="简体中文").click()
    page.goto(f"{house.url}/guide/")
    expect(page.get_by_role("heading", name="今日")).to_be_visible()
