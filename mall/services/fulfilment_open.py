"""Paid goods get a parcel: a pickup at the store and the fulfilment that knows it, or, with an
address, one that is to be sent."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from config.kernel.actors import SYSTEM
from config.kernel.events import record
from mall.events import FulfilmentChanged
from mall.locks import orders_lock
from mall.models import AfterSale, DeliveryAddress, Fulfilment, Order, OrderLine
from mall.states import AfterSaleState, FulfilmentKind, FulfilmentState, LineKind, OrderState
from stores.services.pickup_open import PickupDraft, pickups_open
from stores.services.pickup_prepare import pickup_hold


def fulfilments_open(*, order_ids: Collection[int], now: datetime) -> int:
    """Open a parcel for every order that is paid, has goods and has none; returns how many.

    A repeated call changes nothing. Five statements for any number of orders, and three more
    for each whose after-sale was asked for before there was a parcel to be held.
    """
    with transaction.atomic():
        orders_lock(order_ids)
        of_it = {"order": OuterRef("pk")}
        goods = OrderLine.objects.filter(kind=LineKind.GOODS, **of_it)
        asked = AfterSale.objects.filter(state=AfterSaleState.REQUESTED, **of_it)
        orders = (
            Order.objects.filter(
                Exists(goods),
                ~Exists(Fulfilment.objects.filter(**of_it)),
                pk__in=order_ids,
                state=OrderState.PAID,
            )
            .order_by("pk")
            .annotate(asked=Exists(asked), sent=Exists(DeliveryAddress.objects.filter(**of_it)))
            .values_list("pk", "no", "store_id", "member__phone", "asked", "sent", named=True)
        )
        rows = list(orders)
        if not rows:
            return 0
        collected = [row for row in rows if not row.sent]
        pickups = pickups_open(
            [PickupDraft(x.no, x.store_id, (x.member__phone or "")[-4:]) for x in collected],
            actor=SYSTEM,
            now=now,
        )
        made = Fulfilment.objects.bulk_create(
            Fulfilment(
                order_id=row.pk,
                kind=FulfilmentKind.DELIVERY if row.sent else FulfilmentKind.PICKUP,
                store_id=row.store_id,
                state=FulfilmentState.PENDING,
                pickup_no="" if row.sent else pickups[row.no].no,
                created_at=now,
                updated_at=now,
            )
            for row in rows
        )
        record(
            [
                FulfilmentChanged(subject_id=x.pk, order_id=x.order_id, to_state=x.state)
                for x in made
            ],
            actor=SYSTEM,
            now=now,
        )
        for row in collected:
            if row.asked:
                pickup_hold(pickup_id=pickups[row.no].pk, actor=SYSTEM, now=now)
    return len(rows)
