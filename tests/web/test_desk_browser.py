"""The desk in a real browser: sign-in, a parcel by keyboard alone, refusals, the camera, both
languages."""

import pytest
from playwright.sync_api import Page, expect

from mall.models import AfterSale, Order
from stores.models import Pickup
from tests.factories.people import PASSWORD
from tests.web.faces import House, chinese_in, english_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

SCAN = "扫描或输入提货码"

# A camera whose picture is a canvas, and a reader that finds `window.shown` in it.
CAMERA = """
  navigator.mediaDevices.getUserMedia = () => window.refuse
    ? Promise.reject(new DOMException("no", window.refuse))
    : Promise.resolve(document.createElement("canvas").captureStream());
  window.BarcodeDetector = class {
    detect() { return Promise.resolve(window.shown ? [{ rawValue: window.shown }] : []); }
  };
"""
# Counts tones instead of playing them.
TONES = """
  window.tones = 0;
  window.AudioContext = class {
    currentTime = 0;
    createOscillator() {
      return { frequency: {}, connect: (x) => x, start: () => { window.tones += 1; }, stop() {} };
    }
    createGain() { return { gain: {}, connect: (x) => x }; }
  };
"""


def focus_comes_to(page: Page, wanted: str) -> None:
    """Keys go to the element of this id, or of this text."""
    active = "document.activeElement"
    page.wait_for_function(
        f"wanted => ({active}.id || {active}.textContent.trim()) === wanted", arg=wanted
    )


def test_one_parcel_with_the_keyboard_alone(house: House, page, complaints):
    order = house.sell()
    press = page.keyboard.press
    # Sign in.
    page.goto(f"{house.url}/desk/")
    focus_comes_to(page, "id_login")
    page.keyboard.type(house.manager.username)
    press("Tab")
    page.keyboard.type(PASSWORD)
    press("Enter")
    expect(page).to_have_url(f"{house.url}/desk/")
    expect(page.get_by_role("heading", name="待备货")).to_be_visible()
    # Before its scripts are there a form is sent the plain way, and answered by a new page.
    page.wait_for_load_state()

    # The parcel goes on the shelf; who steps with Tab is not thrown back to the top.
    page.locator(f"#ready-{order.no}").focus()
    press("Enter")
    expect(page.locator("#messages")).to_contain_text(order.no)
    expect(page.locator("[data-section=ready]")).to_contain_text(order.no)
    page.wait_for_function("document.getElementById('queue').contains(document.activeElement)")

    # The code is typed (or a hand scanner types it), the answer fills the screen.
    page.get_by_label(SCAN).focus()
    page.keyboard.type(house.code(order))
    press("Enter")
    answer = page.get_by_role("dialog")
    expect(answer).to_have_attribute("data-outcome", "ok")
    expect(answer).to_contain_text("提货成功")
    expect(answer).to_contain_text("明前龙井")
    box = answer.bounding_box()
    assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 375, 740)
    focus_comes_to(page, "下一个包裹")
    order.refresh_from_db()
    assert order.state == "completed"

    # Enter, and the box is ready for the next; the same code again is refused in words.
    press("Enter")
    expect(answer).to_have_count(0)
    focus_comes_to(page, "scan-text")
    page.keyboard.type(house.code(order))
    press("Enter")
    expect(answer).to_have_attribute("data-outcome", "refused")
    expect(answer).to_contain_text("已被提走")
    press("Escape")
    focus_comes_to(page, "scan-text")
    # The browser complains of every answer above 399; nothing else went wrong.
    assert [c for c in complaints if "409" not in c] == []


def test_a_hand_scanner_types_past_an_open_answer(house: House, page):
    house.sign_in(page, house.manager)
    page.goto(f"{house.url}/desk/")
    page.get_by_label(SCAN).fill("00000000 0000")
    page.get_by_label(SCAN).press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.type("12345678 1234")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_label(SCAN)).to_have_value("12345678 1234")


