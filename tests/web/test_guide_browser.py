"""The workbench in a real browser: sign-in, a code for a product, a refusal, both languages."""

import pytest
from playwright.sync_api import expect

from config.kernel.models import Code
from coupons.models import Coupon
from guides.models import PreparedBasket
from mall.models import Order
from tests.factories import make_basket
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
    basket = make_basket(
        guide=house.guide, store=house.store, member=house.member, lines=[(house.sku, 1)]
    )
    data = ["小林", "王小满", "明前龙井", "老客回馈 满100减20", house.store.name, "1号"]
    house.sign_in(page, house.guide.user)
    pages = (
        *("/guide/", "/guide/customers/", "/guide/commission/", "/guide/codes/"),
        *("/guide/coupons/", f"/guide/coupons/{allowance.pk}/"),
        *(
            "/guide/baskets/",
            "/guide/baskets/for/",
            f"/guide/baskets/new/?member={house.member.pk}",
        ),
        f"/guide/baskets/{basket.code.token}/",
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


def test_a_guide_prepares_a_basket_and_the_customer_orders_it(house: House, page, complaints):
    """Both on phones of 375 px: the guide's workbench, then the shop front."""
    house.sign_in(page, house.guide.user)
    page.goto(f"{house.url}/guide/")
    page.get_by_role("link", name="购物篮", exact=True).click()
    page.get_by_role("link", name="准备购物篮").click()
    page.get_by_role("link", name="打开链接的顾客").click()
    page.get_by_label("品名、货号或条码").press_sequentially("龙井", delay=150)
    page.get_by_role("button", name=f"添加 明前龙井 {house.sku.code}").click()
    expect(page.locator("#total")).to_have_text("¥268.00")
    page.get_by_role("spinbutton").fill("2")
    page.get_by_label("给顾客的话").fill("新茶到了")
    expect(page.locator("#total")).to_have_text("¥536.00")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.get_by_role("button", name="发送购物篮").click()
    expect(page.get_by_role("img", name="打开购物篮的二维码")).to_be_visible()
    basket = PreparedBasket.objects.get()
    expect(page.locator("#link")).to_have_text(f"{house.url}/?basket={basket.code.token}")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375

    # The customer opens the link, takes one piece out and orders.
    page.goto(page.locator("#link").get_attribute("href"))
    expect(page.get_by_role("heading", name="小林为你准备的购物篮")).to_be_visible()
    expect(page.get_by_text("新茶到了")).to_be_visible()
    page.get_by_role("button", name="减少: 明前龙井").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    page.get_by_role("button", name="支付 ¥268.00").click()
    page.get_by_role("button", name="立即支付").click()
    expect(page.get_by_text("支付成功")).to_be_visible()
    order = Order.objects.get()
    assert (order.channel, order.source_token) == ("guide", basket.code.token)

    page.goto(f"{house.url}/guide/baskets/")
    expect(page.locator("main")).to_contain_text(order.no)
    expect(page.locator("main")).to_contain_text("已支付")
    assert complaints == []
