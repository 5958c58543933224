"""The audit lines of payments, refunds and value that orders put on cards see what is planted."""

import pytest
from django.db import connection

from mall.models import Notification, Order
from tests.factories import make_card, make_member, make_product, make_stock, make_store
from tests.factories.orders import pay_order, place_order
from tests.mall.services.audit.planted import caught, plant, stray_refund

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


def test_a_transaction_that_pays_twice(sale, waiting):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'mall_payment'::regclass"
            " AND contype = 'u' AND conname LIKE '%%transaction_id%%'"
        )
        unique = cursor.fetchone()[0]
    paid = sale.order.payments.get().transaction_id

    plant(
        "UPDATE mall_payment SET transaction_id = %s WHERE id = %s", paid, waiting.pk, drop=unique
    )

    assert caught() == {"payment.once"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("{amount,total}", "12934"),
        ("{amount,currency}", '"USD"'),
        ("{transaction_id}", '"4200000000000000000000000000"'),
    ],
)
def test_a_payment_that_is_not_what_the_gateway_said(sale, path, value):
    assert Notification.objects.get().outcome == "paid"

    plant("UPDATE mall_notification SET resource = jsonb_set(resource, %s, %s)", path, value)

    assert caught() == {"payment.matches"}


def test_a_payment_told_by_another_merchant(sale):
    plant("UPDATE mall_notification SET mchid = '1900000002'")

    assert caught() == {"payment.matches"}


def test_money_booked_that_never_came(sale):
    plant(
        "UPDATE stores_transfer SET amount = amount + 1 WHERE code = 'payment'",
        trigger="stores_transfer",
    )

    assert caught() == {"payment.booked"}


def test_money_that_came_and_was_not_booked(sale):
    plant(
        "DELETE FROM stores_transfer WHERE code IN ('payment', 'refund')",
        trigger="stores_transfer",
    )

    assert caught() == {"payment.booked"}


# Refunds


def test_a_refund_of_what_was_never_captured(waiting, now):
    stray_refund(waiting, now=now)

    assert caught() == {"refund.within_payment"}


def test_more_refunded_than_captured(sale, now):
    # a paid order whose money goes back unasked is caught beside it
    stray_refund(sale.order.payments.get(), now=now, amount_fen=12_935)

    assert caught() == {"refund.within_payment", "order.captured"}


def test_a_refund_allocated_to_no_unit(sale):
    plant(
        "UPDATE mall_refundallocation SET amount_fen = amount_fen + 1"
        " WHERE id = (SELECT min(id) FROM mall_refundallocation)"
    )

    assert caught() == {"refund.lines"}


def test_a_unit_given_back_for_nothing(sale):
    plant("UPDATE mall_orderline SET refunded_quantity = 2 WHERE position = 0")

    assert caught() == {"refund.lines"}


def test_a_refund_that_its_tender_does_not_know(sale):
    plant(
        "UPDATE mall_tenderallocation SET refunded_fen = refunded_fen + 1"
        " WHERE id = (SELECT min(id) FROM mall_tenderallocation)"
    )

    assert caught() == {"refund.tenders"}


def test_a_refund_to_another_tender(sale):
    # both are lot accounts, so the ledger disagrees as well
    first, second = sale.order.tenders.order_by("position")[:2]

    plant("UPDATE mall_refund SET tender_id = %s WHERE tender_id = %s", second.pk, first.pk)

    assert caught() == {"refund.tenders", "refund.restored"}


def test_stored_value_that_did_not_come_back(sale):
    plant(
        "UPDATE stores_transfer SET amount = amount - 1 WHERE id ="
        " (SELECT max(id) FROM stores_transfer WHERE code = 'card.refund')",
        trigger="stores_transfer",
    )

    assert caught() == {"refund.restored"}


def test_stored_value_that_came_back_unasked(sale):
    plant(
        "INSERT INTO stores_transfer (debit_id, credit_id, amount, code, key, reference,"
        " occurred_at) SELECT debit_id, credit_id, 1, code, 'again', 'SO-OTHER', occurred_at"
        " FROM stores_transfer WHERE code = 'card.refund' LIMIT 1"
    )

    assert caught() == {"refund.restored"}


# Value put on cards by orders


@pytest.fixture
def topped_up(now) -> Order:
    """¥400 of goods paid by a card of ¥110 and the ¥300 that the order puts on it."""
    store = make_store()
    sku = make_product(skus=(20_000,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=10)
    member = make_member(openid="oPayer000000000000000000001")
    card = make_card(member, principal_fen=10_000, bonus_fen=1_000, operator=store.operator)
    order = place_order(
        member,
        store=store,
        lines=[(sku, 2)],
        use_card=True,
        topup_card=card.no,
        amount_fen=30_000,
        now=now,
    )
    pay_order(order, now=now)
    return order


def test_a_top_up_of_something_else_than_was_paid_for(topped_up):
    assert caught() == set()
    plant("UPDATE mall_orderline SET bonus_fen = 1 WHERE kind = 'topup'")
    assert caught() == {"order.value_delivered"}


def test_a_top_up_that_never_came(topped_up):
    plant("UPDATE members_cardlot SET key = 'x' WHERE reference = %s", topped_up.no)
    assert caught() == {"order.value_delivered"}


def test_goods_paid_out_of_another_lot_than_their_top_up(topped_up):
    plant(
        "UPDATE mall_tender SET account_id = (SELECT min(principal_id) FROM members_cardlot)"
        " WHERE from_topup"
    )
    assert caught() == {"order.topup_tenders"}
