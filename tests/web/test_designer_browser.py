"""A coupon is designed in a browser, at 375 px, on one page that never loads anew; the calendar."""

import os
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from coupons.models import Template
from mall.models import Sku
from tests.factories import make_promotion, moment
from tests.web.faces import House
from tests.web.test_accessibility import findings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def pictured(page, name):
    """Where somebody asks for pictures, what there is to look at."""
    if folder := os.environ.get("MALL_PICTURES"):
        page.emulate_media(color_scheme="light")
        page.screenshot(path=f"{folder}/{name}-375.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 900})
        page.screenshot(path=f"{folder}/{name}-1280.png", full_page=True)
        page.set_viewport_size({"width": 375, "height": 812})


def local(at):
    return at.strftime("%Y-%m-%dT%H:%M")


def test_a_coupon_is_designed_and_stands_in_the_calendar(house: House, page):
    now = moment()
    unit = Sku.objects.get(pk=house.sku.pk).price_fen
    Sku.objects.filter(pk=house.sku.pk).update(cost_fen=unit - 100)
    make_promotion(operator=house.store.operator, kind="percent", value=500)
    house.sign_in(page, house.boss)
    found = []

    page.goto(f"{house.url}/admin/mall/discountdraft/")
    page.get_by_role("button", name="设计优惠券").click()
    page.evaluate("window.stayed = true")
    page.get_by_label("优惠方式").select_option("nth")
    expect(page.get_by_label("每组件数（N）")).to_be_visible()
    page.get_by_label("优惠方式").select_option("amount")
    expect(page.get_by_label("减多少（元）")).to_be_visible()
    page.get_by_label("名称").fill("新客券")
    page.get_by_label("编码").fill("new-20")
    page.get_by_label("减多少（元）").fill("20")
    found += findings(page)
    pictured(page, "designer-1")
    page.get_by_role("button", name="保存并继续").click()

    expect(page.get_by_role("heading", name="适用商品、门店和人群")).to_be_visible()
    found += findings(page)
    pictured(page, "designer-2")
    page.get_by_role("button", name="保存并继续").click()

    page.locator("[name=claim_from]").fill(local(now))
    page.locator("[name=claim_until]").fill(local(now + timedelta(days=9)))
    page.get_by_role("button", name="保存并继续").click()
    expect(page.locator(".mall-field-wrong [name=quota]")).to_be_visible()
    page.locator("[name=quota]").fill("100")
    found += findings(page)
    pictured(page, "designer-3")
    page.get_by_role("button", name="保存并继续").click()

    expect(page.get_by_role("heading", name="购物篮试算")).to_be_visible()
    assert page.evaluate("window.stayed") is True
    found += findings(page)
    pictured(page, "designer-4")
    page.locator("[name=seen_loss]").check()
    page.locator("[name=reason]").fill("拉新")
    page.get_by_role("button", name="发布").click()
    expect(page.get_by_text("已发布：新客券")).to_be_visible()
    assert Template.objects.get(code="new-20").value == 2_000

    page.goto(f"{house.url}/admin/mall/discountdraft/calendar/")
    expect(page.get_by_role("link", name="新客券")).to_be_visible()
    found += findings(page)
    pictured(page, "calendar")
    assert not found, "\n".join(found)
