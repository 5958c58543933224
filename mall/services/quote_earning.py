"""The points that a quote would earn if it were paid now: a look ahead, not a promise."""

from datetime import datetime

from mall.services.quote_values import Quote
from mall.states import LineKind, TenderKind
from members.points_rules import PointsLine
from members.services.points_settle import PointsTarget, points_estimate


def points_to_earn(*, priced: Quote, now: datetime) -> int:
    """What the goods of the quote earn by the rules of ``now``: as ``order_targets`` will say of
    the order. Three statements at most."""
    lines = []
    for i, line in enumerate(priced.lines):
        if line.kind != LineKind.GOODS or line.offer is None:
            continue
        discounts = priced.priced.discounts
        facts = priced.offers.facts(line.offer) | {
            "channel": priced.basket.channel,
            "campaign": {
                d.rule.reference for d in discounts if d.amounts[i] and d.rule.kind == "promotion"
            },
        }
        parts = list(zip(priced.tenders, priced.allocations[i], strict=True))
        paid = [fen for tender, fen in parts if not tender.points]
        given = sum(fen for tender, fen in parts if tender.kind == TenderKind.CARD_BONUS)
        lines.append(PointsLine(str(i), sum(paid), given, facts))
    return points_estimate(
        PointsTarget(
            member_id=priced.basket.member_id,
            member_no="",
            reference="",
            base_fen=sum(line.base_fen for line in lines),
            moment=now,
            lines=lines,
        )
    )
