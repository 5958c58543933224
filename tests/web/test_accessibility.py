"""Every page of every face at 375 px, light and dark: axe finds nothing serious or critical."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from playwright.sync_api import Page, expect

from tests.factories import make_basket
from tests.web.faces import LIGHT_AND_DARK, House

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def findings(page: Page, *, without: tuple[str, ...] = ()) -> list[str]:
    """What axe calls serious or critical, in both schemes, and what is wider than the phone."""
    found = []
    context = {"exclude": [[selector] for selector in without]} if without else None
    for scheme in LIGHT_AND_DARK:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.wait_for_timeout(100)
        response = Axe().run(page, context=context).response
        for violation in response["violations"]:
            if violation["impact"] in ("serious", "critical"):
                nodes = [f"{n['target']} {n['html'][:120]}" for n in violation["nodes"][:4]]
                found.append(f"{page.url} {scheme}: {violation['id']} {nodes}")
    width = page.evaluate("document.documentElement.scrollWidth")
    if width > 375:
        found.append(f"{page.url}: {width} px wide")
    return found


def test_the_shop(house: House, page):
    found = []
    for address in ("/", "/#/list", "/#/p/TEA", "/#/stores", "/#/card/card-500", "/#/no-such"):
        page.goto(house.url + address)
        page.wait_for_selector("#view:not([aria-busy])")
        found += findings(page)
    page.goto(f"{house.url}/#/p/TEA")
    page.get_by_role("button", name="加入购物车").click()
    expect(page.locator("#pieces")).to_have_text("1")
    basket = make_basket(guide=house.guide, store=house.store, lines=[(house.sku, 1)])
    prepared = f"/#/basket/{basket.code.token}"
    for address in ("/#/cart", prepared, "/#/me", "/#/orders", "/#/about"):
        page.goto(house.url + address)
        page.wait_for_selector("#view:not([aria-busy])")
        found += findings(page)
    assert not found, "\n".join(found)


def test_the_desk(house: House, page):
    waiting, returned, asked = house.sell(), house.sell(), house.sell()
    house.hand_over(returned)
    house.hand_over(asked)
    house.ask_back(asked)
    ready = house.sell()
    code = house.make_ready(ready)
    house.sign_in(page, house.manager)
    found = []
    for address in (
        "/desk/",
        "/desk/?q=0000",
        "/desk/stores/",
        "/desk/scan/",
        "/desk/returns/",
        "/desk/returns/?order_no=SO0",
        f"/desk/orders/{waiting.no}/",
        f"/desk/orders/{returned.no}/",
        f"/desk/orders/{asked.no}/",
        "/desk/orders/SO0/",
    ):
        page.goto(house.url + address)
        found += findings(page)
    page.goto(f"{house.url}/desk/")
    for outcome in ("ok", "refused"):
        page.get_by_label("扫描或输入提货码").fill(code)
        page.get_by_label("扫描或输入提货码").press("Enter")
        page.wait_for_selector(f"[data-outcome={outcome}]")
        found += findings(page)
        # What lies under an open answer takes no keys.
        page.keyboard.press("Escape")
        page.wait_for_selector("dialog", state="detached")
    assert not found, "\n".join(found)


def test_the_workbench(house: House, page):
    house.sell()
    allowance = house.allowance()
    basket = make_basket(guide=house.guide, store=house.store, lines=[(house.sku, 1)])
    house.sign_in(page, house.guide.user)
    found = []
    for address in (
        "/guide/",
        "/guide/coupons/",
        f"/guide/coupons/{allowance.pk}/",
        "/guide/baskets/",
        "/guide/baskets/for/",
        f"/guide/baskets/new/?member={house.member.pk}&add={house.sku.code}",
        f"/guide/baskets/{basket.code.token}/",
        "/guide/customers/",
        "/guide/customers/?q=zz",
        "/guide/commission/",
        "/guide/codes/",
    ):
        page.goto(house.url + address)
        for summary in page.locator("summary").all():
            summary.click()
        found += findings(page)
    page.get_by_label("搜索商品").fill("龙井")
    page.get_by_role("button", name="生成").click()
    page.wait_for_selector("img.scene")
    found += findings(page)
    page.goto(f"{house.url}/guide/codes/")
    found += findings(page)
    page.locator("a.row").first.click()
    page.wait_for_selector("img.scene")
    found += findings(page)
    assert not found, "\n".join(found)


def test_sign_in_and_account(house: House, page):
    found = []
    page.goto(f"{house.url}/accounts/login/")
    found += findings(page)
    page.get_by_label("用户名").fill("nobody")
    page.get_by_label("密码").fill("wrong")
    page.get_by_role("button", name="登录").click()
    page.wait_for_selector("[role=alert]")
    found += findings(page)
    house.sign_in(page, house.guide.user)
    for address in (
        "/accounts/2fa/",
        "/accounts/2fa/totp/activate/",
        "/accounts/password/change/",
        "/accounts/logout/",
        "/accounts/reauthenticate/",
        "/desk/",  # not this account's
        "/no-such-page/",
        "/api/v1/docs/first-call/",
    ):
        page.goto(house.url + address)
        found += findings(page)
    assert not found, "\n".join(found)


def test_the_operations_site(house: House, page):
    asked = house.sell()
    house.hand_over(asked)
    house.ask_back(asked)
    unpaid = house.sell(pay=False)
    house.sign_in(page, house.boss)
    found = []
    for address in (
        reverse("admin:index"),
        reverse("admin:mall_order_changelist"),
        reverse("admin:mall_order_change", args=[unpaid.pk]),
        reverse("admin:mall_order_command", args=[unpaid.pk, "cancel"]),
        reverse("admin:mall_order_change", args=[asked.pk]),
        reverse("admin:mall_aftersale_changelist"),
        reverse("admin:mall_aftersale_change", args=[asked.after_sales.get().pk]),
        reverse("admin:members_member_changelist"),
        reverse("admin:members_member_change", args=[house.member.pk]),
        reverse("admin:mall_sku_changelist"),
        reverse("admin:guides_commissionentry_changelist"),
        reverse("admin:kernel_approval_changelist"),
        reverse("admin:kernel_session_changelist"),
        reverse("admin:stores_store_change", args=[house.store.pk]),
    ):
        page.goto(house.url + address)
        found += findings(page)
    page.keyboard.press("Control+k")
    expect(page.locator("#search-input-command")).to_be_focused()
    page.keyboard.type(asked.no)
    page.locator("#command-results a").first.wait_for()
    found += findings(page)
    assert not found, "\n".join(found)


def test_what_axe_is_asked_to_find_is_found(house: House, page):
    page.goto(f"{house.url}/accounts/login/")
    page.evaluate(
        "() => { document.querySelector('label[for=id_login]').remove();"
        " document.querySelector('h1').style.color = '#ddd';"
        " document.querySelector('h1').style.minWidth = '500px'; }"
    )
    found = "\n".join(findings(page))
    assert "label" in found and "color-contrast" in found and "px wide" in found
