"""The shop front in a real browser: the whole sale, the network gone, both languages."""

import json
import re

import pytest
import qrcode
from playwright.sync_api import Page, expect

from coupons.models import Coupon, Template
from mall.models import AfterSale, Order, Sku
from mall.states import OrderState
from stores.models import Operator
from tests.factories import make_template
from tests.web.faces import chinese_in, english_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def open_(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#view:not([aria-busy])")


@pytest.mark.parametrize("locale", ["zh-CN", "en-US"])
def test_the_coupons_on_the_first_page_stay_small(shop, browser, locale):
    """The tallest gives its height to all: what one gives and for how many points is beside its
    name, and leaves it room."""
    template = make_template(
        operator=Operator.objects.get(code="yushang"),
        kind="exchange",
        value=990,
        threshold_fen=5_000,
        points_price=100,
    )
    Template.objects.filter(pk=template.pk).update(name="9.9元换购苏打饼干")
    context = browser.new_context(locale=locale, viewport={"width": 375, "height": 740})
    page = context.new_page()
    open_(page, shop.url)
    expect(page.locator(".coupon")).to_have_count(2)
    assert max(page.locator(".coupon").evaluate_all("all => all.map(e => e.offsetHeight)")) < 130
    context.close()


def test_one_sale_by_thumb(shop, page, complaints):
    # Browse and claim: the first member call logs the shopper in.
    open_(page, shop.url)
    expect(page.get_by_text("南京东路店").first).to_be_visible()
    page.get_by_role("button", name=re.compile("^领取")).click()
    expect(page.locator(".toast")).to_contain_text("已放入券包")
    assert Coupon.objects.count() == 1

    # A card, for which the shopper is known by phone, paid by the sandbox.
    page.locator(".value").click()
    page.get_by_role("button", name="绑定手机号").click()
    page.get_by_role("button", name="支付 ¥500.00").click()
    page.get_by_role("button", name="立即支付").click()
    expect(page.locator(".stats")).to_contain_text("¥530.00", timeout=10_000)

    # Two of the bigger tin.
    open_(page, f"{shop.url}/#/list?q=龙井")
    page.get_by_role("link", name="明前龙井").click()
    page.get_by_label("2号").check()
    expect(page.locator(".product .price.big")).to_have_text("¥598.00")
    page.get_by_role("button", name="更多: 数量").click()
    page.get_by_role("button", name="加入购物车").click()
    expect(page.locator("#pieces")).to_have_text("2")

    # The quote: coupon and part of the card, then WeChat Pay for the rest.
    page.get_by_role("link", name="购物车").click()
    page.get_by_label("本次最多用（元）").fill("53")
    page.get_by_label("本次最多用（元）").press("Tab")
    pay = page.get_by_role("button", name="支付 ¥1,113.00")
    expect(pay).to_be_visible()
    expect(page.locator("#view")).to_contain_text("-¥30.00")
    pay.click()
    page.get_by_role("button", name="立即支付").click()

    # The pickup code, drawn and said.
    expect(page.locator(".qr")).to_be_visible(timeout=10_000)
    order = Order.objects.get(lines__kind="goods")
    assert (order.total_fen, order.state) == (116_600, OrderState.PAID)
    assert {t.kind: t.amount_fen for t in order.tenders.all()} == {
        "card_principal": 5_000,
        "card_bonus": 300,
        "wechat": 111_300,
    }
    expect(page.locator(".digits")).to_have_text(re.compile(r"\d{4} \d{4}"))
    expect(page.locator("#pieces")).to_be_hidden()

    # One of the two goes back.
    page.get_by_role("button", name="申请退货").click()
    page.get_by_label("原因").fill("罐盖压坏了")
    page.get_by_role("button", name="提交申请").click()
    expect(page.get_by_text("已申请")).to_be_visible()
    asked = AfterSale.objects.get()
    assert (asked.reason, [x.quantity for x in asked.lines.all()]) == ("罐盖压坏了", [1])

    # Behind the shop: nothing but the public API; nothing untranslated, nothing complained of.
    page.goto(f"{shop.url}/#/about")
    expect(page.locator("tbody tr").first).to_be_visible()
    for path in page.locator("tbody .mono").all_inner_texts():
        assert path.startswith(("/api/v1/", "/_allauth/app/v1/"))
    assert _missing(page) == []
    assert complaints == []


def _missing(page: Page) -> list[str]:
    return page.evaluate("import('/static/shop/words.js').then(m => [...m.missing])")


def test_a_lost_answer_does_not_make_a_second_order(shop, page):
    open_(page, f"{shop.url}/#/p/SCARF")
    page.get_by_role("button", name="加入购物车").click()
    expect(page.locator("#pieces")).to_have_text("1")
    page.get_by_role("link", name="购物车").click()
    pay = page.get_by_role("button", name=re.compile("^支付"))
    expect(pay).to_be_visible()
    lost = {"n": 0}

    def lose(route) -> None:
        lost["n"] += 1
        if lost["n"] <= 3:
            # The server does it, the answer never arrives.
            route.fetch()
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/orders", lose)
    pay.click()
    expect(page.locator(".toast.error")).to_contain_text("网络不通", timeout=10_000)
    # The shopper reloads the page and tries again, hours later for all it knows.
    page.reload()
    page.get_by_role("button", name=re.compile("^支付")).click()
    page.get_by_role("button", name="稍后再付").click()
    expect(page.get_by_text("待支付")).to_be_visible()

    assert lost["n"] == 4
    assert Order.objects.count() == 1


def test_a_network_that_is_gone_is_told_and_comes_back(shop, page):
    open_(page, shop.url)
    page.context.set_offline(True)
    expect(page.locator("#network")).to_contain_text("网络不通")
    page.get_by_role("link", name="门店", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("网络不通", timeout=10_000)
    page.context.set_offline(False)
    expect(page.locator("#network")).to_be_hidden()
    expect(page.get_by_role("heading", name="门店")).to_be_visible()


def test_a_slow_network_is_told(shop, page):
    def slow(route) -> None:
        page.wait_for_timeout(2_000)
        route.continue_()

    open_(page, shop.url)
    page.route("**/api/v1/products/TEA*", slow)
    page.goto(f"{shop.url}/#/p/TEA")
    expect(page.locator("#network")).to_contain_text("网络有点慢")
    expect(page.get_by_role("heading", name="明前龙井")).to_be_visible(timeout=10_000)
    expect(page.locator("#network")).to_be_hidden()


def test_the_language_is_switched_and_kept(shop, page):
    open_(page, shop.url)
    page.get_by_role("button", name="English").click()
    page.wait_for_selector("#view:not([aria-busy])")
    expect(page.get_by_role("button", name="Search")).to_be_visible()
    open_(page, f"{shop.url}/#/p/no-such")
    # The API speaks the same language.
    expect(page.get_by_role("alert")).to_contain_text("There is no such thing here.")


def test_no_page_mixes_the_languages(house, page):
    data = [
        house.store.name,
        house.store.address,
        "南京东路",
        "明前龙井",
        "真丝方巾",
        "饮食",
        "饮",
        "屿上百货",
        "储值卡",
        "尺码",
        "规格",
        "1号",
        "2号",
    ]
    data += list(Template.objects.values_list("name", flat=True))
    data += [value for sku in Sku.objects.all() for value in sku.options.values()]
    pages = ("/", "/#/list", "/#/p/TEA", "/#/stores", "/#/cart", "/#/no-such")
    for address in pages:
        open_(page, house.url + address)
        assert english_in(page) == [], address
    open_(page, house.url)
    page.get_by_role("button", name="English").click()
    page.wait_for_selector("html[lang=en] #view:not([aria-busy])")
    for address in pages:
        open_(page, house.url + address)
        assert chinese_in(page, data) == [], address


def test_the_keyboard_reaches_the_content(shop, page):
    open_(page, shop.url)
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "view"
    page.get_by_role("link", name="真丝方巾").click()
    page.wait_for_selector("#view:not([aria-busy]) .product")
    # A new page: its heading has the focus and its name is in the title.
    assert page.evaluate("document.activeElement.textContent") == "真丝方巾"
    assert "真丝方巾" in page.title()


def test_nothing_is_wider_than_a_phone_and_everything_has_a_name(shop, page):
    for address in ("/", "/#/list", "/#/p/TEA", "/#/stores", "/#/me", "/#/about"):
        open_(page, shop.url + address)
        assert page.evaluate("document.documentElement.scrollWidth") <= 375, address
        nameless = page.evaluate(
            "[...document.querySelectorAll('a,button,input,textarea')].filter(e =>"
            " e.type !== 'hidden' && !(e.getAttribute('aria-label') || e.textContent.trim()"
            " || e.labels?.length)).map(e => e.outerHTML)"
        )
        assert nameless == [], address


def test_the_qr_code_is_that_of_the_standard(shop, page):
    """The same modules as a known encoder makes, version, correction and mask being equal."""
    open_(page, shop.url)
    for text in ("3V8KQ2M7XT5N9RWJ4P6HCZ1DYB", "a", "https://m.example.com/p?t=" + "9" * 60):
        for mask in range(8):
            known = qrcode.QRCode(
                error_correction=qrcode.constants.ERROR_CORRECT_M, border=0, mask_pattern=mask
            )
            known.add_data(qrcode.util.QRData(text.encode(), mode=qrcode.util.MODE_8BIT_BYTE))
            known.make(fit=True)
            made = page.evaluate(
                "([address, text, mask]) => import(address).then(m => m.matrix(text, mask))",
                [f"{shop.url}/static/shop/qr.js", text, mask],
            )
            assert made == [[bool(module) for module in row] for row in known.modules]


def test_the_reference_opens_offline(shop, page, complaints):
    outside = []
    page.on("request", lambda r: outside.append(r.url) if not r.url.startswith(shop.url) else None)
    page.goto(f"{shop.url}/api/v1/docs/")
    expect(page.locator(".opblock").first).to_be_visible(timeout=20_000)
    assert page.locator(".opblock").count() >= 30
    page.locator("#operations-orders-order_place .opblock-summary-control").click()
    expect(page.locator("#operations-orders-order_place")).to_contain_text("quote_changed")
    assert [u for u in outside if not u.startswith("data:")] == []
    assert complaints == []


def test_the_schema_is_served_as_the_reference_asks_for_it(shop, page):
    answer = page.request.get(f"{shop.url}/api/v1/schema/?format=json")
    assert json.loads(answer.text())["openapi"].startswith("3.1")


def test_a_price_that_has_changed_is_said_before_the_new_one_is_paid(shop, page, complaints):
    # given a scarf in the cart at ¥359, priced
    open_(page, f"{shop.url}/#/p/SCARF")
    page.get_by_role("button", name="加入购物车").click()
    expect(page.locator("#pieces")).to_have_text("1")
    open_(page, f"{shop.url}/#/cart")
    expect(page.get_by_role("button", name="支付 ¥359.00")).to_be_visible()

    # when it gets dearer before the order
    Sku.objects.filter(price_fen=35_900).update(price_fen=36_900)
    page.get_by_role("button", name="支付 ¥359.00").click()

    # then the shop says what is different, asks anew, and nothing was ordered
    news = page.get_by_role("alert").filter(has_text="刚才看到的价格有变化")
    expect(news).to_contain_text("¥369.00")
    expect(news.get_by_role("listitem").last).to_have_text("应付 ¥369.00，原为 ¥359.00")
    assert Order.objects.count() == 0

    # and the second tap orders at the price that is shown
    page.get_by_role("button", name="支付 ¥369.00").click()
    page.get_by_role("button", name="立即支付").click()
    expect(page.locator(".qr")).to_be_visible(timeout=10_000)
    assert Order.objects.get().total_fen == 36_900
    # The refusal itself is all that the browser noted.
    assert [line for line in complaints if "409" not in line] == []
