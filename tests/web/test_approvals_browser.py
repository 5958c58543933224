"""The inbox on a phone: the badge leads to it, a request is read and approved."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from config.kernel.models import Approval
from mall.models import AfterSale, Refund
from mall.services.aftersale_approval import aftersale_approval
from tests.factories import make_staff, moment
from tests.web.faces import House

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def asked(house: House) -> Approval:
    """¥268.00 to give back, above what customer service grants alone."""
    order = house.sell()
    house.ask_back(order)
    after_sale = AfterSale.objects.get()
    request = aftersale_approval(
        after_sale_no=after_sale.no,
        reason="罐盖压坏，照片已核对",
        user=make_staff(store=house.store, role="service"),
        now=moment(),
    )
    assert request is not None
    return request


def fits(page: Page) -> bool:
    return page.evaluate("document.documentElement.scrollWidth") <= 375


def test_a_manager_approves_what_waits(house: House, asked, page, complaints):
    house.sign_in(page, house.manager)
    page.goto(house.url + reverse("admin:kernel_approval_changelist"))
    entry = page.locator(f'a[href="{reverse("admin:kernel_approval_changelist")}"]')
    assert "1" in (entry.filter(has_text="审批").first.text_content() or "")
    expect(page.locator("#result_list")).to_contain_text(asked.no)
    assert fits(page)

    page.get_by_role("link", name=asked.no).click()
    main = page.locator("#main, main, body").first
    expect(main).to_contain_text("¥268.00")
    expect(main).to_contain_text("罐盖压坏，照片已核对")
    assert fits(page)

    page.get_by_role("link", name="同意", exact=True).click()
    assert fits(page)
    page.get_by_role("button", name="同意", exact=True).click()

    expect(page.get_by_text("已批准并执行。")).to_be_visible()
    asked.refresh_from_db()
    assert (asked.state, asked.checker) == ("approved", house.manager)
    assert Refund.objects.get().amount_fen == 26_800
    assert complaints == []
