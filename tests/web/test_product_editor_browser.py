"""The product editor in a real browser, at the width of a tablet: a product from nothing to the
grid of its stores, an error on its row, pictures dragged into order, both languages."""

from io import BytesIO

import pytest
from django.urls import reverse
from PIL import Image
from playwright.sync_api import expect

from mall.models import Category, Product, StoreOffer
from tests.web.faces import House, chinese_in, english_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def tablet(page, house: House, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    page.set_viewport_size({"width": 820, "height": 1180})
    house.sign_in(page, house.boss)
    return page


def file(name: str, colour: str, form: str = "JPEG"):
    out = BytesIO()
    Image.new("RGB", (400, 400), colour).save(out, form)
    return {"name": name, "mimeType": "image/jpeg", "buffer": out.getvalue()}


def fits(page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_product_from_nothing_to_its_stores(house: House, tablet, complaints):
    page = tablet
    shelf = Category.objects.get(code="food")
    page.goto(f"{house.url}{reverse('admin:mall_product_add')}")
    page.get_by_label("编码").fill("tee-1")
    page.locator("#id_name").fill("精梳棉T恤")
    # What the autocomplete of the theme would write.
    page.evaluate(
        "([id, name]) => document.querySelector('#id_category')"
        ".append(new Option(name, id, true, true))",
        [str(shelf.pk), shelf.name],
    )
    page.get_by_label("名称").nth(1).fill("材质")
    page.get_by_label("内容").first.fill("棉")
    page.get_by_role("button", name="再加一行").click()
    expect(page.get_by_label("内容")).to_have_count(4)
    assert fits(page)
    page.get_by_role("button", name="保存", exact=True).click()

    # Options become rows; a price that is none stands on its row; Enter goes down, not away.
    expect(page.locator(".mall-tabs [aria-current]")).to_have_text("规格与价格")
    product = Product.objects.get(code="tee-1")
    page.get_by_label("规格 1").fill("颜色")
    page.get_by_label("规格取值").first.fill("白，藏青")
    page.get_by_role("button", name="生成各行").click()
    expect(page.locator(".mall-sheet tbody tr")).to_have_count(2)
    page.get_by_label("价格 tee-1-1").fill("九十九")
    page.get_by_label("价格 tee-1-1").press("Enter")
    expect(page.get_by_label("价格 tee-1-2")).to_be_focused()
    page.keyboard.type("109")
    page.get_by_label("原因").fill("春季新品")
    page.get_by_role("button", name="保存").click()
    expect(page.locator(".mall-row-wrong")).to_have_count(1)
    expect(page.get_by_label("价格 tee-1-1")).to_have_value("九十九")
    assert product.skus.count() == 0
    page.get_by_label("价格 tee-1-1").fill("99")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("SKU：2 个新增。")).to_be_visible()
    assert sorted(product.skus.values_list("price_fen", flat=True)) == [9_900, 10_900]
    assert fits(page)

    # Pictures: a text file is refused by name; of two the second is dragged to the front.
    page.get_by_role("link", name="图片", exact=True).click()
    bad = {"name": "cup.png", "mimeType": "image/png", "buffer": b"no picture"}
    page.get_by_label("新图片").set_input_files([bad])
    page.get_by_role("button", name="上传").click()
    expect(page.get_by_role("alert")).to_contain_text("cup.png：不是 JPEG、PNG 或 WebP 图片")
    page.get_by_label("新图片").set_input_files([file("a.jpg", "red"), file("b.jpg", "navy")])
    page.get_by_role("button", name="上传").click()
    expect(page.locator(".mall-pictures li")).to_have_count(2)
    red, navy = Product.objects.get(code="tee-1").images
    page.locator(".mall-pictures li").nth(1).drag_to(page.locator(".mall-pictures li").nth(0))
    page.get_by_role("button", name="保存顺序").click()
    expect(page.locator(".mall-pictures img").first).to_have_attribute("src", navy)
    assert Product.objects.get(code="tee-1").images == [navy, red]
    assert page.locator(".mall-pictures img").first.evaluate("image => image.naturalWidth") == 400
    assert fits(page)

    # The grid: its own price at the store.
    page.get_by_role("link", name="各门店").click()
    page.get_by_label("门店价").first.fill("95")
    page.get_by_label("原因").fill("开业特价")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("已保存 1 处价格或上架设置")).to_be_visible()
    assert StoreOffer.objects.get().price_fen == 9_500
    assert fits(page)
    # Refused rows and files answer 400, which the console repeats.
    assert [line for line in complaints if "400" not in line] == []


def test_the_editor_speaks_both_languages(house: House, tablet):
    page = tablet
    product = Product.objects.get(code="TEA")
    addresses = [
        reverse("admin:mall_product_skus", args=[product.pk]),
        reverse("admin:mall_product_images", args=[product.pk]),
        reverse("admin:mall_storeoffer_grid", query={"product": "TEA"}),
        reverse("admin:mall_storeoffer_grid"),
    ]
    for address in addresses:
        page.goto(f"{house.url}{address}")
        assert english_in(page) == [], address
    page.context.add_cookies([{"name": "django_language", "value": "en", "url": house.url}])
    for address in addresses:
        page.goto(f"{house.url}{address}")
        expect(page.locator("html")).to_have_attribute("lang", "en")
        assert chinese_in(page, DATA) == [], address


# What the shop sells and is called: data, in the language it was written in.
DATA = ("明前龙井", "真丝方巾", "南京东路店", "屿上百货", "规格", "1号", "2号", "简体中文")
