"""What pays a quote: points, a card, with what the order itself puts on it, and WeChat."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from config.kernel.money import allocate
from mall.offers import Offers
from mall.pricing import allocate_tenders
from mall.services.order_value import ValueLine, consume_of
from mall.services.quote_points import PointsUse
from mall.states import POINT_KINDS, TenderKind
from members.cards import CardPart, LotValue, card_split
from members.selectors import card_lots

if TYPE_CHECKING:
    from mall.services.quote import Basket

# Stands for the lot, and its accounts, that a top-up will be.
_NEW_LOT = 0


@dataclass(frozen=True)
class Tender:
    """``from_topup``: out of what the order itself puts on the card. ``points``: how many pay."""

    kind: str
    amount_fen: int
    part: CardPart | None = None
    from_topup: bool = False
    points: int = 0


def goods_tenders(
    basket: "Basket",
    shelf: Offers,
    goods_fen: int,
    value: ValueLine | None,
    now: datetime,
    points: PointsUse | None = None,
) -> tuple[Tender, ...]:
    """What pays the goods: points, the card, WeChat. A top-up's new lot comes after what its card
    has."""
    tenders = _by_points(points)
    goods_fen -= sum(t.amount_fen for t in tenders)
    if basket.use_card and goods_fen:
        lots = card_lots(
            member_id=basket.member_id,
            card_no=basket.topup_card or basket.card_no or None,
            acceptor_code=shelf.operator_code,
            store_code=shelf.store_code,
        )
        if value is not None:
            lots += _new_lot(basket, shelf, value, now)
        # One card pays one order: its hold is the order's.
        lots = [lot for lot in lots if lot.card_id == lots[0].card_id]
        amount = min(sum(lot.value_fen for lot in lots), goods_fen)
        if basket.card_fen is not None:
            amount = min(amount, basket.card_fen)
        if amount:
            tenders += [
                Tender(p.kind, p.amount_fen, p, from_topup=p.lot_id == _NEW_LOT)
                for p in card_split(lots, amount)
            ]
    rest = goods_fen - sum(t.amount_fen for t in tenders if t.part is not None)
    if rest:
        tenders.append(Tender(TenderKind.WECHAT, rest))
    return tuple(tenders)


def _by_points(points: PointsUse | None) -> list[Tender]:
    tenders = []
    if points is not None and points.points:
        tenders.append(Tender(TenderKind.POINTS, points.amount_fen, points=points.points))
    if points is not None and points.price_points:
        tenders.append(Tender(TenderKind.POINTS_PRICE, 0, points=points.price_points))
    return tenders


def _new_lot(basket: "Basket", shelf: Offers, value: ValueLine, now: datetime) -> list[LotValue]:
    """The lot that the top-up will be, where its card is accepted."""
    product, card = value.product, value.card
    if (
        card is None
        or (product.accepted_operators and shelf.operator_code not in product.accepted_operators)
        or (product.accepted_stores and shelf.store_code not in product.accepted_stores)
    ):
        return []
    return [
        LotValue(
            lot_id=_NEW_LOT,
            card_id=card.pk,
            card_no=card.no,
            operator_id=card.operator_id,
            principal_id=_NEW_LOT,
            principal_fen=value.principal_fen,
            bonus_id=_NEW_LOT,
            bonus_fen=value.bonus_fen,
            member_id=basket.member_id,
            consume=consume_of(value, now),
        )
    ]


def with_topup(
    tenders: tuple[Tender, ...], value: ValueLine | None, pay_by: str = TenderKind.WECHAT
) -> tuple[Tender, ...]:
    """WeChat (``pay_by`` for value alone) pays the top-up together with its part of the goods."""
    if value is None:
        return tenders
    before = tuple(t for t in tenders if t.kind != TenderKind.WECHAT)
    rest = sum(t.amount_fen for t in tenders if t.kind == TenderKind.WECHAT)
    return (*before, Tender(pay_by, rest + value.principal_fen))


def allocations(
    nets: Sequence[int],
    tenders: Sequence[Tender],
    value: ValueLine | None,
    offer_nets: Sequence[int] = (),
) -> tuple[tuple[int, ...], ...]:
    """What of each line is paid by what: of goods, what points do not pay (``offer_nets``: the
    points shop's part in money, the parcel), and the top-up, the last, by WeChat alone."""
    by_points = [t.amount_fen for t in tenders if t.kind in POINT_KINDS]
    others = [t for t in tenders if t.kind not in POINT_KINDS]
    # The price in points is no fen of anything.
    parts = [allocate(fen, nets) if fen else [0] * len(nets) for fen in by_points]
    left = [net - sum(part[i] for part in parts) for i, net in enumerate(nets)]
    rows = allocate_tenders([*left, *offer_nets], [t.amount_fen for t in others])
    if value is not None:
        if not others or others[-1].part is not None:
            rows = [[*row, 0] for row in rows]
        by_card = sum(t.part is not None for t in others)
        rows.append([*[0] * by_card, value.principal_fen])
    none = [0] * len(parts)
    return tuple(
        (*((part[i] for part in parts) if i < len(nets) else none), *row)
        for i, row in enumerate(rows)
    )
