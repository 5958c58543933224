"""Bring the commission of orders to where it has to be."""

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from django.db import transaction
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce

from config.kernel.locks import advisory
from config.kernel.models import Event
from guides.attribution import pot_fen, targets
from guides.models import Attribution, CommissionEntry
from guides.services.attribution_freeze import LOCK
from mall.states import OrderState

# A sale that was undone as a whole earns nothing, whatever its lines still say.
EARNING = frozenset({OrderState.PAID, OrderState.COMPLETED, OrderState.CLOSED})


class _Booked(NamedTuple):
    attribution_id: int
    guide_id: int
    line_id: int
    basis_points: int
    rate_bp: int
    order_id: int
    order_state: str
    net_fen: int
    refunded_fen: int
    booked_fen: int
    entries: int


def commission_settle(*, events: Sequence[Event], now: datetime) -> int:
    """Post, per attribution of the events' orders, its target less what is booked already.

    The target is the share of the pot, the pot the plan's rate of the net after refunds. Order
    and repetition of events therefore do not matter. A clawback is an entry of its own. Three
    statements for any number of orders. Returns the number of entries written.
    """
    moments: dict[int, datetime] = {}
    for event in events:
        seen = moments.get(event.subject_id)
        moments[event.subject_id] = max(seen, event.occurred_at) if seen else event.occurred_at
    with transaction.atomic(savepoint=False):
        advisory(LOCK, moments)
        entries = []
        for _line_id, group in groupby(_booked(list(moments)), key=attrgetter("line_id")):
            entries += _differences(list(group), moments)
        CommissionEntry.objects.bulk_create(entries)
        return len(entries)


def _booked(order_ids: list[int]) -> list[_Booked]:
    rows = (
        Attribution.objects.filter(line__order_id__in=order_ids)
        .order_by("line_id", "role")
        .values_list(
            "pk",
            "guide_id",
            "line_id",
            "basis_points",
            "rate_bp",
            "line__order_id",
            "line__order__state",
            "line__net_fen",
            "line__refunded_fen",
            Coalesce(Sum("entries__amount_fen"), 0),
            Count("entries"),
        )
    )
    return [_Booked(*row) for row in rows]


def _differences(line: list[_Booked], moments: dict[int, datetime]) -> list[CommissionEntry]:
    first = line[0]
    base = first.net_fen - first.refunded_fen if first.order_state in EARNING else 0
    pot = pot_fen(base, first.rate_bp)
    wanted = targets(pot, [share.basis_points for share in line])
    return [
        CommissionEntry(
            attribution_id=share.attribution_id,
            guide_id=share.guide_id,
            amount_fen=target - share.booked_fen,
            base_fen=base,
            pot_fen=pot,
            # Numbered per attribution: two settlements that did not see each other collide.
            key=f"{share.attribution_id}:{share.entries + 1}",
            occurred_at=moments[share.order_id],
        )
        for share, target in zip(line, wanted, strict=True)
        if target != share.booked_fen
    ]
