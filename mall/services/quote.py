"""Quotes: what a basket would cost, line by line and fen by fen. Stateless and repeatable.

The version is a hash of the canonical result; placing an order prices again and refuses when
the version differs, saying what changed. Old quotes stay in the cache for that explanation only.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.core.cache import cache
from redis.exceptions import RedisError

from config.kernel.money import yuan
from mall.offers import Offers, offers
from mall.pricing import Item, Priced, price
from mall.services.order_membership import membership_offered
from mall.services.order_value import ValueLine, card_line, topup_line
from mall.services.quote_changes import quote_difference
from mall.services.quote_freight import (
    CODE,
    Parcel,
    freight_of,
    parcel_apart,
    parcel_title,
    with_parcel,
)
from mall.services.quote_points import (
    OfferLine,
    PointsOfferUnknown,
    offer_lines,
    points_use,
    with_offers,
)
from mall.services.quote_rules import (
    CouponNotApplicable,
    GiftLine,
    coupons_of,
    gift_lines,
    price_within_budgets,
    rules_of,
    shopper_facts,
    with_gifts,
    with_line,
)
from mall.services.quote_tenders import Tender, allocations, goods_tenders, with_topup
from mall.services.quote_values import (
    Basket,
    BasketInvalid,
    BasketTooLarge,
    Line,
    Quote,
    SkuUnavailable,
    TopUpElsewhere,
)
from mall.states import LineKind, TenderKind

EXPLAIN_SECONDS = 15 * 60
# What an order's columns of fen hold.
MAX_FEN = 2_147_483_647

__all__ = [
    "MAX_FEN",
    "Basket",
    "BasketInvalid",
    "BasketTooLarge",
    "CouponNotApplicable",
    "Line",
    "Quote",
    "SkuUnavailable",
    "TopUpElsewhere",
    "quote",
    "quote_difference",
    "quote_recall",
    "quote_remember",
]


def quote(*, basket: Basket, now: datetime) -> Quote:
    """Price ``basket`` as of ``now``; none of its statements writes: at most three for goods, as
    many for any number of them, eight more where a card is bought or topped up, two where points
    are asked for, at most three for offers of the points shop, one for gifts, one for a parcel that
    is sent, and one or two for each fact about the member that a discount asks for.

    Raises StoreUnknown, SkuUnavailable, BasketInvalid, BasketTooLarge, CardProductUnknown,
    CardUnknown, TopUpElsewhere, CardRefused (what this member may not buy), PointsShort, what
    ``membership_offered``, ``offer_lines`` and ``freight_of`` raise, and CouponNotApplicable (a
    coupon that is not the member's, or not usable now).
    """
    wanted = _merged(basket.lines)
    _shape_check(basket)
    for_points = offer_lines(basket, now)
    skus = dict.fromkeys([*wanted, *(x.offer.sku.code for x in for_points)])
    shelf = offers(store_code=basket.store_code, sku_codes=list(skus), now=now)
    if basket.membership_plan:
        return _membership_quote(basket, shelf, now)
    value = _value_line(basket, shelf, now)
    if value is not None and not skus:
        return _card_quote(basket, shelf, value)

    elsewhere = [x.offer.code for x in for_points if x.offer.operator_id != shelf.operator_id]
    if elsewhere:
        raise PointsOfferUnknown(offers=elsewhere)
    gone = [c for c in skus if c not in shelf.by_sku or not shelf.by_sku[c].sellable]
    if gone:
        raise SkuUnavailable(skus=", ".join(gone))
    chosen = coupons_of(basket, shelf, now)
    rules = rules_of(shelf, chosen, now)
    who = shopper_facts(member_id=basket.member_id, channel=basket.channel, rules=rules, now=now)
    items = [
        Item(code, quantity, shelf.by_sku[code].price_fen, shelf.facts(shelf.by_sku[code]) | who)
        for code, quantity in wanted.items()
    ]
    offer_nets = [x.cash_fen for x in for_points]
    topup_fen = 0 if value is None else value.principal_fen
    pieces = sum(wanted.values()) + sum(x.quantity for x in for_points)
    parcel_costs = freight_of(basket, shelf, pieces, now)
    priced = price_within_budgets(items, rules, chosen, parcel_costs)
    if priced.gross_fen + sum(offer_nets) + topup_fen > MAX_FEN:
        raise BasketTooLarge(most=yuan(MAX_FEN))
    priced, parcel = parcel_apart(priced)
    gifts = gift_lines(priced.gifts, shelf, wanted, now)
    lines = tuple(
        Line(
            kind=LineKind.GOODS,
            title=shelf.by_sku[item.sku].title,
            options=shelf.by_sku[item.sku].options,
            quantity=item.quantity,
            unit_price_fen=item.unit_price_fen,
            net_fen=net,
            offer=shelf.by_sku[item.sku],
            code=item.sku,
        )
        for item, net in zip(priced.items, priced.nets, strict=True)
    )
    priced = with_gifts(priced, gifts)
    lines = (*lines, *map(_line_of_gift, [x for x in gifts if x.offer is not None]))
    nets = priced.nets
    points = points_use(basket, goods_fen=sum(nets), offers=for_points, now=now)
    # What points do not pay for: the points shop's part in money, and the parcel.
    other_nets = [*offer_nets, *([parcel.net_fen] if parcel else [])]
    tenders = goods_tenders(basket, shelf, sum(nets) + sum(other_nets), value, now, points)
    priced = with_parcel(with_offers(priced, for_points), parcel)
    lines = (*lines, *(_line_of_offer(line, shelf) for line in for_points))
    if parcel is not None:
        lines = (*lines, _line_of_parcel(parcel))
    if value is not None:
        priced = _with_value(priced, value)
        lines = (*lines, _line_of(value))
    used = {d.rule.reference for d in priced.discounts if d.rule.kind == "coupon"}
    return Quote(
        basket=basket,
        offers=shelf,
        operator_id=shelf.operator_id,
        operator_code=shelf.operator_code,
        mchid=shelf.mchid,
        lines=lines,
        priced=priced,
        coupons=tuple(c for c in chosen if c.no in used),
        tenders=with_topup(tenders, value),
        allocations=allocations(nets, tenders, value, other_nets),
        points_use=points,
        gifts=gifts,
    )


def quote_remember(document: dict[str, Any], *, member_id: int) -> None:
    """Keep a shown quote a quarter of an hour, to explain a later difference."""
    # Only an explanation hangs on it: without a cache the quote is as good.
    with suppress(RedisError):
        cache.set(_cache_key(member_id, document["version"]), document, EXPLAIN_SECONDS)


def quote_recall(version: str, *, member_id: int) -> dict[str, Any] | None:
    """The quote that the member was shown under ``version``; None where it is not kept any more."""
    with suppress(RedisError):
        return cache.get(_cache_key(member_id, version))
    return None


def _cache_key(member_id: int, version: str) -> str:
    return f"quote:{member_id}:{version}"


def _merged(lines: Sequence[tuple[str, int]]) -> dict[str, int]:
    merged: dict[str, int] = {}
    for code, quantity in lines:
        merged[code] = merged.get(code, 0) + quantity
    return merged


def _line_of_gift(line: GiftLine) -> Line:
    assert line.offer is not None  # those that are given
    return Line(
        kind=LineKind.GOODS,
        title=line.offer.title,
        options=line.offer.options,
        quantity=line.gift.pieces,
        unit_price_fen=line.offer.price_fen,
        net_fen=0,
        offer=line.offer,
        code=line.gift.sku,
        is_gift=True,
    )


def _shape_check(basket: Basket) -> None:
    """Raise BasketInvalid unless it is goods, a new card, a top-up, goods with a top-up, or a
    membership."""
    goods = bool(basket.lines or basket.points_lines)
    new, topup = bool(basket.card_product), bool(basket.topup_card)
    membership = bool(basket.membership_plan)
    alone = not goods and (bool(basket.coupon_nos) or basket.use_card or basket.use_points)
    if (
        not (goods or new or topup or membership)
        or (new and (goods or topup))
        or (membership and (goods or new or topup))
        or alone
        or (topup and basket.amount_fen is None)
        or (basket.amount_fen is not None and not (new or topup))
        or (basket.region and not goods)
        or (topup and goods and basket.card_no not in ("", basket.topup_card))
    ):
        raise BasketInvalid()


def _value_line(basket: Basket, shelf: Offers, now: datetime) -> ValueLine | None:
    if basket.card_product:
        return card_line(
            product_code=basket.card_product,
            amount_fen=basket.amount_fen,
            member_id=basket.member_id,
            store_id=shelf.store_id,
            now=now,
        )
    if not basket.topup_card or basket.amount_fen is None:
        return None
    line = topup_line(
        card_no=basket.topup_card,
        amount_fen=basket.amount_fen,
        member_id=basket.member_id,
        store_id=shelf.store_id,
        now=now,
    )
    if (basket.lines or basket.points_lines) and line.operator.pk != shelf.operator_id:
        raise TopUpElsewhere()
    return line


def _with_value(priced: Priced, value: ValueLine) -> Priced:
    item = Item(value.product.code, 1, value.principal_fen, {})
    return with_line(priced, item, value.principal_fen)


def _line_of_parcel(parcel: Parcel) -> Line:
    return Line(
        kind=LineKind.FREIGHT,
        title=parcel_title(),
        options={},
        quantity=1,
        unit_price_fen=parcel.fee_fen,
        net_fen=parcel.net_fen,
        code=CODE,
    )


def _line_of_offer(line: OfferLine, shelf: Offers) -> Line:
    offer = shelf.by_sku[line.offer.sku.code]
    return Line(
        kind=LineKind.GOODS,
        title=offer.title,
        options=offer.options,
        quantity=line.quantity,
        unit_price_fen=line.offer.cash_fen,
        net_fen=line.cash_fen,
        offer=offer,
        code=offer.sku_code,
        points_offer=line.offer,
    )


def _line_of(value: ValueLine) -> Line:
    return Line(
        kind=value.kind,
        title=value.product.name,
        options={},
        quantity=1,
        unit_price_fen=value.principal_fen,
        net_fen=value.principal_fen,
        card_product_id=value.product.pk,
        code=value.product.code if value.card is None else value.card.no,
        card_id=None if value.card is None else value.card.pk,
        bonus_fen=value.bonus_fen,
        offer_id=value.offer_id,
    )


def _membership_quote(basket: Basket, shelf: Offers, now: datetime) -> Quote:
    """A membership: its operator gets the money, by WeChat; no discount falls on it."""
    plan = membership_offered(plan_code=basket.membership_plan, member_id=basket.member_id, now=now)
    line = Line(
        kind=LineKind.MEMBERSHIP,
        title=plan.name,
        options={},
        quantity=1,
        unit_price_fen=plan.price_fen,
        net_fen=plan.price_fen,
        code=plan.code,
        membership_plan_id=plan.pk,
        membership_days=plan.days,
    )
    return Quote(
        basket=basket,
        offers=shelf,
        operator_id=plan.operator.pk,
        operator_code=plan.operator.code,
        mchid=plan.operator.mchid,
        lines=(line,),
        priced=with_line(price([], []), Item(plan.code, 1, plan.price_fen, {}), plan.price_fen),
        coupons=(),
        tenders=(Tender(TenderKind.WECHAT, plan.price_fen),),
        allocations=((plan.price_fen,),),
    )


def _card_quote(basket: Basket, shelf: Offers, value: ValueLine) -> Quote:
    """A new card or a top-up alone: its issuer gets the money."""
    return Quote(
        basket=basket,
        offers=shelf,
        operator_id=value.operator.pk,
        operator_code=value.operator.code,
        mchid=value.operator.mchid,
        lines=(_line_of(value),),
        priced=_with_value(price([], []), value),
        coupons=(),
        tenders=with_topup((), value, basket.pay_by),
        allocations=allocations((), (), value),
    )
