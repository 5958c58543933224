"""Each line of the mall sees the corruption it is there for, planted into a finished sale."""

import pytest
from django.db import connection

from config.kernel.actors import SYSTEM, Actor
from config.kernel.relay import drain
from config.kernel.wechat.facts import RefundFact
from mall.models import Refund
from mall.services.aftersale import aftersale_approve, aftersale_request
from mall.services.order_handover import order_handover, order_ready
from mall.services.payment_apply import payment_notify
from mall.services.refund_send import refund_apply
from stores.selectors import pickup_of
from stores.services.pickup_token import pickup_token
from tests.factories import (
    make_card,
    make_coupon,
    make_member,
    make_operator,
    make_product,
    make_promotion,
    make_staff,
    make_stock,
    make_store,
    make_template,
)
from tests.factories.orders import notification, open_payment, place_order
from tests.planting import fired, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture
def sale(now):
    """Three units bought with a promotion and a coupon, paid by card and WeChat, handed over, one
    of them given back; and a second order that waits to be paid."""
    operator = make_operator()
    store = make_store(operator=operator)
    clerk = make_staff(store=store)
    member = make_member()
    sku = make_product(skus=(9_999,)).skus.get()
    make_stock(store=store, sku=sku, on_hand=9)
    make_promotion(operator=operator, value=1_001)
    coupon = make_coupon(member, template=make_template(operator=operator, value=2_000))
    make_card(member, operator=operator, principal_fen=10_000, bonus_fen=1_000)
    order = place_order(
        member,
        store=store,
        lines=[(sku, 3)],
        coupons=(coupon.no,),
        use_card=True,
        card_fen=7_000,
        now=now,
    )
    payment = open_payment(order, now=now)
    assert payment_notify(notification=notification(payment), now=now) == "paid"
    drain(now=now)
    order_ready(order_no=order.no, user=clerk, actor=Actor.user(clerk), now=now)
    pickup = pickup_of(order_no=order.no)
    assert pickup is not None
    order_handover(text=pickup_token(pickup), user=clerk, actor=Actor.user(clerk), now=now)
    after_sale = aftersale_request(
        order_no=order.no, lines=[(0, 1)], reason="尺码不合", actor=SYSTEM, now=now
    )
    aftersale_approve(after_sale_no=after_sale.no, reason="可退", actor=SYSTEM, now=now)
    refund = Refund.objects.get(payment=payment)
    fact = RefundFact(
        out_refund_no=refund.no,
        out_trade_no=payment.no,
        refund_id="50000001",
        transaction_id="1",
        status="SUCCESS",
        amount_fen=refund.amount_fen,
        total_fen=payment.amount_fen,
        success_at=now,
        raw={},
    )
    assert refund_apply(fact=fact, now=now) == "done"
    drain(now=now)
    place_order(member, store=store, lines=[(sku, 1)], now=now)
    order.refresh_from_db()
    assert (order.state, order.total_fen) == ("completed", 3 * 9_999 - 1_001 - 2_000)
    assert fired() == []
    return order


