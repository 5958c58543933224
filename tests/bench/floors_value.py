"""Floors of what members own: the least that a top-up, a card payment at a till, a wallet and a
page of a statement must read and write, as a Django shop is written. No login, no validation, no
signature, no idempotency, no rules."""

import json

from django.db import transaction
from django.db.models import F, Q, Sum
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt

from config.kernel.models import Event
from config.kernel.numbers import new_no
from coupons.models import Coupon
from mall.models import (
    Notification,
    Order,
    OrderLine,
    Payment,
    PosTender,
    PosTicket,
    Tender,
)
from members.models import Card, CardLot, Member, PointLot
from stores.models import Account, Transfer

PAGE = 100


@csrf_exempt
def topup(request: HttpRequest) -> JsonResponse:
    """An order, its payment, the callback that is kept, and the lot that it makes."""
    data = json.loads(request.body)
    now, no, amount = timezone.now(), new_no("SO"), data["amount"]
    with transaction.atomic():
        order = Order.objects.create(
            no=no,
            member_id=data["member"],
            operator_id=data["operator"],
            store_id=data["store"],
            channel="mini_program",
            state="placed",
            gross_fen=amount,
            total_fen=amount,
            placed_at=now,
            expires_at=now,
        )
        OrderLine.objects.create(
            order=order,
            position=0,
            kind="topup",
            card_id=data["card"],
            card_product_id=data["product"],
            title=data["title"],
            quantity=1,
            unit_price_fen=amount,
            gross_fen=amount,
            net_fen=amount,
        )
        Tender.objects.create(order=order, position=0, kind="wechat", amount_fen=amount)
        Payment.objects.create(
            no=new_no("PY"),
            order=order,
            operator_id=data["operator"],
            mchid=data["mchid"],
            appid="floor",
            payer_openid="floor",
            amount_fen=amount,
            state="created",
            created_at=now,
            expires_at=now,
        )
    with transaction.atomic():
        Notification.objects.create(
            gateway_id=no, mchid=data["mchid"], event_type="floor", received_at=now, applied_at=now
        )
        Payment.objects.filter(order=order).update(
            state="captured", transaction_id=no, captured_at=now
        )
        Order.objects.filter(pk=order.pk).update(state="completed", paid_at=now, completed_at=now)
        principal, bonus = Account.objects.bulk_create(
            [
                Account(code=f"floor.p:{no}", operator_id=data["operator"], guarded=True),
                Account(code=f"floor.b:{no}", operator_id=data["operator"], guarded=True),
            ]
        )
        CardLot.objects.create(
            card_id=data["card"],
            principal=principal,
            bonus=bonus,
            reference=no,
            key=no,
            limit_fen=500_000,
            created_at=now,
        )
        Account.objects.filter(pk=principal.pk).update(balance=F("balance") + amount)
        Transfer.objects.create(
            debit_id=data["wechat"],
            credit=principal,
            amount=amount,
            code="card.topup",
            key=no,
            reference=no,
            occurred_at=now,
        )
        _event(order.pk, data["member"], now)
    return JsonResponse({"no": no}, status=201)


@csrf_exempt
def till(request: HttpRequest) -> JsonResponse:
    """A ticket that principal and bonus of one lot pay."""
    data = json.loads(request.body)
    now, no = timezone.now(), new_no("PT")
    with transaction.atomic():
        lots = CardLot.objects.select_related("card", "principal", "bonus")
        lot, *_newer = lots.filter(card=data["card"]).order_by("pk")
        parts = [(lot.principal, data["amount"] * 10 // 11), (lot.bonus, data["amount"] // 11)]
        ticket = PosTicket.objects.create(
            no=no,
            terminal_id=data["terminal"],
            ticket_no=no,
            store_id=data["store"],
            operator_id=data["operator"],
            member_id=data["member"],
            state="paid",
            total_fen=data["amount"],
            card_fen=data["amount"],
            created_at=now,
            paid_at=now,
        )
        PosTender.objects.bulk_create(
            PosTender(
                ticket=ticket,
                position=i,
                kind=("card_principal", "card_bonus")[i],
                account=account,
                card_no=lot.card.no,
                amount_fen=amount,
            )
            for i, (account, amount) in enumerate(parts)
        )
        for account, amount in parts:
            Account.objects.filter(pk=account.pk, balance__gte=F("held") + amount).update(
                balance=F("balance") - amount
            )
        Transfer.objects.bulk_create(
            Transfer(
                debit=account,
                credit_id=data["sales"],
                amount=amount,
                code="card.spend",
                key=f"{no}:{account.pk}",
                reference=no,
                occurred_at=now,
            )
            for account, amount in parts
        )
        _event(ticket.pk, data["member"], now)
    return JsonResponse({"no": no}, status=201)


def wallet(request: HttpRequest) -> JsonResponse:
    """Cards with their lots, points, tier and how many coupons."""
    member_id = int(request.GET["member"])
    member = Member.objects.select_related("tier").get(pk=member_id)
    cards = Card.objects.filter(member=member).values(
        "no", "state", "product__name", "operator__name", "issued_at", "expires_at"
    )
    lots = CardLot.objects.filter(card__member=member).values(
        "card__no", "created_at", "principal__balance", "bonus__balance", "principal__held"
    )
    points = PointLot.objects.filter(member=member).aggregate(n=Sum("remaining_points"))
    coupons = Coupon.objects.filter(member_id=member_id, state="claimed").count()
    return JsonResponse(
        {
            "cards": list(cards),
            "lots": list(lots),
            "points": points["n"] or 0,
            "growth": member.growth,
            "coupons": coupons,
        }
    )


def statement(request: HttpRequest) -> JsonResponse:
    """The newest hundred lines of a card, and what it holds."""
    accounts = [int(pk) for pk in request.GET["accounts"].split(",")]
    rows = Transfer.objects.filter(Q(debit__in=accounts) | Q(credit__in=accounts))
    fields = ("occurred_at", "code", "amount", "reference", "debit_id")
    held = Account.objects.filter(pk__in=accounts).aggregate(n=Sum("balance"))
    return JsonResponse(
        {"balance": held["n"], "lines": list(rows.order_by("-pk").values(*fields)[:PAGE])}
    )


def _event(subject_id: int, member_id: int, now) -> None:
    Event.objects.create(
        kind="floor.value",
        subject_type="floor",
        subject_id=subject_id,
        to_state="paid",
        actor_kind="member",
        actor_id=str(member_id),
        occurred_at=now,
        relayed_at=now,
    )
