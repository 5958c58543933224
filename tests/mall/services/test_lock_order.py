"""Coupons (and their templates' budgets) are locked before accounts, and stock comes last.

Two paths that differ would wait for each other for ever: one member pays an order with a card
and a budgeted coupon while another order of theirs is given back.
"""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.kernel.actors import SYSTEM
from mall.services.order_end import order_cancel
from mall.services.payment_apply import payment_apply
from tests.factories.orders import open_payment, trade
from tests.mall.sales import give_back, mixed_order, mixed_sale

pytestmark = pytest.mark.django_db

LOCKS = {
    "coupon": ("coupons_coupon c", "FOR NO KEY UPDATE"),
    "accounts": ("stores_account a", "FOR NO KEY UPDATE OF a"),
    "stock": ("mall_stock s", "FOR UPDATE OF s"),
}


def locked(queries: CaptureQueriesContext, *, since: str = "") -> list[str]:
    """What was locked, by its first statement, from the first one that holds ``since`` on."""
    texts = [query["sql"] for query in queries.captured_queries]
    start = next(i for i, text in enumerate(texts) if since in text)
    seen: list[str] = []
    for text in texts[start:]:
        for name, (table, clause) in LOCKS.items():
            if table in text and clause in text and name not in seen:
                seen.append(name)
    return seen


def test_placing(now):
    with CaptureQueriesContext(connection) as queries:
        mixed_order(now=now)

    assert locked(queries, since="INSERT INTO mall_order ") == ["coupon", "accounts", "stock"]


def test_paying(now):
    payment = open_payment(mixed_order(now=now).order, now=now)

    with CaptureQueriesContext(connection) as queries:
        payment_apply(trade=trade(payment), now=now)

    assert locked(queries) == ["coupon", "accounts", "stock"]


def test_cancelling(now):
    order = mixed_order(now=now).order

    with CaptureQueriesContext(connection) as queries:
        order_cancel(order_no=order.no, reason="不要了", actor=SYSTEM, now=now)

    assert locked(queries) == ["coupon", "accounts", "stock"]


def test_giving_back(now):
    order = mixed_sale(now=now).order

    with CaptureQueriesContext(connection) as queries:
        give_back(order, [(0, 3), (1, 2)], now=now)

    assert locked(queries) == ["coupon", "accounts", "stock"]
