"""A card pays at the desk, in a browser: by keyboard, and read aloud without anything serious."""

import pytest
from playwright.sync_api import expect

from mall.models import PosTicket
from members.services.member_code_issue import member_code_issue
from tests.factories import make_card, moment
from tests.web.faces import House
from tests.web.test_accessibility import findings

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_a_payment_by_card(house: House, page):
    make_card(house.member, now=moment())
    code = member_code_issue(member_id=house.member.pk, now=moment()).digits
    house.sign_in(page, house.manager)
    found = []

    page.goto(f"{house.url}/desk/pay/")
    found += findings(page)
    page.get_by_label("金额（元）").fill("110")
    page.get_by_label("会员码").fill(f"{code[:-1]}{(int(code[-1]) + 1) % 10}")
    page.get_by_label("会员码").press("Enter")
    expect(page.locator(".errorlist")).to_contain_text("会员码无效")
    found += findings(page)
    page.get_by_label("会员码").fill(code)
    page.get_by_label("会员码").press("Enter")
    expect(page.get_by_role("heading", name="收取 ¥110.00？")).to_be_visible()
    found += findings(page)
    page.get_by_role("button", name="收取 ¥110.00").click()
    page.wait_for_selector("[data-outcome=ok]")
    expect(page.get_by_role("heading", name="已收款 ¥110.00")).to_be_visible()
    found += findings(page)
    page.keyboard.press("Enter")
    expect(page.locator("dialog.result")).to_have_count(0)

    assert PosTicket.objects.get().card_fen == 11_000
    assert not found, "\n".join(found)
