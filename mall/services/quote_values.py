"""Quotes as values: what is asked for, what it came to, and the document that shows it."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from config.kernel.errors import Conflict, DomainError
from coupons.selectors import CouponRule
from mall.models import PointsOffer
from mall.offers import Offer, Offers
from mall.pricing import Priced
from mall.services.quote_points import PointsUse
from mall.services.quote_rules import GiftLine, hint_row, refusal_row
from mall.services.quote_tenders import Tender
from mall.states import LineKind, OrderChannel, TenderKind


class SkuUnavailable(DomainError):
    code = "sku_unavailable"
    status = 409
    message = _("Not for sale at this store: {skus}.")


class BasketInvalid(DomainError):
    code = "basket_invalid"
    message = _(
        "Goods, a new stored-value card and a membership are bought in separate orders, one card"
        " at a time; a top-up says its amount; only goods are sent."
    )


class TopUpElsewhere(Conflict):
    """One order is one payment to one merchant."""

    code = "topup_elsewhere"
    message = _("Another company issued this card. Top it up in an order of its own.")


class BasketTooLarge(DomainError):
    code = "basket_too_large"
    message = _("One order comes to {most} at most.")


@dataclass(frozen=True)
class Basket:
    """What a member wants to buy. ``lines`` are (SKU code, pieces); a card purchase names
    ``card_product``, a membership ``membership_plan`` instead. ``topup_card`` is a card of theirs
    to be topped up, alone or with goods, which may then be paid with what it has and gets.
    ``amount_fen`` goes on the card.
    ``use_card`` pays with stored value as far as it goes, from ``card_no`` alone when given, at
    most ``card_fen`` when given. ``use_points`` pays with points as far as they go, with
    ``points`` at most when given; ``points_lines`` are (code of an offer for points, pieces).
    ``pay_by`` is what pays value that is bought alone: a desk takes money of its own.
    ``coupon_nos`` are coupons to choose among, and with ``best_coupons`` all that the member
    has. ``channel`` is what scopes may ask for. ``region`` is the adcode that the goods are sent
    to; without it they are collected."""

    member_id: int
    store_code: str
    lines: tuple[tuple[str, int], ...] = ()
    card_product: str = ""
    topup_card: str = ""
    membership_plan: str = ""
    amount_fen: int | None = None
    coupon_nos: tuple[str, ...] = ()
    best_coupons: bool = False
    use_card: bool = False
    card_no: str = ""
    card_fen: int | None = None
    use_points: bool = False
    points: int | None = None
    points_lines: tuple[tuple[str, int], ...] = ()
    pay_by: str = TenderKind.WECHAT
    channel: str = OrderChannel.MINI_PROGRAM
    region: str = ""


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
    is_gift: bool = False

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
    gifts: tuple[GiftLine, ...] = ()

    @property
    def freight_fen(self) -> int:
        """The fee of the parcel, before coupons."""
        return sum(line.gross_fen for line in self.lines if line.kind == LineKind.FREIGHT)

    @property
    def gross_fen(self) -> int:
        """All lines but the parcel, before discounts."""
        return self.priced.gross_fen - self.freight_fen

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
                "list_price_fen": line.offer.list_price_fen if line.offer else line.unit_price_fen,
                "unit_price_fen": line.unit_price_fen,
                "price_fen": priced.prices[i],
                "is_gift": line.is_gift,
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
            "gifts": [
                {
                    "promotion": x.gift.rule.reference,
                    "title": x.gift.rule.title,
                    "sku": x.gift.sku,
                    "quantity": x.gift.pieces,
                    "given": x.offer is not None,
                }
                for x in self.gifts
            ],
            "region": self.basket.region,
            "gross_fen": self.gross_fen,
            "discount_fen": priced.discount_fen,
            "freight_fen": self.freight_fen,
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
        version = hashlib.sha256(canonical).hexdigest()[:32]
        # What is not used changes no price: without it the quote is the same.
        return {"version": version, **body, "refused_coupons": self.refused_coupons()}

    def refused_coupons(self) -> list[dict[str, Any]]:
        """Why each coupon that was offered is not used."""
        return [refusal_row(r) for r in self.priced.refusals]

    def hints(self) -> list[dict[str, Any]]:
        """What is missing for more, for the shopper's eyes: so much, and this much is off."""
        return [hint_row(h) for h in self.priced.hints]

    def stock(self) -> dict[str, int]:
        """Pieces available per SKU code, for the shopper's eyes; placing checks for itself."""
        return {x.offer.sku_code: x.offer.available for x in self.lines if x.offer}

    def points_options(self) -> dict[str, int] | None:
        """What points could do, for the shopper's eyes; None where the basket says nothing of
        them. Not of the version: a point that is earned meanwhile changes no price."""
        return None if self.points_use is None else self.points_use.options()
