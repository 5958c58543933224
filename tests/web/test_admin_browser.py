"""The operations site in a real browser: sign-in, an order ended with a reason, a refusal, the
palette, the dark scheme, both languages."""

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from config.kernel.models import Event
from mall.services.order_end import order_cancel
from mall.states import OrderState
from tests.factories.fresh import moment
from tests.factories.people import PASSWORD
from tests.web.faces import House, chinese_in, english_in

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def wide(page):
    page.set_viewport_size({"width": 1280, "height": 800})
    return page


def test_an_order_is_found_by_the_palette_and_cancelled_with_a_reason(
    house: House, wide, complaints
):
    page = wide
    order = house.sell(pay=False)
    page.goto(house.url + reverse("admin:index"))
    page.get_by_label("用户名").fill(house.boss.username)
    page.get_by_label("密码").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="今天", exact=True)).to_be_visible()

    # Ctrl+K, the number, Enter.
    page.keyboard.press("Control+k")
    expect(page.locator("#search-input-command")).to_be_focused()
    page.keyboard.type(order.no)
    expect(page.locator("#command-results a").first).to_contain_text(order.no)
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page).to_have_url(house.url + reverse("admin:mall_order_change", args=[order.pk]))
    expect(page.locator("td", has_text="明前龙井").first).to_be_visible()

    # Without a reason nothing happens.
    page.get_by_role("link", name="取消订单").click()
    confirm = page.locator("form.mall-confirm")
    reason = confirm.get_by_label("原因")
    confirm.get_by_role("button", name="取消订单").click()
    assert reason.evaluate("field => field.validity.valueMissing")
    order.refresh_from_db()
    assert order.state == OrderState.PLACED

    reason.fill("顾客来电取消")
    confirm.get_by_role("button", name="取消订单").click()
    expect(page.locator(".mall-timeline")).to_contain_text("顾客来电取消")
    order.refresh_from_db()
    assert order.state == OrderState.CANCELLED
    done = Event.objects.filter(subject_type="order", subject_id=order.pk).latest("id")
    assert (done.actor_kind, done.actor_id) == ("user", str(house.boss.pk))
    assert complaints == []


def test_a_command_that_comes_too_late_is_refused_in_words(house: House, wide):
    order = house.sell(pay=False)
    house.sign_in(wide, house.boss)
    wide.goto(house.url + reverse("admin:mall_order_command", args=[order.pk, "cancel"]))
    # Somebody else was quicker.
    actor = house.actor(house.manager)
    order_cancel(order_no=order.no, reason="重复下单", actor=actor, now=moment())
    wide.locator("form.mall-confirm").get_by_label("原因").fill("顾客来电取消")
    wide.locator("form.mall-confirm").get_by_role("button", name="取消订单").click()
    expect(wide.get_by_text("只有未支付的订单可以取消")).to_be_visible()
    assert Event.objects.filter(subject_type="order", to_state="cancelled").count() == 1


def test_the_dark_scheme_follows_the_system_and_the_choice(house: House, wide):
    def paper() -> int:
        return wide.evaluate(
            "() => { const c = document.createElement('canvas').getContext('2d');"
            " c.fillStyle = getComputedStyle(document.body).backgroundColor;"
            " c.fillRect(0, 0, 1, 1); return c.getImageData(0, 0, 1, 1).data[0]; }"
        )

    house.sign_in(wide, house.boss)
    wide.emulate_media(color_scheme="dark")
    wide.goto(house.url + reverse("admin:mall_order_changelist"))
    assert paper() < 60
    wide.emulate_media(color_scheme="light")
    wide.reload()
    assert paper() > 200


def test_the_language_is_switched_on_every_page(house: House, wide):
    page = wide
    order = house.sell(pay=False)
    house.sign_in(page, house.boss)
    pages = [
        reverse("admin:index"),
        reverse("admin:mall_order_changelist"),
        reverse("admin:mall_order_change", args=[order.pk]),
        reverse("admin:mall_order_command", args=[order.pk, "cancel"]),
        reverse("admin:kernel_approval_changelist"),
        reverse("admin:members_member_changelist"),
        reverse("admin:members_member_change", args=[house.member.pk]),
    ]
    data = [
        "屿上百货",
        "南京东路店",
        "徐汇店",
        "王小满",
        "明前龙井",
        "真丝方巾",
        "小林",
        "小李",
        "1号",
        "2号",
        "饮食",
        "规格",
    ]
    for address in pages:
        page.goto(house.url + address)
        assert english_in(page) == [], address
    page.evaluate("document.querySelector('form [name=language][value=en]').form.requestSubmit()")
    page.wait_for_selector("html[lang=en]")
    for address in pages:
        page.goto(house.url + address)
        assert chinese_in(page, data) == [], address
