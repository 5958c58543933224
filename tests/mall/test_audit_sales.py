"""The audit lines of stored value sold in stores see what is planted."""

import pytest

from mall.models import StoreSale
from mall.services.store_sale_void import store_sale_void
from tests.factories import make_card_product, make_member, make_operator, make_store
from tests.mall.desk_sales import SELLER, desk_of, sell
from tests.planting import fired, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture
def sales(now):
    """Cash for one card, a bank card for another, and one of cash that was undone."""
    store = make_store(operator=make_operator(code="acc"), code="s1")
    make_card_product(operator=store.operator, code="gold")
    sell(store, make_member(), product="gold", ticket_no="T-1")
    sell(store, make_member(), product="gold", ticket_no="T-2", way="bank_card", reference="R-1")
    sell(store, make_member(), product="gold", ticket_no="T-3")
    store_sale_void(till=desk_of(store), number="T-3", reason="按错", actor=SELLER, now=now)
    assert fired() == []
    return StoreSale.objects.order_by("pk")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE mall_storesale SET way = 'bank_card', reference = 'X' WHERE ticket_no = 'T-1'",
        "UPDATE mall_order SET channel = 'guide'",
        "UPDATE mall_tender SET kind = 'cash' WHERE kind = 'bank_card'",
        "DELETE FROM mall_storesale WHERE ticket_no = 'T-1'",
    ],
)
def test_store_sale_paid(sales, change):
    plant(change, table=change.split()[2 if change.startswith("DELETE") else 1])

    assert "store_sale.paid" in fired()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE stores_account SET code = 'cash:acc:s2' WHERE code = 'cash:acc:s1'",
        "UPDATE stores_account SET code = 'bank:other' WHERE code = 'bank:acc'",
        "UPDATE stores_transfer SET amount = amount - 1 WHERE code = 'card.void'",
        "UPDATE mall_refund SET state = 'failed', done_at = NULL",
    ],
)
def test_store_sale_booked(sales, change):
    plant(change, table=change.split()[1])

    assert "store_sale.booked" in fired()


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE mall_storesale SET voided_at = NULL",
        "UPDATE mall_storesale SET voided_at = now() WHERE ticket_no = 'T-1'",
        "UPDATE mall_refund SET amount_fen = amount_fen - 1",
    ],
)
def test_store_sale_voided(sales, change):
    plant(change, table=change.split()[1])

    assert "store_sale.voided" in fired()
