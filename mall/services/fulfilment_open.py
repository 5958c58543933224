"""Paid goods get a parcel: the pickup at the store and the fulfilment that knows it."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction
from django.db.models import Exists, OuterRef

from config.kernel.actors import SYSTEM
from config.kernel.events import record
from mall.events import FulfilmentChanged
from mall.locks import orders_lock
from mall.models import AfterSale, Fulfilment, Order, OrderLine
from mall.states import AfterSaleState, FulfilmentState, LineKind, OrderState
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
            .values_list("pk", "no", "store_id", "member__phone", Exists(asked))
        )
        rows = list(orders)
        if not rows:
            return 0
        pickups = pickups_open(
            [PickupDraft(no, store_id, (phone or "")[-4:]) for _pk, no, store_id, phone, _ in rows],
            actor=SYSTEM,
            now=now,
        )
        made = Fulfilment.objects.bulk_create(
            Fulfilment(
                order_id=pk,
                kind="pickup",
                store_id=store_id,
                state=FulfilmentState.PENDING,
                pickup_no=pickups[no].no,
                created_at=now,
                updated_at=now,
            )
            for pk, no, store_id, _phone, _asked in rows
        )
        record(
            [
                FulfilmentChanged(subject_id=x.pk, order_id=x.order_id, to_state=x.state)
                for x in made
            ],
            actor=SYSTEM,
            now=now,
        )
        for _pk, no, _store, _phone, is_asked in rows:
            if is_asked:
                pickup_hold(pickup_id=pickups[no].pk, actor=SYSTEM, now=now)
    return len(rows)
