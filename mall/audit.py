"""Audit lines of the mall: stock, orders, payments, refunds. Numbers are those of the rules."""

from config.kernel.audit import Line, register, state_chain
from mall.states import (
    AFTER_SALE_MACHINE,
    FULFILMENT_MACHINE,
    ORDER_MACHINE,
    PAYMENT_MACHINE,
    REFUND_MACHINE,
)

register(
    Line(
        7,
        "stock.movements",
        "on hand is the sum of its movements and not negative",
        """
        SELECT s.id, s.on_hand, coalesce(sum(m.delta), 0) AS moved
        FROM mall_stock s LEFT JOIN mall_stockmovement m ON m.stock_id = s.id
        GROUP BY s.id HAVING s.on_hand <> coalesce(sum(m.delta), 0) OR s.on_hand < 0
        """,
    ),
    Line(
        8,
        "stock.reserved",
        "reserved is the sum of open reservations and within on hand",
        """
        SELECT s.id, s.on_hand, s.reserved, coalesce(sum(r.quantity), 0) AS open
        FROM mall_stock s LEFT JOIN mall_reservation r ON r.stock_id = s.id AND r.state = 'open'
        GROUP BY s.id
        HAVING s.reserved <> coalesce(sum(r.quantity), 0) OR s.reserved > s.on_hand
        """,
    ),
    Line(
        8,
        "stock.reservation_ends",
        "a reservation is open exactly while its order waits to be paid",
        """
        SELECT r.id, r.state, o.no, o.state AS order_state FROM mall_reservation r
        JOIN mall_orderline l ON l.id = r.line_id JOIN mall_order o ON o.id = l.order_id
        WHERE (r.state = 'open') <> (o.state = 'placed')
          OR (r.state = 'sold') <> (o.paid_at IS NOT NULL)
        """,
    ),
    Line(
        9,
        "stock.sold",
        "every paid goods line has one sale movement of its quantity, at its order's store",
        """
        SELECT l.id, l.quantity, m.delta FROM mall_orderline l
        JOIN mall_order o ON o.id = l.order_id
        LEFT JOIN mall_stockmovement m ON m.key = 'sale:' || l.id
        LEFT JOIN mall_stock s ON s.id = m.stock_id
        WHERE l.kind = 'goods' AND (
          (o.paid_at IS NOT NULL AND (m.id IS NULL OR m.delta <> -l.quantity
            OR s.sku_id <> l.sku_id OR s.store_id <> o.store_id))
          OR (o.paid_at IS NULL AND m.id IS NOT NULL))
        """,
    ),
    Line(
        9,
        "stock.returned",
        "pieces put back never exceed the pieces refunded of a line",
        """
        SELECT l.id, l.refunded_quantity, sum(m.delta) AS back FROM mall_orderline l
        JOIN mall_aftersaleline x ON x.line_id = l.id
        JOIN mall_aftersale a ON a.id = x.after_sale_id
        JOIN mall_stockmovement m ON m.key = 'return:' || a.no || ':' || l.id
        GROUP BY l.id HAVING sum(m.delta) > l.refunded_quantity
        """,
    ),
    Line(
        10,
        "order.adds_up",
        "an order's totals are the sums of its lines",
        """
        SELECT o.no, o.gross_fen, o.discount_fen, o.total_fen, sum(l.net_fen) AS net
        FROM mall_order o LEFT JOIN mall_orderline l ON l.order_id = o.id GROUP BY o.id
        HAVING o.gross_fen + o.freight_fen IS DISTINCT FROM sum(l.gross_fen)
          OR o.freight_fen <> coalesce(sum(l.gross_fen) FILTER (WHERE l.kind = 'freight'), 0)
          OR o.discount_fen IS DISTINCT FROM sum(l.discount_fen)
          OR o.total_fen <> o.gross_fen - o.discount_fen + o.freight_fen
          OR o.total_fen <> sum(l.net_fen)
        """,
    ),
    Line(
        10,
        "order.discounts_allocated",
        "every line's discount is the sum of its adjustments",
        """
        SELECT l.id, l.discount_fen, coalesce(sum(a.amount_fen), 0) AS adjusted
        FROM mall_orderline l LEFT JOIN mall_adjustment a ON a.line_id = l.id
        GROUP BY l.id HAVING l.discount_fen <> coalesce(sum(a.amount_fen), 0) OR l.net_fen < 0
        """,
    ),
    Line(
        11,
        "order.snapshot",
        "prices and discounts are those of the quote kept with the order",
        """
        SELECT o.no, l.position FROM mall_orderline l JOIN mall_order o ON o.id = l.order_id
        LEFT JOIN LATERAL (SELECT s.value AS q FROM jsonb_array_elements(o.snapshot->'lines') s
          WHERE (s.value->>'position')::int = l.position) s ON true
        WHERE s.q IS NULL OR (s.q->>'unit_price_fen')::int <> l.unit_price_fen
          OR (s.q->>'net_fen')::int <> l.net_fen
        """,
    ),
    Line(
        12,
        "order.tenders",
        "the tenders of an order add up to its total, and their allocations to them and the lines",
        """
        SELECT o.no, o.total_fen, t.amount, a.amount AS allocated FROM mall_order o
        LEFT JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0) AS amount FROM mall_tender
          WHERE order_id = o.id) t ON true
        LEFT JOIN LATERAL (SELECT coalesce(sum(x.amount_fen), 0) AS amount
          FROM mall_tenderallocation x JOIN mall_tender y ON y.id = x.tender_id
          WHERE y.order_id = o.id) a ON true
        WHERE t.amount <> o.total_fen OR a.amount <> o.total_fen
        """,
    ),
    Line(
        12,
        "order.lines_tendered",
        "each line's net is what its tender allocations say",
        """
        SELECT l.id, l.net_fen, coalesce(sum(a.amount_fen), 0) AS allocated
        FROM mall_orderline l LEFT JOIN mall_tenderallocation a ON a.line_id = l.id
        GROUP BY l.id HAVING l.net_fen <> coalesce(sum(a.amount_fen), 0)
        """,
    ),
    Line(
        12,
        "order.captured",
        "a paid order's gateway part was captured; one that ended gives back what was captured",
        """
        SELECT o.no, o.state, w.asked, p.captured, r.back FROM mall_order o
        LEFT JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0) AS asked FROM mall_tender
          WHERE order_id = o.id AND kind = 'wechat') w ON true
        LEFT JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0) AS captured FROM mall_payment
          WHERE order_id = o.id AND state = 'captured') p ON true
        LEFT JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0) AS back FROM mall_refund
          WHERE order_id = o.id AND payment_id IS NOT NULL AND cause <> 'payback') r ON true
        WHERE (o.state IN ('paid', 'completed', 'closed') AND p.captured - w.asked <> (
            SELECT coalesce(sum(amount_fen), 0) FROM mall_refund
            WHERE order_id = o.id AND tender_id IS NULL AND cause <> 'payback'))
          OR (o.state IN ('cancelled', 'expired') AND p.captured <> r.back)
        """,
    ),
    Line(
        13,
        "payment.once",
        "a gateway transaction pays one payment",
        """
        SELECT transaction_id, count(*) FROM mall_payment WHERE transaction_id IS NOT NULL
        GROUP BY transaction_id HAVING count(*) > 1
        """,
    ),
    Line(
        13,
        "payment.matches",
        "what the gateway said of a captured payment is what was asked for",
        """
        SELECT n.gateway_id, p.no, p.amount_fen, n.resource->'amount' AS said
        FROM mall_notification n JOIN mall_payment p ON p.no = n.resource->>'out_trade_no'
        WHERE n.event_type LIKE 'TRANSACTION.%' AND n.outcome IN ('paid', 'late: refunded') AND (
          n.mchid <> p.mchid OR (n.resource->'amount'->>'total')::int <> p.amount_fen
          OR coalesce(n.resource->'amount'->>'currency', 'CNY') <> 'CNY'
          OR n.resource->>'transaction_id' IS DISTINCT FROM p.transaction_id)
        """,
    ),
    Line(
        13,
        "payment.booked",
        "money booked at each merchant is what was captured less what was refunded",
        """
        WITH booked AS (
          SELECT a.id, substr(a.code, 8) AS mchid,
            (SELECT coalesce(sum(amount), 0) FROM stores_transfer WHERE debit_id = a.id)
            - (SELECT coalesce(sum(amount), 0) FROM stores_transfer WHERE credit_id = a.id)
            AS money
          FROM stores_account a WHERE a.code LIKE 'wechat:%'
        ), said AS (
          SELECT mchid, sum(amount) AS money FROM (
            SELECT mchid, amount_fen AS amount FROM mall_payment WHERE state = 'captured'
            UNION ALL
            SELECT p.mchid, -r.amount_fen FROM mall_refund r
            JOIN mall_payment p ON p.id = r.payment_id WHERE r.state = 'done') x GROUP BY mchid
        )
        SELECT coalesce(b.mchid, s.mchid) AS mchid, b.money AS booked, s.money AS said
        FROM booked b FULL JOIN said s ON s.mchid = b.mchid
        WHERE coalesce(b.money, 0) <> coalesce(s.money, 0)
        """,
    ),
    Line(
        14,
        "refund.within_payment",
        "refunds, those in flight included, stay within what a payment captured",
        """
        SELECT p.no, p.amount_fen, sum(r.amount_fen) AS back FROM mall_payment p
        JOIN mall_refund r ON r.payment_id = p.id GROUP BY p.id
        HAVING sum(r.amount_fen) > p.amount_fen OR p.state <> 'captured'
        """,
    ),
    Line(
        14,
        "refund.lines",
        "what was refunded of a line is its refunds' allocations and, of goods, its share by units",
        """
        SELECT l.id, l.net_fen, l.refunded_fen, l.refunded_quantity, coalesce(sum(a.amount_fen), 0)
        FROM mall_orderline l LEFT JOIN mall_refundallocation a ON a.line_id = l.id
        GROUP BY l.id
        HAVING l.refunded_fen <> coalesce(sum(a.amount_fen), 0)
          OR (l.kind <> 'membership'
            AND l.refunded_fen <> l.net_fen::bigint * l.refunded_quantity / l.quantity)
          OR l.refunded_fen > l.net_fen OR l.refunded_quantity > l.quantity
        """,
    ),
    Line(
        14,
        "refund.tenders",
        "a refund returns to the tender it came from, within its amount",
        """
        SELECT t.id, t.amount_fen, r.back, a.back AS allocated FROM mall_tender t
        LEFT JOIN LATERAL (SELECT coalesce(sum(amount_fen), 0) AS back FROM mall_refund
          WHERE tender_id = t.id) r ON true
        LEFT JOIN LATERAL (SELECT coalesce(sum(refunded_fen), 0) AS back
          FROM mall_tenderallocation WHERE tender_id = t.id) a ON true
        WHERE r.back <> a.back OR r.back > t.amount_fen
        """,
    ),
    Line(
        14,
        "refund.restored",
        "stored value given back by refunds is in the ledger, lot by lot",
        """
        WITH back AS (
          SELECT t.account_id, o.no, sum(r.amount_fen) AS amount FROM mall_refund r
          JOIN mall_tender t ON t.id = r.tender_id JOIN mall_order o ON o.id = r.order_id
          WHERE t.account_id IS NOT NULL GROUP BY 1, 2
          UNION ALL
          SELECT t.account_id, p.no, sum(l.amount_fen) FROM mall_posrefundline l
          JOIN mall_postender t ON t.id = l.tender_id JOIN mall_posticket p ON p.id = t.ticket_id
          GROUP BY 1, 2
        ), booked AS (
          SELECT credit_id AS account_id, reference AS no, sum(amount) AS amount
          FROM stores_transfer WHERE code = 'card.refund' GROUP BY 1, 2
        )
        SELECT coalesce(b.account_id, k.account_id) AS account, b.amount AS refunded,
          k.amount AS booked
        FROM back b FULL JOIN booked k ON k.account_id = b.account_id AND k.no = b.no
        WHERE b.amount IS DISTINCT FROM k.amount
        """,
    ),
    Line(
        25,
        "pickup.of_paid_order",
        "what was handed over belongs to a completed order and had no undecided after-sale",
        """
        SELECT p.no, o.no AS order_no, o.state FROM stores_pickup p
        JOIN mall_order o ON o.no = p.order_no
        WHERE p.state = 'collected' AND (o.state NOT IN ('completed', 'closed')
          OR EXISTS (SELECT FROM mall_aftersale a WHERE a.order_id = o.id
            AND a.created_at < p.collected_at
            AND (a.decided_at IS NULL OR a.decided_at > p.collected_at)))
        """,
    ),
    state_chain(
        "order.history",
        "an order's history is an allowed path to its state",
        subject_type="order",
        table="mall_order",
        machine=ORDER_MACHINE,
    ),
    state_chain(
        "payment.history",
        "a payment's history is an allowed path to its state",
        subject_type="payment",
        table="mall_payment",
        machine=PAYMENT_MACHINE,
    ),
    state_chain(
        "refund.history",
        "a refund's history is an allowed path to its state",
        subject_type="refund",
        table="mall_refund",
        machine=REFUND_MACHINE,
    ),
    state_chain(
        "after_sale.history",
        "an after-sale's history is an allowed path to its state",
        subject_type="after_sale",
        table="mall_aftersale",
        machine=AFTER_SALE_MACHINE,
    ),
    state_chain(
        "fulfilment.history",
        "a fulfilment's history is an allowed path to its state",
        subject_type="fulfilment",
        table="mall_fulfilment",
        machine=FULFILMENT_MACHINE,
    ),
)
