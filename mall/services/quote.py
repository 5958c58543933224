"""Quotes: what a basket would cost, line by line and fen by fen. Stateless and repeatable.

The version is a hash of the canonical result; placing an order prices again and refuses when
the version differs, saying what changed. Old quotes stay in the cache for that explanation only.
"""

import hashlib
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.utils.translation import gettext_lazy as _
from redis.exceptions import RedisError

from config.kernel.errors import Conflict, DomainError
from config.kernel.money import yuan
from coupons.selectors import CouponRule, coupon_rules
from mall.models import PointsOffer
from mall.offers import Offer, Offers, offers
from mall.pricing import Discount, Item, Priced, Rule, price
from mall.services.order_membership import membership_offered
from mall.services.order_value import ValueLine, card_line, topup_line
from mall.services.quote_points import (
    OfferLine,
    PointsOfferUnknown,
    PointsUse,
    offer_lines,
    points_use,
    with_offers,
)
from mall.services.quote_tenders import Tender, allocations, goods_tenders, with_topup
from mall.states import LineKind, TenderKind

EXPLAIN_SECONDS = 15 * 60
# What an order's columns of fen hold.
MAX_FEN = 2_147_483_647


class SkuUnavailable(DomainError):
    code = "sku_unavailable"
    status = 409
    message = _("Not for sale at this store: {skus}.")


class BasketInvalid(DomainError):
    code = "basket_invalid"
    message = _(
        "Goods, a new stored-value card and a membership are bought in separate orders, one card"
        " at a time; a top-up says its amount."
    )


class TopUpElsewhere(Conflict):
    """One order is one payment to one merchant."""

    code = "topup_elsewhere"
    message = _("Another company issued this card. Top it up in an order of its own.")


class BasketTooLarge(DomainError):
    code = "basket_too_large"
    message = _("One order comes to {most} at most.")


class CouponNotApplicable(DomainError):
    code = "coupon_not_applicable"
    status = 409
    message = _("Coupon {coupon} cannot be used here: {reason}.")


@dataclass(frozen=True)
class Basket:
    """What a member wants to buy. ``lines`` are (SKU code, pieces); a card purchase names
    ``card_product``, a membership ``membership_plan`` instead. ``topup_card`` is a card of theirs
    to be topped up, alone or with goods, which may then be paid with what it has and gets.
    ``amount_fen`` goes on the card.
    ``use_card`` pays with stored value as far as it goes, from ``card_no`` alone when given, at
    most ``card_fen`` when given. ``use_points`` pays with points as far as they go, with
    ``points`` at most when given; ``points_lines`` are (code of an offer for points, pieces).
    ``pay_by`` is what pays value that is bought alone: a desk takes money of its own."""

    member_id: int
    store_code: str
    lines: tuple[tuple[str, int], ...] = ()
    card_product: str = ""
    topup_card: str = ""
    membership_plan: str = ""
    amount_fen: int | None = None
    coupon_nos: tuple[str, ...] = ()
    use_card: bool = False
    card_no: str = ""
    card_fen: int | None = None
    use_points: bool = False
    points: int | None = None
    points_lines: tuple[tuple[str, int], ...] = ()
    pay_by: str = TenderKind.WECHAT


@dataclass(frozen=True)
class Line:
    """A priced line, ready to be written."""

    kind: str
    title: str
    options: dict[str, str]
    quantity: int
    unit_price_fen: int
    net_fen: int
    offer: Offer | None = None
    card_product_id: int | None = None
    code: str = ""
    card_id: int | None = None
    bonus_fen: int = 0
    offer_id: int | None = None
    membership_plan_id: int | None = None
    membership_days: int = 0
    points_offer: PointsOffer | None = None

    @property
    def points_price(self) -> int:
        """Points per piece."""
        return 0 if self.points_offer is None else self.points_offer.points_price

    @property
    def gross_fen(self) -> int:
        return self.quantity * self.unit_price_fen


