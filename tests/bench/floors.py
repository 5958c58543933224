"""Floors: the same irreducible work as the product's hot paths from a bare Django view.

No login, no validation, no idempotency, no throttling, no pricing: what is left is what any
checkout must read and write (two SKUs, coupon, card, order, lines, tenders, ledger, stock, event).
"""

import json

from django.db import connection, transaction
from django.db.models import F
from django.http import HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from config.kernel.models import Event
from config.kernel.numbers import new_no
from coupons.models import Coupon, Redemption
from mall.models import Order, OrderLine, Product, Sku, Stock, StockMovement, Tender
from stores.models import Account, Transfer


def ping(request) -> HttpResponse:
    return HttpResponse(b"{}", content_type="application/json")


def product_list(request) -> JsonResponse:
    """Twenty products with brand and category: one query of plain values."""
    rows = Product.objects.filter(on_sale=True, archived_at__isnull=True).order_by("-id")
    fields = ("code", "name", "brief", "images", "price_fen", "list_price_fen")
    names = ("brand__code", "brand__name", "category__code", "category__name")
    return JsonResponse({"results": list(rows.values(*fields, *names)[:20])})


@csrf_exempt
def checkout_orm(request) -> JsonResponse:
    """The way a Django shop is written: instances and querysets, about fourteen statements."""
    data = json.loads(request.body)
    now, no = timezone.now(), new_no("SO")
    with transaction.atomic():
        skus = list(Sku.objects.filter(pk__in=data["skus"]).select_related("product"))
        coupon = Coupon.objects.select_related("template").get(pk=data["coupon"])
        gross = sum(sku.price_fen for sku in skus)
        total = gross - coupon.template.value
        bonus = total // 11
        parts = [(data["principal"], total - bonus), (data["bonus"], bonus)]
        order = Order.objects.create(
            no=no,
            member_id=data["member"],
            operator_id=data["operator"],
            store_id=data["store"],
            channel="mini_program",
            state="paid",
            gross_fen=gross,
            discount_fen=coupon.template.value,
            total_fen=total,
            placed_at=now,
            paid_at=now,
            expires_at=now,
        )
        OrderLine.objects.bulk_create(
            OrderLine(
                order=order,
                position=i,
                kind="goods",
                sku=sku,
                title=sku.product.name,
                quantity=1,
                unit_price_fen=sku.price_fen,
                gross_fen=sku.price_fen,
                net_fen=sku.price_fen,
            )
            for i, sku in enumerate(skus)
        )
        Tender.objects.bulk_create(
            Tender(order=order, position=i, kind=kind, amount_fen=amount, account_id=account)
            for i, (kind, (account, amount)) in enumerate(
                zip(("card_principal", "card_bonus"), parts, strict=True)
            )
        )
        Coupon.objects.filter(pk=coupon.pk, state="claimed").update(state="used", used_at=now)
        Redemption.objects.create(
            coupon=coupon,
            channel="mall",
            reference=no,
            amount_fen=coupon.template.value,
            key=f"{no}:{coupon.pk}",
            redeemed_at=now,
        )
        for account, amount in parts:
            Account.objects.filter(pk=account, balance__gte=F("held") + amount).update(
                balance=F("balance") - amount
            )
        Transfer.objects.bulk_create(
            Transfer(
                debit_id=account,
                credit_id=data["sales"],
                amount=amount,
                code="card.spend",
                key=f"{no}:{account}",
                reference=no,
                occurred_at=now,
            )
            for account, amount in parts
        )
        Event.objects.create(
            kind="floor.paid",
            subject_type="floor",
            subject_id=order.pk,
            to_state="paid",
            actor_kind="member",
            occurred_at=now,
            relayed_at=now,
        )
        stocks = Stock.objects.filter(store_id=data["store"], sku_id__in=data["skus"])
        stocks.filter(on_hand__gte=F("reserved") + 1).update(on_hand=F("on_hand") - 1)
        StockMovement.objects.bulk_create(
            StockMovement(stock=s, kind="sale", delta=-1, key=f"{no}:{s.pk}", occurred_at=now)
            for s in stocks
        )
    return JsonResponse({"no": no}, status=201)