PAID = "(SELECT id FROM mall_order WHERE state = 'completed')"
WECHAT = "(SELECT id FROM mall_tender WHERE kind = 'wechat' AND order_id = " + PAID + ")"
PLANTS = [
    # (what fires, table, constraint to drop, SQL)
    ("stock.movements", "mall_stock", "", "UPDATE mall_stock SET on_hand = on_hand + 1"),
    ("stock.reserved", "mall_stock", "", "UPDATE mall_stock SET reserved = reserved + 1"),
    (
        "stock.reserved stock.reservation_ends",
        "mall_reservation",
        "",
        "UPDATE mall_reservation SET state = 'released', ended_at = now() WHERE state = 'open'",
    ),
    (
        "stock.reservation_ends",
        "mall_reservation",
        "",
        "UPDATE mall_reservation SET state = 'released' WHERE state = 'sold'",
    ),
    (
        "stock.sold",
        "mall_stockmovement",
        "",
        "UPDATE mall_stockmovement SET key = 'lost' WHERE kind = 'sale'",
    ),
    (
        "stock.movements stock.returned",
        "mall_stockmovement",
        "",
        "UPDATE mall_stockmovement SET delta = 2 WHERE kind = 'return'",
    ),
    (
        "order.adds_up order.tenders",
        "mall_order",
        "mall_order_adds_up",
        "UPDATE mall_order SET total_fen = total_fen + 1 WHERE id = " + PAID,
    ),
    (
        "order.discounts_allocated",
        "mall_adjustment",
        "",
        "UPDATE mall_adjustment SET amount_fen = amount_fen + 1 WHERE kind = 'promotion'"
        " AND line_id IN (SELECT id FROM mall_orderline WHERE order_id = " + PAID + ")",
    ),
    (
        "order.snapshot",
        "mall_order",
        "",
        "UPDATE mall_order SET snapshot = jsonb_set(snapshot, '{lines,0,unit_price_fen}', '1')"
        " WHERE id = " + PAID,
    ),
    (
        "order.tenders order.captured",
        "mall_tender",
        "",
        "UPDATE mall_tender SET amount_fen = amount_fen + 1 WHERE id = " + WECHAT,
    ),
    (
        "order.tenders order.lines_tendered",
        "mall_tenderallocation",
        "",
        "UPDATE mall_tenderallocation SET amount_fen = amount_fen + 1 WHERE tender_id = " + WECHAT,
    ),
    (
        "order.captured payment.booked payment.history refund.within_payment",
        "mall_payment",
        "",
        "UPDATE mall_payment SET state = 'closed'",
    ),
    (
        "payment.matches",
        "mall_notification",
        "",
        "UPDATE mall_notification"
        " SET resource = jsonb_set(resource, '{amount,currency}', '\"USD\"')",
    ),
    (
        "payment.matches",
        "mall_notification",
        "",
        "UPDATE mall_notification SET mchid = '1900000009'",
    ),
    (
        "payment.booked",
        "stores_transfer",
        "",
        "UPDATE stores_transfer SET credit_id = (SELECT id FROM stores_account"
        " WHERE code LIKE 'sales.wechat:%') , debit_id = (SELECT id FROM stores_account"
        " WHERE code LIKE 'cash:%') WHERE code = 'payment'",
    ),
    (
        "refund.lines",
        "mall_refundallocation",
        "",
        "UPDATE mall_refundallocation SET amount_fen = amount_fen + 1"
        " WHERE refund_id = (SELECT min(id) FROM mall_refund)",
    ),
    (
        "refund.tenders",
        "mall_tenderallocation",
        "",
        "UPDATE mall_tenderallocation SET refunded_fen = refunded_fen + 1"
        " WHERE tender_id = " + WECHAT,
    ),
    (
        "refund.tenders refund.restored",
        "mall_refund",
        "",
        "UPDATE mall_refund SET amount_fen = amount_fen + 1 WHERE payment_id IS NULL",
    ),
    (
        "refund.within_payment refund.tenders payment.booked",
        "mall_refund",
        "",
        "UPDATE mall_refund SET amount_fen = amount_fen + 1000000 WHERE payment_id IS NOT NULL",
    ),
    (
        "pickup.of_paid_order",
        "mall_aftersale",
        "",
        "UPDATE mall_aftersale SET created_at = created_at - interval '1 minute',"
        " decided_at = decided_at + interval '1 minute'",
    ),
    (
        "order.history",
        "kernel_event",
        "",
        "UPDATE kernel_event SET to_state = 'cancelled'"
        " WHERE kind = 'mall.order_completed' AND from_state = 'paid'",
    ),
    (
        "payment.history",
        "kernel_event",
        "",
        "UPDATE kernel_event SET from_state = 'failed' WHERE kind = 'mall.payment_changed'"
        " AND to_state = 'captured'",
    ),
    (
        "refund.history",
        "kernel_event",
        "",
        "UPDATE kernel_event SET from_state = 'requested' WHERE kind = 'mall.refund_done'"
        " AND from_state <> ''",
    ),
    (
        "after_sale.history",
        "kernel_event",
        "",
        "DELETE FROM kernel_event WHERE kind = 'mall.after_sale_changed' AND to_state = 'approved'",
    ),
    (
        "fulfilment.history",
        "kernel_event",
        "",
        "DELETE FROM kernel_event WHERE kind = 'mall.fulfilment_changed' AND to_state = 'pending'",
    ),
]


@pytest.mark.parametrize(
    ("expected", "table", "drop", "sql"), PLANTS, ids=[p[0].replace(" ", "+") for p in PLANTS]
)
def test_a_planted_corruption_is_seen(sale, expected, table, drop, sql):
    plant(sql, table=table, drop=drop)

    assert sorted(fired()) == sorted(expected.split())


def test_a_transaction_that_pays_twice(sale):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'mall_payment'::regclass"
            " AND contype = 'u' AND conname LIKE '%transaction_id%'"
        )
        (unique,) = cursor.fetchone()
    plant(
        "INSERT INTO mall_payment (no, order_id, operator_id, mchid, appid, payer_openid,"
        " amount_fen, state, prepay, transaction_id, created_at, expires_at, captured_at)"
        " SELECT 'twin', order_id, operator_id, mchid, appid, payer_openid, amount_fen, state,"
        " prepay, transaction_id, created_at, expires_at, captured_at FROM mall_payment",
        table="mall_payment",
        drop=unique,
    )

    assert "payment.once" in fired()