@dataclass(frozen=True)
class Quote:
    """The result, with everything order placement needs. Amounts in fen."""

    basket: Basket
    offers: Offers
    operator_id: int
    operator_code: str
    mchid: str
    lines: tuple[Line, ...]
    priced: Priced
    coupons: tuple[CouponRule, ...]
    tenders: tuple[Tender, ...]
    allocations: tuple[tuple[int, ...], ...]
    points_use: PointsUse | None = None

    @property
    def card_fen(self) -> int:
        return sum(t.amount_fen for t in self.tenders if t.part is not None)

    @property
    def points(self) -> int:
        """All that the order takes, as money and as a price."""
        return sum(t.points for t in self.tenders)

    @property
    def points_fen(self) -> int:
        return sum(t.amount_fen for t in self.tenders if t.points)

    @property
    def to_pay_fen(self) -> int:
        return self.priced.total_fen - self.card_fen - self.points_fen

    def document(self) -> dict[str, Any]:
        """The quote as JSON: canonical, also what clients see and what the order keeps."""
        priced = self.priced
        lines = [
            {
                "position": i,
                "kind": line.kind,
                "code": line.code,
                "title": line.title,
                "options": line.options,
                "quantity": line.quantity,
                "unit_price_fen": line.unit_price_fen,
                "gross_fen": line.gross_fen,
                "discounts": [
                    {
                        "kind": d.rule.kind,
                        "reference": d.rule.reference,
                        "title": d.rule.title,
                        "amount_fen": d.amounts[i],
                    }
                    for d in priced.discounts
                    if d.amounts[i]
                ],
                "discount_fen": line.gross_fen - line.net_fen,
                "net_fen": line.net_fen,
                "bonus_fen": line.bonus_fen,
                "points_offer": line.points_offer.code if line.points_offer else "",
                "points_price": line.points_price,
                "membership_days": line.membership_days,
                "tenders_fen": list(self.allocations[i]),
            }
            for i, line in enumerate(self.lines)
        ]
        body = {
            "store": self.offers.store_code,
            "lines": lines,
            "discounts": [
                {
                    "kind": d.rule.kind,
                    "reference": d.rule.reference,
                    "title": d.rule.title,
                    "amount_fen": d.total_fen,
                }
                for d in priced.discounts
            ],
            "refused_coupons": [
                {
                    "coupon": r.rule.reference,
                    "reason": r.reason,
                    "missing_fen": r.missing_fen,
                }
                for r in priced.refusals
            ],
            "gross_fen": priced.gross_fen,
            "discount_fen": priced.discount_fen,
            "freight_fen": 0,
            "total_fen": priced.total_fen,
            "tenders": [
                {
                    "kind": t.kind,
                    "amount_fen": t.amount_fen,
                    "points": t.points,
                    "card": t.part.card_no if t.part else "",
                }
                for t in self.tenders
            ],
            "points": self.points,
            "points_fen": self.points_fen,
            "card_fen": self.card_fen,
            "to_pay_fen": self.to_pay_fen,
        }
        canonical = json.dumps(body, sort_keys=True, ensure_ascii=False).encode()
        return {"version": hashlib.sha256(canonical).hexdigest()[:32], **body}

    def stock(self) -> dict[str, int]:
        """Pieces available per SKU code, for the shopper's eyes; placing checks for itself."""
        return {x.offer.sku_code: x.offer.available for x in self.lines if x.offer}

    def points_options(self) -> dict[str, int] | None:
        """What points could do, for the shopper's eyes; None where the basket says nothing of
        them. Not of the version: a point that is earned meanwhile changes no price."""
        return None if self.points_use is None else self.points_use.options()


