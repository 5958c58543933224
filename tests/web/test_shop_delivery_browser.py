"""An order is sent, in a real browser: address, freight, a coupon for it, shipped, received."""

import re

import pytest
from playwright.sync_api import expect

from config.kernel import clock
from config.kernel.actors import SYSTEM
from mall.models import DeliveryAddress, Order
from mall.services.order_deliver import order_ship
from stores.models import Store
from tests.factories import make_staff, publish_policy
from tests.factories.orders import FREIGHT
from tests.web.test_shop_browser import _missing, open_

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def choose_address(page, region: str) -> None:
    page.get_by_label("快递配送").check()
    page.get_by_label("收货人").fill("李小明")
    page.get_by_label("手机号").fill("13800001234")
    page.get_by_label("所在地区").select_option(region)
    page.get_by_label("详细地址").fill("天平路 1 号 501 室")
    page.get_by_role("button", name="送到这里").click()


def test_an_order_is_sent_by_thumb(shop, page, complaints):
    zones = [{"regions": ["31", "33"], "fee_fen": 800}]
    publish_policy(kind="freight", body=FREIGHT | {"zones": zones})
    open_(page, f"{shop.url}/#/list?q=龙井")
    page.get_by_role("link", name="明前龙井").click()
    page.get_by_role("button", name="加入购物车").click()
    expect(page.locator("#pieces")).to_have_text("1")
    page.get_by_role("link", name="购物车").click()
    collected = page.get_by_role("button", name=re.compile("^支付"))
    expect(collected).to_be_visible()
    before = collected.inner_text()

    # Where nothing is sent, the shop says so and stays with the store.
    choose_address(page, "650102")
    expect(page.locator(".toast")).to_contain_text("该地区暂不配送")
    expect(page.get_by_label("到店自提")).to_be_checked()
    expect(collected).to_have_text(before)

    # To Shanghai it costs ¥8.00; the form knows the rest from before.
    choose_address(page, "310104")
    expect(page.locator("#view")).to_contain_text("¥8.00")
    page.get_by_role("button", name=re.compile("^支付")).click()
    page.get_by_role("button", name="立即支付").click()
    expect(page.get_by_role("heading", name="待发货")).to_be_visible(timeout=10_000)

    order = Order.objects.get()
    assert (order.freight_fen, DeliveryAddress.objects.get().adcode) == (800, "310104")
    clerk = make_staff(store=Store.objects.get(pk=order.store_id))
    order_ship(
        order_no=order.no,
        carrier="顺丰速运",
        tracking_no="SF1020304050",
        user=clerk,
        actor=SYSTEM,
        now=clock.now(),
    )
    page.reload()
    expect(page.locator("#view")).to_contain_text("SF1020304050")
    page.get_by_role("button", name="确认收货").click()
    expect(page.get_by_role("heading", name="已送达")).to_be_visible()
    order.refresh_from_db()
    assert order.state == "completed"
    assert _missing(page) == []
    # The browser itself says that the region was refused.
    assert [x for x in complaints if "409" not in x] == []
