"""A healthy world: an order that was paid and partly returned, and one that waits."""

import pytest

from mall.models import Payment
from mall.services.payment_apply import payment_notify
from tests.factories.orders import notification, open_payment
from tests.mall.sales import Sale, give_back, mixed_order, plain_order, refunds_arrive


@pytest.fixture
def sale(now, relayed) -> Sale:
    """Paid through a callback, its pickup open, one piece of the first line returned."""
    sale = mixed_order(now=now)
    payment_notify(notification=notification(open_payment(sale.order, now=now)), now=now)
    relayed(now)
    give_back(sale.order, [(0, 1)], now=now)
    refunds_arrive(sale.order, now=now)
    relayed(now)
    sale.order.refresh_from_db()
    return sale


@pytest.fixture
def waiting(now) -> Payment:
    """The open payment of an order that is not paid yet."""
    return open_payment(plain_order(now=now), now=now)
