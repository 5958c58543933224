"""Points shop, membership and a company's card in a real browser."""

import re

import pytest
from playwright.sync_api import Page, expect

from config.kernel.clock import now as moment
from config.kernel.numbers import code_shown
from mall.models import Order, Sku, Tender
from members.activation import activation_code
from members.models import Card, CardProduct, Member, Membership
from members.selectors_cards import card_value_fen
from members.services.points_settle import PointsTarget, points_settle
from stores.ledger import AccountSpec, accounts_ensure
from stores.models import Operator
from tests.factories import (
    make_card,
    make_card_batch,
    make_membership_plan,
    make_points_offer,
    make_topup_offer,
    publish_policy,
)

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
POLICY = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}


@pytest.fixture
def member(shop, page) -> Member:
    """Whoever is logged in, with a phone."""
    open_(page, shop.url)
    page.get_by_role("button", name=re.compile("^领取")).click()
    expect(page.locator(".toast")).to_contain_text("已放入券包")
    Member.objects.update(phone="+8613800138000")
    return Member.objects.get()


def open_(page: Page, address: str) -> None:
    page.goto(address)
    page.wait_for_selector("#view:not([aria-busy])")


def missing(page: Page) -> list[str]:
    return page.evaluate("import('/static/shop/words.js').then(m => [...m.missing])")


def test_points_and_money_buy_what_the_points_shop_has(shop, page, complaints, member):
    # given 400 points, and tea for 300 of them and ¥9.90
    publish_policy(kind="points", body=POLICY)
    accounts_ensure([AccountSpec("points.spent", "points")])
    now = moment()
    points_settle([PointsTarget(member.pk, member.no, "SO0", 40_000, now)], now=now)
    sku = Sku.objects.get(price_fen=26_800)
    make_points_offer(sku, operator=Operator.objects.get(), points_price=300, cash_fen=990)

    open_(page, f"{shop.url}/#/points")
    expect(page.get_by_text("300 积分 + ¥9.90")).to_be_visible()
    page.get_by_role("button", name="兑换: 明前龙井").click()
    page.get_by_role("button", name="支付 ¥9.90").click()
    page.get_by_role("button", name="立即支付").click()

    expect(page).to_have_url(re.compile("#/orders/SO"))
    assert Order.objects.get().points == 300
    assert (missing(page), complaints) == ([], [])


def test_a_membership_is_joined(shop, page, complaints, member):
    make_membership_plan(operator=Operator.objects.get(), price_fen=19_900, days=365)

    open_(page, f"{shop.url}/#/membership")
    expect(page.get_by_text("¥199.00 / 365 天")).to_be_visible()
    page.get_by_role("button", name=re.compile("^开通")).click()
    page.get_by_role("button", name="支付 ¥199.00").click()
    page.get_by_role("button", name="立即支付").click()

    expect(page.get_by_role("button", name=re.compile("^续费"))).to_be_visible(timeout=10_000)
    assert Membership.objects.get().member == member
    assert (missing(page), complaints) == ([], [])


def test_a_code_of_a_company_becomes_a_card(shop, page, complaints, member):
    batch = make_card_batch()

    open_(page, f"{shop.url}/#/membership")
    page.get_by_label("储值卡激活码").fill(code_shown(activation_code(batch.no, 1)))
    page.get_by_role("button", name="激活").click()

    expect(page.locator(".value")).to_contain_text("¥500.00")
    assert Card.objects.get().member == member
    assert (missing(page), complaints) == ([], [])


def test_the_buyer_chooses_what_goes_on_a_card(shop, page, complaints, member):
    CardProduct.objects.update(min_fen=10_000, max_fen=90_000)

    open_(page, f"{shop.url}/#/card/card-500")
    page.get_by_label("金额（元）").fill("321.5")
    page.get_by_role("button", name="金额明细").click()
    expect(page.locator(".value")).to_contain_text("¥321.50")
    page.get_by_role("button", name="支付 ¥321.50").click()
    page.get_by_role("button", name="立即支付").click()

    expect(page).to_have_url(re.compile("#/me"), timeout=10_000)
    assert Card.objects.get().lots.get().principal.balance == 32_150
    assert (missing(page), complaints) == ([], [])


def test_goods_are_paid_by_a_top_up_in_one_step(shop, page, complaints, member):
    # given a card of ¥10, a scarf for ¥359, and an offer
    operator = Operator.objects.get()
    card = make_card(member, principal_fen=1_000, bonus_fen=0, operator=operator)
    make_topup_offer(operator=operator, steps=[(50_000, 4_000)])
    open_(page, f"{shop.url}/#/p/SCARF")
    page.get_by_role("button", name="加入购物车").click()
    expect(page.locator("#pieces")).to_have_text("1")

    open_(page, f"{shop.url}/#/cart")
    page.get_by_label("先充值再支付（元）").fill("500")
    page.get_by_label("先充值再支付（元）").press("Tab")
    page.get_by_role("button", name="支付 ¥500.00").click()
    page.get_by_role("button", name="立即支付").click()

    expect(page).to_have_url(re.compile("#/orders/SO"), timeout=10_000)
    expect(page.get_by_text("¥500.00").first).to_be_visible()
    assert card_value_fen(card.pk) == 1_000 + 54_000 - paid_by_card()
    assert (missing(page), complaints) == ([], [])


def paid_by_card() -> int:
    tenders = Tender.objects.filter(kind__in=["card_principal", "card_bonus"])
    return sum(tenders.values_list("amount_fen", flat=True))