# Eleven statements; @x@ is replaced by %(x)s for psycopg and by the parameter for the function.
_STATEMENTS = [
    """SELECT sum(k.price_fen) FROM mall_sku k JOIN mall_product p ON p.id = k.product_id
       WHERE k.id = ANY(@skus@::bigint[])""",
    """UPDATE coupons_coupon SET state = 'used', used_at = @now@::timestamptz
       WHERE id = @coupon@::bigint AND state = 'claimed'""",
    """INSERT INTO mall_order (no, member_id, operator_id, store_id, channel, source_token, state,
         gross_fen, discount_fen, freight_fen, total_fen, snapshot, placed_at, expires_at, paid_at)
       VALUES (@no@::text, @member@::bigint, @operator@::bigint, @store@::bigint, 'mini_program',
         '', 'paid', @gross@::int, @off@::int, 0, @total@::int, '{}', @now@::timestamptz,
         @now@::timestamptz, @now@::timestamptz)""",
    """INSERT INTO mall_orderline (order_id, position, kind, sku_id, title, options, quantity,
         unit_price_fen, gross_fen, discount_fen, net_fen, refunded_quantity, refunded_fen,
         bonus_fen)
       SELECT o.id, row_number() OVER (ORDER BY k.id), 'goods', k.id, p.name, k.options, 1,
         k.price_fen, k.price_fen, 0, k.price_fen, 0, 0, 0
       FROM mall_order o, mall_sku k JOIN mall_product p ON p.id = k.product_id
       WHERE o.no = @no@::text AND k.id = ANY(@skus@::bigint[])""",
    """INSERT INTO mall_tender (order_id, position, kind, amount_fen, account_id, card_no,
         from_topup)
       SELECT o.id, x.position, x.kind, x.amount, x.account, '', false FROM mall_order o,
         (VALUES (0, 'card_principal', @principal_fen@::int, @principal@::bigint),
                 (1, 'card_bonus', @bonus_fen@::int, @bonus@::bigint))
         AS x(position, kind, amount, account) WHERE o.no = @no@::text""",
    """INSERT INTO coupons_redemption (coupon_id, channel, reference, amount_fen, key, redeemed_at)
       VALUES (@coupon@::bigint, 'mall', @no@::text, @off@::int, @no@::text || ':c',
         @now@::timestamptz)""",
    """UPDATE stores_account SET balance = balance - CASE id WHEN @principal@::bigint
         THEN @principal_fen@::int ELSE @bonus_fen@::int END
       WHERE id IN (@principal@::bigint, @bonus@::bigint)""",
    """INSERT INTO stores_transfer (debit_id, credit_id, amount, code, key, reference, occurred_at)
       VALUES (@principal@::bigint, @sales@::bigint, @principal_fen@::int, 'card.spend',
                 @no@::text || ':p', @no@::text, @now@::timestamptz),
              (@bonus@::bigint, @sales@::bigint, @bonus_fen@::int, 'card.spend',
                 @no@::text || ':b', @no@::text, @now@::timestamptz)""",
    """INSERT INTO kernel_event (kind, subject_type, subject_id, from_state, to_state, reason,
         actor_kind, actor_id, payload, occurred_at, relayed_at, attempts, last_error)
       SELECT 'floor.paid', 'floor', id, '', 'paid', '', 'member', '', '{}', @now@::timestamptz,
         @now@::timestamptz, 0, '' FROM mall_order WHERE no = @no@::text""",
    """UPDATE mall_stock SET on_hand = on_hand - 1 WHERE store_id = @store@::bigint
         AND sku_id = ANY(@skus@::bigint[]) AND on_hand - reserved >= 1""",
    """INSERT INTO mall_stockmovement (stock_id, kind, delta, reference, key, occurred_at)
       SELECT id, 'sale', -1, @no@::text, @no@::text || ':' || id, @now@::timestamptz
       FROM mall_stock WHERE store_id = @store@::bigint AND sku_id = ANY(@skus@::bigint[])""",
]


def _for_psycopg(sql: str) -> str:
    return "".join(p if i % 2 == 0 else f"%({p})s" for i, p in enumerate(sql.split("@")))


_SQL = [_for_psycopg(sql) for sql in _STATEMENTS]


def _parameters(data: dict) -> dict:
    total = data["gross"] - data["off"]
    bonus = total // 11
    return {
        **data,
        "no": new_no("SO"),
        "now": timezone.now(),
        "total": total,
        "principal_fen": total - bonus,
        "bonus_fen": bonus,
    }


@csrf_exempt
def checkout_sql(request) -> JsonResponse:
    """Eleven raw statements in one transaction."""
    values = _parameters(json.loads(request.body))
    with transaction.atomic(), connection.cursor() as cursor:
        for sql in _SQL:
            cursor.execute(sql, values)
    return JsonResponse({"no": values["no"]}, status=201)


_ARGUMENTS = (
    "skus bigint[], coupon bigint, member bigint, operator bigint, store bigint, sales bigint,"
    " principal bigint, bonus bigint, principal_fen int, bonus_fen int, gross int, off int,"
    " total int, no text, now timestamptz"
)


def function_sql() -> str:
    """The same statements inside the database: one round trip."""
    body = []
    for sql in _STATEMENTS:
        pieces = sql.split("@")
        text = "".join(p if i % 2 == 0 else f"a_{p}" for i, p in enumerate(pieces))
        body.append(text.replace("SELECT sum", "PERFORM sum", 1))
    arguments = ", ".join(f"a_{a.strip()}" for a in _ARGUMENTS.split(","))
    statements = ";\n".join(body)
    return (
        f"CREATE OR REPLACE FUNCTION floor_checkout({arguments}) RETURNS void"
        f" LANGUAGE plpgsql AS $floor$ BEGIN\n{statements};\nEND $floor$"
    )


@csrf_exempt
def checkout_fn(request) -> JsonResponse:
    """One call of a function that does all of it."""
    values = _parameters(json.loads(request.body))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT floor_checkout(%(skus)s::bigint[], %(coupon)s::bigint, %(member)s::bigint,"
            " %(operator)s::bigint, %(store)s::bigint, %(sales)s::bigint, %(principal)s::bigint,"
            " %(bonus)s::bigint, %(principal_fen)s::int, %(bonus_fen)s::int, %(gross)s::int,"
            " %(off)s::int, %(total)s::int, %(no)s::text, %(now)s::timestamptz)",
            values,
        )
    return JsonResponse({"no": values["no"]}, status=201)
