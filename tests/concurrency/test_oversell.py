"""saleor 11069, medusa 16502/16569, vendure 4930: the last pieces are sold to more than one."""

import time
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.db.models import F

from config.kernel.actors import SYSTEM
from mall import guards
from mall.guards import OutOfStock, StockLine
from mall.models import Order, OrderLine, Reservation, Stock
from mall.services import order_place as order_place_module
from mall.services.order_place import order_place
from mall.services.quote import Basket, quote
from tests.concurrency.race import failed, race, succeeded, without_constraint
from tests.factories import make_member, make_product, make_stock, make_store

pytestmark = pytest.mark.django_db(transaction=True)
BUYERS = 12


def _buyers(store, sku, now, quantity=1):
    baskets = [
        Basket(member_id=make_member().pk, store_code=store.code, lines=((sku.code, quantity),))
        for _n in range(BUYERS)
    ]
    version = quote(basket=baskets[0], now=now).document()["version"]

    def buy(basket):
        return lambda: order_place(basket=basket, quote_version=version, actor=SYSTEM, now=now)

    return [buy(b) for b in baskets]


def test_saleor_11069_twelve_buyers_of_five_pieces(now):
    # given
    store = make_store()
    sku = make_product(skus=(9_900,)).skus.get()
    stock = make_stock(store=store, sku=sku, on_hand=5)

    # when
    results = race(_buyers(store, sku, now))

    # then
    assert len(succeeded(results)) == 5
    assert all(isinstance(e, OutOfStock) for e in failed(results))
    stock.refresh_from_db()
    assert (stock.on_hand, stock.reserved) == (5, 5)
    assert Reservation.objects.count() == 5
    assert Order.objects.count() == 5


def _naive_reserve(lines, *, reference, now):
    """What the systems of the field did: look, then write."""
    for line in lines:
        stock = Stock.objects.get(store_id=line.store_id, sku_id=line.sku_id)
        if stock.on_hand - stock.reserved < line.quantity:
            raise OutOfStock(skus=line.sku_code)
        time.sleep(0.05)
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE mall_stock SET reserved = reserved + %s WHERE id = %s",
                [line.quantity, stock.pk],
            )


@pytest.mark.corrupts
def test_saleor_11069_control_without_the_guard_too_many_are_sold(now, monkeypatch):
    # given the guard replaced by look-then-write, and the CHECK behind it gone
    store = make_store()
    sku = make_product(skus=(9_900,)).skus.get()
    stock = make_stock(store=store, sku=sku, on_hand=5)
    monkeypatch.setattr(order_place_module, "stock_reserve", _naive_reserve)

    # when
    with without_constraint("mall_stock", "mall_stock_covers_reserved"):
        results = race(_buyers(store, sku, now))
        stock.refresh_from_db()

    # then the race is there
    assert len(succeeded(results)) > 5
    assert stock.reserved > 5


def _order_with_two_lines(store, sku, now):
    member = make_member()
    order = Order.objects.create(
        no=f"SO{member.pk:014d}",
        member=member,
        operator=store.operator,
        store=store,
        channel="mini_program",
        state="placed",
        gross_fen=0,
        total_fen=0,
        placed_at=now,
        expires_at=now + timedelta(minutes=15),
    )
    return [
        OrderLine.objects.create(
            order=order,
            position=i,
            kind="goods",
            sku=sku,
            title="x",
            quantity=3,
            unit_price_fen=0,
            gross_fen=0,
            net_fen=0,
        )
        for i in range(2)
    ]


@pytest.mark.corrupts
def test_medusa_16502_two_lines_of_one_order_want_their_sum(now):
    # given 5 pieces and two lines of 3
    store = make_store()
    sku = make_product(skus=(9_900,)).skus.get()
    stock = make_stock(store=store, sku=sku, on_hand=5)
    lines = [
        StockLine(line.pk, store.pk, sku.pk, sku.code, 3)
        for line in _order_with_two_lines(store, sku, now)
    ]

    # when / then
    with pytest.raises(OutOfStock), transaction.atomic():
        guards.stock_reserve(lines, reference="SO1", now=now)
    stock.refresh_from_db()
    assert stock.reserved == 0
    assert Reservation.objects.count() == 0


def _reserve_line_by_line(lines, *, reference, now):
    """What medusa did: every line is judged on the stock as it was read, then all are written."""
    stocks = {line.line_id: Stock.objects.get(sku_id=line.sku_id) for line in lines}
    for line in lines:
        found = stocks[line.line_id]
        if found.on_hand - found.reserved < line.quantity:
            raise OutOfStock(skus=line.sku_code)
    for line in lines:
        Stock.objects.filter(sku_id=line.sku_id).update(reserved=F("reserved") + line.quantity)


@pytest.mark.corrupts
def test_medusa_16502_control_line_by_line_promises_what_is_not_there(now):
    # given the same, judged line by line, and the CHECK behind it gone
    store = make_store()
    sku = make_product(skus=(9_900,)).skus.get()
    stock = make_stock(store=store, sku=sku, on_hand=5)
    lines = [
        StockLine(line.pk, store.pk, sku.pk, sku.code, 3)
        for line in _order_with_two_lines(store, sku, now)
    ]

    # when
    with without_constraint("mall_stock", "mall_stock_covers_reserved"):
        _reserve_line_by_line(lines, reference="SO1", now=now)
        stock.refresh_from_db()

    # then six of five pieces are promised
    assert stock.reserved == 6


def test_opposite_orders_of_skus_do_not_deadlock(now):
    # given baskets that list two SKUs in opposite order
    store = make_store()
    skus = [make_product(skus=(1_000,)).skus.get() for _n in range(2)]
    for sku in skus:
        make_stock(store=store, sku=sku, on_hand=100)
    calls = []
    for i in range(BUYERS):
        listed = skus if i % 2 else skus[::-1]
        basket = Basket(
            member_id=make_member().pk,
            store_code=store.code,
            lines=tuple((s.code, 1) for s in listed),
        )
        version = quote(basket=basket, now=now).document()["version"]
        calls.append(
            lambda b=basket, v=version: order_place(
                basket=b, quote_version=v, actor=SYSTEM, now=now
            )
        )

    # when
    results = race(calls)

    # then
    assert len(succeeded(results)) == BUYERS
    assert [s.reserved for s in Stock.objects.order_by("pk")] == [BUYERS, BUYERS]
