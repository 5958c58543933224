"""Goods back over the counter: what the form knew must still be so."""

import pytest

from config.kernel.actors import SYSTEM
from mall.models import AfterSale
from mall.services.return_in_store import ReturnMoved, return_in_store
from tests.factories import make_member, make_product, make_staff, make_stock, make_store
from tests.factories.orders import pay_order, place_order
from tests.mall.sales import handed_over

pytestmark = pytest.mark.django_db


def test_a_form_that_is_sent_twice_takes_back_once(now, relayed):
    store = make_store()
    manager = make_staff(store=store, role="manager", since=now)
    sku = make_product(skus=[10_000]).skus.get()
    make_stock(store=store, sku=sku, on_hand=5)
    order = place_order(make_member(), store=store, lines=[(sku, 3)], now=now)
    pay_order(order, now=now)
    relayed(now)
    handed_over(order, manager, now)

    def give_back(**seen) -> AfterSale:
        return return_in_store(
            order_no=order.no,
            store_id=store.pk,
            lines=[(0, 1)],
            reason="不合适",
            user=manager,
            actor=SYSTEM,
            now=now,
            **seen,
        )

    give_back(seen={0: 3})
    with pytest.raises(ReturnMoved) as refused:
        give_back(seen={0: 3})

    assert refused.value.code == "return_moved"
    assert AfterSale.objects.count() == 1
    # Who says what is left now, or nothing of it, means another unit.
    give_back(seen={0: 2})
    give_back()
    assert AfterSale.objects.count() == 3
