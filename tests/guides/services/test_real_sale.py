"""A sale through the mall's own services, relayed, then returned: the whole audit runs after."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from guides.models import Attribution
from mall.services.aftersale import aftersale_approve, aftersale_request
from mall.services.store_sale_void import store_sale_void
from tests.factories import (
    make_binding,
    make_card,
    make_card_product,
    make_guide,
    make_member,
    make_operator,
    make_product,
    make_stock,
    make_store,
)
from tests.factories.orders import pay_order, place_order
from tests.guides.sales import booked, publish_rules, touched
from tests.mall.desk_sales import SELLER, desk_of, sell

pytestmark = pytest.mark.django_db

DAY = timedelta(days=1)


@pytest.fixture
def coat(store):
    coat = make_product(skus=[12_345], name="大衣")
    make_stock(store=store, sku=coat.skus.get(), on_hand=10)
    return coat


def give_back(order, quantity, now):
    after_sale = aftersale_request(
        order_no=order.no, lines=[(0, quantity)], reason="不合适", actor=SYSTEM, now=now
    )
    aftersale_approve(after_sale_no=after_sale.no, reason="同意", actor=SYSTEM, now=now)


def test_a_paid_order_earns_and_its_return_takes_back(
    rules, store, member, guide, colleague, coat, now, relayed
):
    make_binding(member=member, guide=colleague, since=now - 9 * DAY)
    touched(member=member, guide=guide, product=coat, now=now - DAY)
    order = place_order(member, store=store, lines=[(coat.skus.get(), 2)])
    pay_order(order)
    relayed(now)
    # ¥246.90 × 3 % = 740.7 → 741; 60 : 40 = 444.6 : 296.4 → 445 + 296
    assert (booked(guide), booked(colleague)) == ([445], [296])

    give_back(order, 1, now)
    relayed(now)

    # ¥123.45 × 3 % = 370.35 → 370; 222 + 148
    assert (booked(guide), booked(colleague)) == ([445, -223], [296, -148])

    give_back(order, 1, now)
    relayed(now)

    order.refresh_from_db()
    assert order.state == "cancelled"
    assert (sum(booked(guide)), sum(booked(colleague))) == (0, 0)


def test_all_reactions_to_a_sale_and_its_return_may_come_at_once(
    rules, store, member, guide, coat, now, relayed
):
    touched(member=member, guide=guide, product=coat, now=now - DAY)
    order = place_order(member, store=store, lines=[(coat.skus.get(), 2)])
    pay_order(order)
    give_back(order, 1, now)

    relayed(now)

    assert booked(guide) == [370]


def test_goods_paid_by_card_earn_like_any_other(rules, now, relayed):
    operator = make_operator()
    store = make_store(operator=operator)
    member = make_member()
    make_card(member, principal_fen=50_000, bonus_fen=5_000, operator=operator)
    guide = make_guide(store=store)
    make_binding(member=member, guide=guide)
    sku = make_product(skus=[10_000]).skus.get()
    make_stock(store=store, sku=sku)

    place_order(member, store=store, lines=[(sku, 1)], use_card=True)
    relayed(now)

    assert booked(guide) == [300]


def test_an_order_that_is_not_paid_is_nobodys(rules, store, member, guide, coat, now, relayed):
    make_binding(member=member, guide=guide)

    place_order(member, store=store, lines=[(coat.skus.get(), 1)])
    relayed(now)

    assert not Attribution.objects.exists()


def test_a_card_sold_at_a_desk_earns_until_the_sale_is_undone(store, member, guide, now, relayed):
    cards = {"v": 1, "all": [{"fact": "line_kind", "op": "eq", "value": "card"}]}
    publish_rules(plan={"rules": [{"when": cards, "rate_bp": 300}]})
    make_binding(member=member, guide=guide)
    make_card_product(operator=store.operator, code="gold")
    sell(store, member, product="gold", now=now)
    relayed(now)
    # 3 % of ¥500.
    assert booked(guide) == [1_500]

    store_sale_void(till=desk_of(store), number="T-1", reason="按错了", actor=SELLER, now=now)
    relayed(now)

    assert booked(guide) == [1_500, -1_500]
