"""Each audit line of the mall and of the kernel, and the corruption it catches.

The corruption is planted past the database's own guards, which come back with the rollback.
"""

from datetime import timedelta

import pytest
from django.db import connection

from config.kernel import audit
from config.kernel.actors import SYSTEM
from config.kernel.events import record
from config.kernel.models import Event, IdempotencyKey
from mall.events import RefundChanged
from mall.models import Notification, Order, Payment, Refund
from mall.services.payment_apply import payment_notify
from tests.factories import (
    make_card,
    make_member,
    make_product,
    make_stock,
    make_store,
    make_user,
)
from tests.factories.orders import notification, open_payment, pay_order, place_order
from tests.mall.sales import Sale, give_back, mixed_order, plain_order, refunds_arrive

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]

SUBJECTS = {
    "stock",
    "order",
    "payment",
    "refund",
    "after_sale",
    "fulfilment",
    "events",
    "idempotency",
}
CODES = {line.code for line in audit.lines() if line.code.split(".")[0] in SUBJECTS} | {
    "pickup.of_paid_order"
}


def caught() -> set[str]:
    return {finding.line.code for finding in audit.run(CODES) if finding.violations}


def plant(sql: str, *parameters, drop: str = "", trigger: str = "") -> None:
    """Run ``sql``, which must change something, without the constraint or the table's triggers."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        if drop:
            cursor.execute(
                "SELECT conrelid::regclass FROM pg_constraint WHERE conname = %s", [drop]
            )
            cursor.execute(f'ALTER TABLE {cursor.fetchone()[0]} DROP CONSTRAINT "{drop}"')
        if trigger:
            cursor.execute(f"ALTER TABLE {trigger} DISABLE TRIGGER USER")
        cursor.execute(sql, parameters)
        assert cursor.rowcount > 0


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


def test_a_healthy_world_is_clean(sale, waiting):
    assert len(CODES) == 39
    assert sale.order.state == "paid"
    assert caught() == set()


# Stock


def test_pieces_without_a_movement(sale):
    plant("UPDATE mall_stock SET on_hand = on_hand + 1 WHERE sku_id = %s", sale.first.pk)

    assert caught() == {"stock.movements"}


def test_a_changed_movement(sale):
    plant(
        "UPDATE mall_stockmovement SET delta = delta + 1 WHERE kind = 'opening'",
        trigger="mall_stockmovement",
    )

    assert caught() == {"stock.movements"}


def test_promised_pieces_without_a_reservation(waiting):
    plant("UPDATE mall_stock SET reserved = reserved + 1")

    assert caught() == {"stock.reserved"}


def test_more_promised_than_there_is(waiting):
    plant(
        "UPDATE mall_stock SET reserved = 11",
        drop="mall_stock_covers_reserved",
    )
    plant("UPDATE mall_reservation SET quantity = 11")

    assert caught() == {"stock.reserved"}


def test_a_reservation_that_ends_before_its_order(waiting, now):
    plant("UPDATE mall_reservation SET state = 'released', ended_at = %s", now)
    plant("UPDATE mall_stock SET reserved = 0")

    assert caught() == {"stock.reservation_ends"}


def test_a_reservation_that_outlives_its_order(waiting, now):
    # the order's own history is broken with it: it has no event of this step
    plant("UPDATE mall_order SET state = 'expired', ended_at = %s", now)

    assert caught() == {"stock.reservation_ends", "order.history"}


def test_more_pieces_gone_than_sold(sale):
    plant(
        "UPDATE mall_stockmovement SET delta = delta - 1 WHERE kind = 'sale'",
        trigger="mall_stockmovement",
    )
    plant("UPDATE mall_stock SET on_hand = on_hand - 1")

    assert caught() == {"stock.sold"}


def test_a_sale_without_an_order_that_was_paid(sale, waiting):
    plant(
        "INSERT INTO mall_stockmovement (stock_id, kind, delta, reference, key, occurred_at)"
        " SELECT r.stock_id, 'sale', -1, '', 'sale:' || r.line_id, now()"
        " FROM mall_reservation r WHERE r.state = 'open'"
    )
    plant(
        "UPDATE mall_stock SET on_hand = on_hand - 1"
        " WHERE id IN (SELECT stock_id FROM mall_reservation WHERE state = 'open')"
    )

    assert caught() == {"stock.sold"}


def test_more_pieces_back_than_refunded(sale):
    plant(
        "UPDATE mall_stockmovement SET delta = delta + 1 WHERE kind = 'return'",
        trigger="mall_stockmovement",
    )
    plant("UPDATE mall_stock SET on_hand = on_hand + 1 WHERE sku_id = %s", sale.first.pk)

    assert caught() == {"stock.returned"}


# Orders


def test_an_order_that_does_not_add_up(sale):
    plant("UPDATE mall_order SET gross_fen = gross_fen + 1", drop="mall_order_adds_up")

    assert caught() == {"order.adds_up", "order.discounts_quoted"}


def test_a_discount_that_is_not_allocated(sale):
    plant("UPDATE mall_adjustment SET amount_fen = amount_fen + 1 WHERE kind = 'coupon'")

    assert caught() == {
        *("order.discounts_allocated", "order.discounts_whole", "order.discounts_quoted"),
        "order.coupons",
    }


def test_a_price_that_was_never_quoted(sale):
    plant("UPDATE mall_order SET snapshot = jsonb_set(snapshot, '{lines,1,unit_price_fen}', '1')")

    assert caught() == {"order.snapshot"}


def test_a_line_that_the_snapshot_lacks(sale):
    plant("UPDATE mall_order SET snapshot = snapshot #- '{lines,1}'")

    assert caught() == {"order.snapshot", "order.discounts_quoted"}


def test_tenders_that_do_not_add_up(sale):
    plant("UPDATE mall_tender SET amount_fen = amount_fen + 1 WHERE position = 0")

    assert caught() == {"order.tenders"}


def test_a_line_paid_with_what_another_was_allocated(sale):
    plant(
        "UPDATE mall_tenderallocation a SET amount_fen = a.amount_fen"
        " + CASE l.position WHEN 0 THEN 1 ELSE -1 END"
        " FROM mall_orderline l, mall_tender t"
        " WHERE l.id = a.line_id AND t.id = a.tender_id AND t.position = 0"
    )

    assert caught() == {"order.lines_tendered"}


def test_a_paid_order_whose_money_goes_back_unasked(sale, now):
    stray_refund(sale.order.payments.get(), now=now)

    assert caught() == {"order.captured"}


def stray_refund(payment: Payment, *, now, amount_fen: int = 1) -> Refund:
    """A refund of no tender, with the event it would have."""
    refund = Refund.objects.create(
        no=f"RFSTRAY{payment.pk}",
        order=payment.order,
        operator=payment.operator,
        payment=payment,
        amount_fen=amount_fen,
        state="approved",
        reason="",
        created_at=now,
    )
    event = RefundChanged(subject_id=refund.pk, order_id=payment.order_id, to_state="approved")
    record([event], actor=SYSTEM, now=now)
    return refund


# Payments


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


# Pickups


def test_a_parcel_of_an_order_that_is_not_completed(sale, now):
    hand_over_silently(now)

    assert caught() == {"pickup.of_paid_order"}


def hand_over_silently(now) -> None:
    plant(
        "UPDATE stores_pickup SET state = 'collected', ready_at = %s, expires_at = %s,"
        " collected_at = %s, collected_by_id = %s",
        *[now] * 3,
        make_user().pk,
    )


def test_a_parcel_handed_over_during_an_after_sale(sale, now):
    # the states of order and after-sale are changed without their events, which is caught too
    plant(
        "UPDATE mall_aftersale SET state = 'requested', decided_at = NULL, created_at = %s",
        now - timedelta(minutes=1),
    )
    plant("UPDATE mall_order SET state = 'completed', completed_at = %s", now)
    hand_over_silently(now)

    assert caught() == {"pickup.of_paid_order", "order.history", "after_sale.history"}


# Histories


@pytest.mark.parametrize(
    ("code", "sql"),
    [
        ("order.history", "UPDATE mall_order SET state = 'completed', completed_at = now()"),
        ("payment.history", "UPDATE mall_payment SET state = 'failed' WHERE state = 'created'"),
        (
            "refund.history",
            "UPDATE mall_refund SET state = 'failed', done_at = NULL WHERE payment_id IS NULL",
        ),
        ("after_sale.history", "UPDATE mall_aftersale SET state = 'refused'"),
        ("fulfilment.history", "UPDATE mall_fulfilment SET state = 'collected'"),
    ],
)
def test_a_state_without_its_event(sale, waiting, code, sql):
    # given that unpaid orders stay out of it
    if code == "order.history":
        sql += " WHERE state = 'paid'"

    plant(sql)

    assert caught() == {code}


@pytest.mark.parametrize(
    "sql",
    [
        # a step that the machine does not have
        "UPDATE kernel_event SET from_state = 'closed' WHERE to_state = 'paid'",
        # a gap
        "UPDATE kernel_event SET to_state = 'completed' WHERE subject_type = 'order'"
        " AND to_state = 'placed'",
        # an end that is not where the order is
        "UPDATE kernel_event SET to_state = 'expired' WHERE subject_type = 'order'"
        " AND to_state = 'paid'",
        # no beginning
        "UPDATE kernel_event SET from_state = 'placed' WHERE subject_type = 'order'"
        " AND to_state = 'placed'",
        # nothing at all
        "UPDATE kernel_event SET subject_id = 0 WHERE subject_type = 'order'",
    ],
)
def test_a_history_that_is_no_path(sale, sql):
    plant(sql)

    assert caught() == {"order.history"}


def test_a_jump_over_a_state(sale):
    # placed → completed, at both ends as it should be
    plant("UPDATE mall_order SET state = 'completed', completed_at = now()")
    plant(
        "UPDATE kernel_event SET to_state = 'completed' WHERE subject_type = 'order'"
        " AND to_state = 'paid'"
    )

    assert caught() == {"order.history"}


# Kernel


def test_an_event_that_nobody_delivers(sale, now):
    plant(
        "UPDATE kernel_event SET relayed_at = NULL, occurred_at = %s WHERE id = %s",
        now - timedelta(minutes=61),
        Event.objects.latest("pk").pk,
    )

    assert caught() == {"events.stuck"}


def test_an_event_that_waits_a_while_is_no_finding(sale, now):
    plant(
        "UPDATE kernel_event SET relayed_at = NULL, occurred_at = %s",
        now - timedelta(minutes=58),
    )

    assert caught() == set()


def test_an_event_that_a_consumer_applied_twice(sale):
    plant(
        "INSERT INTO kernel_eventdelivery (event_id, consumer, delivered_at)"
        " SELECT event_id, consumer, delivered_at FROM kernel_eventdelivery LIMIT 1",
        drop="kernel_eventdelivery_once",
    )

    assert caught() == {"events.applied_once"}


def answer(now, *, status: int = 201, body: str = "{}") -> IdempotencyKey:
    return IdempotencyKey(
        caller="user:1",
        endpoint="/api/v1/orders",
        key="key-00000001",
        request_hash="",
        status=status,
        body=body,
        created_at=now,
    )


def test_two_answers_to_one_key(now):
    answer(now).save()
    assert caught() == set()

    plant(
        "INSERT INTO kernel_idempotencykey (caller, endpoint, key, request_hash, status, body,"
        " created_at) SELECT caller, endpoint, key, request_hash, status, body, created_at"
        " FROM kernel_idempotencykey",
        drop="kernel_idempotencykey_once",
    )

    assert caught() == {"idempotency.one_answer"}


@pytest.mark.parametrize(("status", "body"), [(0, "{}"), (201, "")])
def test_a_key_left_in_progress(now, status, body):
    answer(now, status=status, body=body).save()

    assert caught() == {"idempotency.one_answer"}


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