def test_units_come_back_over_the_counter(house: House, page):
    order = house.sell(quantity=3)
    house.hand_over(order)
    house.sign_in(page, house.manager)
    page.goto(f"{house.url}/desk/returns/")
    page.get_by_label("订单号").fill(order.no)
    page.get_by_label("订单号").press("Enter")
    # An error first: no units, and what was typed stays.
    page.get_by_label("退货原因").fill("罐盖压坏了")
    page.get_by_role("button", name="收货并退款").click()
    expect(page.get_by_text("请填写退货的商品和数量。")).to_be_visible()
    expect(page.get_by_label("退货原因")).to_have_value("罐盖压坏了")
    assert AfterSale.objects.count() == 0

    page.get_by_label("明前龙井").fill("1")
    page.get_by_role("button", name="收货并退款").click()
    expect(page.get_by_text("退货成功")).to_be_visible()
    assert AfterSale.objects.get().lines.get().quantity == 1


def test_the_camera_reads_a_code(house: House, page):
    order = house.sell()
    code = house.make_ready(order)
    page.add_init_script(CAMERA)
    house.sign_in(page, house.manager)
    page.goto(f"{house.url}/desk/")
    page.get_by_role("button", name="摄像头扫码").click()
    expect(page.get_by_text("请将取货码对准摄像头。")).to_be_visible()
    expect(page.get_by_label("摄像头画面")).to_be_visible()
    page.evaluate("code => { window.shown = code; }", f"https://m.example.com/pickup?c={code}")
    expect(page.get_by_role("dialog")).to_contain_text("提货成功")
    expect(page.get_by_label("摄像头画面")).to_be_hidden()
    assert Pickup.objects.get().state == "collected"


@pytest.mark.parametrize(
    ("error", "words"),
    [("NotAllowedError", "摄像头未获允许"), ("NotFoundError", "没有可用的摄像头")],
)
def test_a_camera_that_is_refused_or_missing_leaves_typing(house: House, page, error, words):
    page.add_init_script(CAMERA)
    house.sign_in(page, house.manager)
    page.goto(f"{house.url}/desk/")
    page.evaluate("name => { window.refuse = name; }", error)
    page.get_by_role("button", name="摄像头扫码").click()
    expect(page.locator("[data-desk-camera-word]")).to_contain_text(words)
    focus_comes_to(page, "scan-text")


def test_a_browser_that_reads_no_codes_offers_no_camera(house: House, page):
    page.add_init_script("delete window.BarcodeDetector")
    house.sign_in(page, house.manager)
    page.goto(f"{house.url}/desk/")
    expect(page.get_by_label(SCAN)).to_be_focused()
    expect(page.locator("[data-desk-camera]")).to_be_hidden()


def test_sounds_are_off_until_wanted_and_the_choice_stays(house: House, page):
    page.add_init_script(TONES)
    house.sign_in(page, house.manager)
    page.goto(f"{house.url}/desk/")

    def refused() -> int:
        before = page.evaluate("window.tones")
        page.get_by_label(SCAN).fill("00000000 0000")
        page.get_by_label(SCAN).press("Enter")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        return page.evaluate("window.tones") - before

    sound = page.get_by_role("button", name="提示音")
    expect(sound).to_have_attribute("aria-pressed", "false")
    assert refused() == 0
    sound.click()
    expect(sound).to_have_attribute("aria-pressed", "true")
    assert refused() == 2
    page.reload()
    expect(sound).to_have_attribute("aria-pressed", "true")
    assert refused() == 2


def test_the_language_is_switched_on_every_page(house: House, page):
    order = house.sell()
    house.hand_over(order)
    asked = house.sell()
    house.ask_back(asked)
    data = [
        house.store.name,
        house.store.address,
        "明前龙井",
        "罐盖压坏了",
        "小李",
        "王小满",
        "1号",
    ]
    house.sign_in(page, house.manager)
    pages = (
        "/desk/",
        "/desk/stores/",
        "/desk/returns/",
        *(f"/desk/orders/{o.no}/" for o in Order.objects.all()),
    )
    page.goto(f"{house.url}/desk/")
    for address in pages:
        page.goto(house.url + address)
        assert english_in(page) == [], address
    page.get_by_role("button", name="English").click()
    for address in pages:
        page.goto(house.url + address)
        assert chinese_in(page, data) == [], address
    page.get_by_role("button", name="简体中文").click()
    page.goto(f"{house.url}/desk/")
    expect(page.get_by_label(SCAN)).to_be_visible()