def quote(*, basket: Basket, now: datetime) -> Quote:
    """Price ``basket`` as of ``now``; none of its statements writes: at most three for goods, as
    many for any number of them, eight more where a card is bought or topped up, two where points
    are asked for, at most three for offers of the points shop.

    Raises StoreUnknown, SkuUnavailable, BasketInvalid, BasketTooLarge, CardProductUnknown,
    CardUnknown, TopUpElsewhere, CardRefused (what this member may not buy), PointsShort, what
    ``membership_offered`` and ``offer_lines`` raise, and CouponNotApplicable (a coupon that is
    not the member's, or not usable now).
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
    chosen = _coupons(basket, shelf, now)
    items = [
        Item(code, quantity, shelf.by_sku[code].price_fen, shelf.facts(shelf.by_sku[code]))
        for code, quantity in wanted.items()
    ]
    offer_nets = [x.cash_fen for x in for_points]
    topup_fen = 0 if value is None else value.principal_fen
    if sum(item.gross_fen for item in items) + sum(offer_nets) + topup_fen > MAX_FEN:
        raise BasketTooLarge(most=yuan(MAX_FEN))
    priced = price(items, [*shelf.promotions, *map(_coupon_rule, chosen)])
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
    nets = priced.nets
    points = points_use(basket, goods_fen=sum(nets), offers=for_points, now=now)
    tenders = goods_tenders(basket, shelf, sum(nets) + sum(offer_nets), value, now, points)
    priced = with_offers(priced, for_points)
    lines = (*lines, *(_line_of_offer(line, shelf) for line in for_points))
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
        allocations=allocations(nets, tenders, value, offer_nets),
        points_use=points,
    )


def quote_remember(document: dict[str, Any], *, member_id: int) -> None:
    """Keep a shown quote a quarter of an hour, to explain a later difference."""
    # Only an explanation hangs on it: without a cache the quote is as good.
    with suppress(RedisError):
        cache.set(_cache_key(member_id, document["version"]), document, EXPLAIN_SECONDS)


def quote_recall(version: str, *, member_id: int) -> dict[str, Any] | None:
    with suppress(RedisError):
        return cache.get(_cache_key(member_id, version))
    return None


_COMPARED = (
    *("gross_fen", "discount_fen", "total_fen"),
    *("points", "points_fen", "card_fen", "to_pay_fen"),
)


def quote_difference(old: dict[str, Any] | None, new: dict[str, Any]) -> list[dict[str, Any]]:
    """What changed between two quotes, as (what, before, now); before is None when forgotten."""
    changes = []
    for field in _COMPARED:
        before = old.get(field) if old else None
        if before != new[field]:
            changes.append({"what": field, "before": before, "now": new[field]})
    before_prices = {x["code"]: x["unit_price_fen"] for x in old["lines"]} if old else {}
    for line in new["lines"]:
        before = before_prices.get(line["code"])
        if old and before != line["unit_price_fen"]:
            changes.append(
                {"what": f"price:{line['code']}", "before": before, "now": line["unit_price_fen"]}
            )
    return changes


def _cache_key(member_id: int, version: str) -> str:
    return f"quote:{member_id}:{version}"


def _merged(lines: Sequence[tuple[str, int]]) -> dict[str, int]:
    merged: dict[str, int] = {}
    for code, quantity in lines:
        merged[code] = merged.get(code, 0) + quantity
    return merged


def _coupons(basket: Basket, shelf: Offers, now: datetime) -> list[CouponRule]:
    if not basket.coupon_nos:
        return []
    rules = coupon_rules(member_id=basket.member_id, nos=list(basket.coupon_nos), now=now)
    by_no = {rule.no: rule for rule in rules}
    for no in basket.coupon_nos:
        rule = by_no.get(no)
        if rule is None:
            raise CouponNotApplicable(coupon=no, reason=str(_("not yours, used or expired")))
        if rule.operator_id != shelf.operator_id or "mall" not in rule.channels:
            raise CouponNotApplicable(coupon=no, reason=str(_("not valid at this store")))
    return [by_no[no] for no in dict.fromkeys(basket.coupon_nos)]


def _coupon_rule(coupon: CouponRule) -> Rule:
    return Rule(
        kind="coupon",
        reference=coupon.no,
        title=coupon.name,
        method=coupon.kind,
        value=coupon.value,
        threshold_fen=coupon.threshold_fen,
        max_discount_fen=coupon.max_discount_fen,
        scope=coupon.scope,
        group=coupon.stacking_group,
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
    """No discount falls on what goes on a card, and it reaches no threshold."""
    return Priced(
        items=(*priced.items, Item(value.product.code, 1, value.principal_fen, {})),
        discounts=tuple(Discount(d.rule, (*d.amounts, 0)) for d in priced.discounts),
        refusals=priced.refusals,
        nets=(*priced.nets, value.principal_fen),
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
        priced=Priced(
            items=(Item(plan.code, 1, plan.price_fen, {}),),
            discounts=(),
            refusals=(),
            nets=(plan.price_fen,),
        ),
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
