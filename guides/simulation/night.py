"""What happens without people: the relay, the clock's own work, stock that is filled up."""

import csv
import tempfile
from datetime import datetime
from pathlib import Path

from config.kernel.actors import SYSTEM
from config.kernel.relay import relay_once
from coupons.guards import coupon_expire
from coupons.services.coupon_gift import coupon_gifts_expire
from coupons.services.slots_keep import slots_keep
from guides.simulation.agenda import Agenda
from mall.models import Stock
from mall.services.order_close import orders_close
from mall.services.order_end import orders_expire
from mall.services.stock_import import stock_import
from members.services.card_alerts import card_alerts_find
from members.services.card_gift import card_gift_expire
from members.services.card_hold_expire import card_hold_expire
from members.services.points_expire import points_expire, points_hold_expire
from members.services.tier_review import tiers_review
from stores.services.ledger_seal import ledger_seal

# A shop that has fewer pieces of an article than this gets a delivery up to its shelf's size.
_FEW = 9
# Small enough that all processes share what waits.
_RELAY_BATCH = 60


def relay(*, now: datetime) -> None:
    """Deliver what waits, reactions to reactions included."""
    while relay_once(now=now, limit=_RELAY_BATCH):
        pass


def small_hours(*, now: datetime) -> None:
    """After the last visitor: what has run out ends, and the books of the day are sealed."""
    orders_expire(now=now)
    while orders_close(now=now):
        pass
    while coupon_gifts_expire(actor=SYSTEM, now=now):
        pass
    while coupon_expire(now=now):
        pass
    slots_keep(now=now)
    while points_expire(now=now):
        pass
    while points_hold_expire(now=now):
        pass
    while card_hold_expire(now=now):
        pass
    while card_gift_expire(actor=SYSTEM, now=now):
        pass
    while tiers_review(now=now):
        pass
    card_alerts_find(now=now)
    relay(now=now)
    ledger_seal(now=now)


def delivery(agenda: Agenda, now: datetime) -> None:
    """Shelves are filled up and counted before the shops open, the way stores do it: a list."""
    weights = {a.sku_id: a.weight for a in agenda.world.articles}
    shops = [shop.pk for shop in agenda.world.shops]
    levels = (
        Stock.objects.filter(store__in=shops, sku__in=weights)
        .order_by("store__code", "sku__code")
        .values_list("store__code", "sku__code", "sku_id", "on_hand", "reserved")
    )
    heaviest = max(weights.values())
    rows = []
    for store, sku, sku_id, on_hand, reserved in levels:
        most = 20 + 60 * weights[sku_id] // heaviest
        if on_hand - reserved < _FEW + most // 3:
            rows.append((store, sku, most + reserved))
    if not rows:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"delivery-{agenda.day:%Y%m%d}-{agenda.world.district}.csv"
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(("store_code", "sku_code", "on_hand"))
            writer.writerows(rows)
        report = stock_import(path=path, actor=SYSTEM, now=now)
    agenda.tally["pieces_delivered"] += report.pieces
