"""The audit lines of stock and orders see what is planted."""

import pytest

from tests.mall.services.audit.planted import CODES, caught, plant, stray_refund

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


def test_a_healthy_world_is_clean(sale, waiting):
    assert len(CODES) == 40
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
