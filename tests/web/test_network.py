"""Desk and workbench on a network that is slow, gone, or loses the answer: it is said, what was
typed stays, and nothing is done twice."""

import pytest
from playwright.sync_api import Page, Route, expect

from mall.models import AfterSale
from stores.models import Pickup
from tests.web.faces import House

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SCAN = "扫描或输入提货码"
BANNER = "#network"


@pytest.fixture
def desk(house: House, page) -> Page:
    house.sign_in(page, house.manager)
    page.goto(f"{house.url}/desk/")
    return page


class Gate:
    """Requests to ``pattern`` wait until they are let go."""

    def __init__(self, page: Page, pattern: str) -> None:
        self.held: list[Route] = []
        page.route(pattern, lambda route: self.held.append(route))

    def let_go(self) -> None:
        for route in self.held:
            route.continue_()


def test_a_second_tap_while_the_first_is_under_way_sends_nothing(house: House, desk):
    order = house.sell()
    code = house.make_ready(order)
    gate = Gate(desk, "**/desk/scan/")
    desk.get_by_label(SCAN).fill(code)
    button = desk.locator("#scan button[type=submit]")
    button.dblclick()
    expect(button).to_have_text("请稍候…")
    expect(button).to_have_attribute("aria-disabled", "true")
    desk.get_by_label(SCAN).press("Enter")
    # It takes long, and that is said.
    expect(desk.locator(BANNER)).to_have_text("网络有点慢，请稍候……")
    assert len(gate.held) == 1

    gate.let_go()
    expect(desk.get_by_role("dialog")).to_have_attribute("data-outcome", "ok")
    expect(desk.locator(BANNER)).to_be_hidden()
    expect(button).to_have_text("交付")
    assert len(gate.held) == 1
    assert Pickup.objects.get().state == "collected"


def test_offline_nothing_is_sent_and_what_was_typed_is_kept(house: House, desk):
    order = house.sell()
    code = house.make_ready(order)
    sent = []
    desk.on("request", lambda request: sent.append(request.url))
    desk.context.set_offline(True)
    expect(desk.locator(BANNER)).to_contain_text("网络不通")
    desk.get_by_label(SCAN).fill(code)
    desk.get_by_label(SCAN).press("Enter")
    note = desk.get_by_role("alert")
    expect(note).to_contain_text("已填的内容还在")
    expect(desk.get_by_label(SCAN)).to_have_value(code)
    assert [url for url in sent if "scan" in url] == []

    desk.context.set_offline(False)
    expect(desk.locator(BANNER)).to_be_hidden()
    note.get_by_role("button", name="重试").click()
    expect(desk.get_by_role("dialog")).to_have_attribute("data-outcome", "ok")
    expect(note).to_have_count(0)


def test_an_answer_that_never_comes_is_given_up(house: House, desk):
    order = house.sell()
    code = house.make_ready(order)
    desk.evaluate("() => { htmx.config.timeout = 400; }")
    gate = Gate(desk, "**/desk/scan/")
    desk.get_by_label(SCAN).fill(code)
    desk.get_by_label(SCAN).press("Enter")
    expect(desk.get_by_role("alert")).to_contain_text("等了太久没有回应")
    expect(desk.get_by_label(SCAN)).to_have_value(code)
    expect(desk.locator("#scan button[type=submit]")).to_have_text("交付")

    desk.unroute("**/desk/scan/")
    assert len(gate.held) == 1
    desk.evaluate("() => { htmx.config.timeout = 10000; }")
    desk.get_by_role("button", name="重试").click()
    expect(desk.get_by_role("dialog")).to_have_attribute("data-outcome", "ok")


def test_a_server_that_fails_is_told_and_nothing_is_lost(house: House, desk):
    order = house.sell()
    desk.reload()
    desk.route("**/ready/", lambda route: route.fulfill(status=502, body="<h1>Bad gateway</h1>"))
    desk.locator(f"#ready-{order.no}").click()
    expect(desk.get_by_role("alert")).to_contain_text("没有成功")
    desk.unroute("**/ready/")
    desk.get_by_role("button", name="重试").click()
    expect(desk.locator("[data-section=ready]")).to_contain_text(order.no)


def test_the_list_that_renews_itself_fails_quietly(house: House, desk):
    desk.route("**/desk/?q=*", lambda route: route.abort())
    desk.get_by_label(SCAN).fill("1234")
    desk.evaluate("() => htmx.trigger('#queue', 'desk:handed')")
    desk.evaluate("() => document.body.dispatchEvent(new CustomEvent('desk:handed'))")
    expect(desk.locator(BANNER)).to_contain_text("网络不通")
    expect(desk.get_by_role("alert")).to_have_count(0)
    desk.unroute("**/desk/?q=*")
    desk.evaluate("() => document.body.dispatchEvent(new CustomEvent('desk:handed'))")
    expect(desk.locator(BANNER)).to_be_hidden()
    expect(desk.get_by_label(SCAN)).to_have_value("1234")


def test_a_return_whose_answer_was_lost_is_not_taken_twice(house: House, page):
    order = house.sell(quantity=3)
    house.hand_over(order)
    house.sign_in(page, house.manager)
    page.goto(f"{house.url}/desk/orders/{order.no}/")
    lost = []

    def lose(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().status)
            route.abort()
        else:
            route.continue_()

    page.route("**/desk/orders/**", lose)
    page.get_by_label("明前龙井").fill("1")
    page.get_by_label("退货原因").fill("罐盖压坏了")
    page.get_by_role("button", name="收货并退款").click()
    expect(page.get_by_role("alert")).to_contain_text("不会重复操作")
    expect(page.get_by_label("退货原因")).to_have_value("罐盖压坏了")
    page.get_by_role("button", name="重试").click()
    # The server did it the first time; the page says so instead of doing it again.
    expect(page.get_by_text("打开此页后")).to_be_visible()
    assert len(lost) == 1
    assert [x.lines.get().quantity for x in AfterSale.objects.all()] == [1]


def test_an_ended_session_leads_to_the_sign_in_page(house: House, desk):
    desk.context.clear_cookies()
    desk.get_by_role("link", name="退货").click()
    expect(desk).to_have_url(f"{house.url}/accounts/login/?next=%2Fdesk%2F")
    expect(desk.get_by_label("用户名")).to_be_visible()


def test_the_workbench_keeps_what_was_searched(house: House, page):
    house.sign_in(page, house.guide.user)
    page.goto(f"{house.url}/guide/codes/")
    page.route("**/guide/codes/products/*", lambda route: route.abort())
    page.get_by_label("搜索商品").fill("龙井")
    expect(page.get_by_role("alert")).to_contain_text("网络不通")
    page.unroute("**/guide/codes/products/*")
    page.get_by_role("button", name="重试").click()
    expect(page.locator("#products")).to_contain_text("明前龙井")
    expect(page.get_by_label("搜索商品")).to_have_value("龙井")
    # The code itself: one tap, one code, shown once; the keyboard goes with it.
    gate = Gate(page, "**/guide/codes/new/")
    page.locator("#products button").dblclick()
    expect(page.locator("#products button")).to_have_text("请稍候…")
    gate.let_go()
    expect(page.locator("#made img")).to_be_visible()
    assert len(gate.held) == 1
    page.wait_for_function("document.getElementById('made').contains(document.activeElement)")
