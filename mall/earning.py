"""What sales are worth to their members now: targets for points and for growth."""

from collections import defaultdict
from collections.abc import Collection
from typing import Any

from django.db.models import F, Sum

from mall.models import Adjustment, Order, OrderLine, PosTender, PosTicket, TenderAllocation
from mall.selectors.shelves import category_shelves
from mall.states import DiscountKind, LineKind, TenderKind
from members.points_rules import PointsLine
from members.services.points_settle import PointsTarget

# What conditions call a sale at a till; an order's channel is its own.
TILL = "pos"


def order_targets(order_ids: Collection[int]) -> list[PointsTarget]:
    """Paid orders by what is left of their goods, with the facts that earning rules ask for.
    Cards and top-ups earn nothing: what is bought with them does. What points paid is neither
    money nor growth. Five statements, by any number of orders."""
    lines = OrderLine.objects.filter(order_id__in=order_ids, kind=LineKind.GOODS)
    of_line = {"line__order_id__in": order_ids, "line__kind": LineKind.GOODS}
    left: dict[str, dict[int, int]] = {TenderKind.CARD_BONUS: {}, TenderKind.POINTS: {}}
    for kind, line_id, fen in (
        TenderAllocation.objects.filter(**of_line, tender__kind__in=left)
        .values_list("tender__kind", "line_id")
        .annotate(left=Sum(F("amount_fen") - F("refunded_fen")))
    ):
        left[kind][line_id] = fen
    bonus, by_points = left[TenderKind.CARD_BONUS], left[TenderKind.POINTS]
    campaigns: dict[int, set[str]] = defaultdict(set)
    promotions = Adjustment.objects.filter(**of_line, kind=DiscountKind.PROMOTION)
    for line_id, reference in promotions.values_list("line_id", "reference"):
        campaigns[line_id].add(reference)
    shelves = category_shelves()
    parts: dict[int, list[PointsLine]] = defaultdict(list)
    for row in lines.order_by("order_id", "position").values(*_LINE):
        facts = {
            "sku": row["sku__code"],
            "product": row["sku__product__code"],
            "brand": row["sku__product__brand__code"],
            "category": shelves.get(row["sku__product__category_id"], set()),
            "store": row["order__store__code"],
            "operator": row["order__operator__code"],
            "channel": row["order__channel"],
            "campaign": campaigns[row["pk"]],
        }
        line = PointsLine(
            key=str(row["position"]),
            base_fen=row["net_fen"] - row["refunded_fen"] - by_points.get(row["pk"], 0),
            card_bonus_fen=bonus.get(row["pk"], 0),
            facts=facts,
        )
        parts[row["order_id"]].append(line)
    orders = Order.objects.filter(pk__in=parts, paid_at__isnull=False).order_by("pk")
    return [
        _target(member_id, member_no, no, parts[pk], paid_at)
        for pk, no, member_id, member_no, paid_at in orders.values_list(
            "pk", "no", "member_id", "member__no", "paid_at"
        )
    ]


def ticket_targets(ticket_ids: Collection[int]) -> list[PointsTarget]:
    """Tickets of tills by what is left of them, whatever paid it. What a till sold is its own to
    know: the facts are those of the whole ticket. Two statements."""
    bonus = dict(
        PosTender.objects.filter(ticket_id__in=ticket_ids, kind=TenderKind.CARD_BONUS)
        .values_list("ticket_id")
        .annotate(left=Sum(F("amount_fen") - F("refunded_fen")))
    )
    tickets = PosTicket.objects.filter(
        pk__in=ticket_ids, paid_at__isnull=False, member__isnull=False
    ).select_related("member", "store", "operator")
    targets = []
    for ticket in tickets.order_by("pk"):
        assert ticket.member is not None  # as filtered
        line = PointsLine(
            key="",
            base_fen=ticket.total_fen - ticket.refunded_fen - ticket.other_refunded_fen,
            card_bonus_fen=bonus.get(ticket.pk, 0),
            facts={
                "store": ticket.store.code,
                "operator": ticket.operator.code,
                "channel": TILL,
            },
        )
        targets.append(
            _target(ticket.member.pk, ticket.member.no, ticket.no, [line], ticket.paid_at)
        )
    return targets


_LINE = (
    "pk",
    "order_id",
    "position",
    "net_fen",
    "refunded_fen",
    "sku__code",
    "sku__product__code",
    "sku__product__brand__code",
    "sku__product__category_id",
    "order__store__code",
    "order__operator__code",
    "order__channel",
)


def _target(
    member_id: int, member_no: str, no: str, lines: list[PointsLine], paid_at: Any
) -> PointsTarget:
    return PointsTarget(
        member_id=member_id,
        member_no=member_no,
        reference=no,
        base_fen=sum(line.base_fen for line in lines),
        moment=paid_at,
        lines=lines,
    )
