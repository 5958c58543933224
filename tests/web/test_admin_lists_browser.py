"""The console's lists in a real browser, on a phone: a filter kept, many rows at once, a list that
leaves in the background."""

import re

import pytest
from playwright.sync_api import expect

from config.kernel import clock
from config.kernel.batches import batches_run
from mall.models import Order
from tests.web.faces import House
from tests.web.test_accessibility import findings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_filter_many_rows_and_a_file(house: House, page, complaints, settings, tmp_path):
    settings.EXPORT_DIR = tmp_path / "exports"
    first, second, paid = house.sell(pay=False), house.sell(pay=False), house.sell()
    house.sign_in(page, house.boss)

    # A filter is kept by name and is there as a chip.
    page.goto(f"{house.url}/admin/mall/order/?state__exact=placed")
    page.get_by_role("link", name="保存当前筛选").click()
    page.get_by_label("名称").fill("待支付订单")
    assert findings(page) == []
    page.get_by_role("button", name="保存", exact=True).click()
    chip = page.get_by_role("navigation", name="常用筛选").get_by_role("link", name="待支付订单")
    expect(chip).to_have_attribute("aria-current", "true")
    assert findings(page) == []

    # All rows of a list with one that is paid: it alone is refused.
    page.goto(f"{house.url}/admin/mall/order/")
    for order in (first, second, paid):
        page.locator(f"input.action-select[value='{order.pk}']").check()
    page.locator("select[name=action]").select_option("bulk-cancel")
    page.get_by_role("button", name="执行").click()
    expect(page.get_by_text("¥1,608.00")).to_be_visible()
    expect(page.locator(".mall-figure-bad")).to_contain_text("1")
    assert findings(page) == []
    page.get_by_label("原因").fill("顾客不要了")
    page.get_by_role("button", name="取消订单").click()
    expect(page).to_have_url(re.compile("/progress/$"))
    expect(page.locator(".mall-table")).to_contain_text(paid.no)
    assert findings(page) == []
    states = {order.no: order.state for order in Order.objects.all()}
    assert states == {first.no: "cancelled", second.no: "cancelled", paid.no: "paid"}

    # The page of a file in the making asks again by itself.
    page.goto(f"{house.url}/admin/mall/order/?state__exact=paid")
    page.get_by_label("后台导出").check()
    page.get_by_role("button", name="CSV").click()
    expect(page.get_by_text("等待中")).to_be_visible()
    assert findings(page) == []
    assert batches_run(clock=clock.now) == 1
    expect(page.get_by_text("已完成", exact=True).first).to_be_visible()
    with page.expect_download() as file:
        page.get_by_role("button", name="下载").click()
    assert paid.no in file.value.path().read_text(encoding="utf-8-sig")

    page.goto(f"{house.url}/admin/kernel/batch/mine/")
    expect(page.locator(".mall-batches li")).to_have_count(2)
    assert findings(page) == []
    assert complaints == []
