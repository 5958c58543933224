"""What a sale at a till would cost: promotions and coupons for stores, and how far cards go.

Promotions work where the till asks for them, for it has prices of its own (ADR 24).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from config.kernel.money import yuan
from coupons.member_facts import known, named
from coupons.selectors import CouponRule, coupon_rules
from coupons.selectors_tickets import coupon_used_where
from coupons.states import Channel
from mall.discount_rules import coupon_rule, taken_at
from mall.discount_terms_words import rule_words
from mall.discount_words import hint_words, refusal_words
from mall.earning import TILL
from mall.offers import Offers, offers
from mall.pricing import Item, Priced, Rule
from mall.services.coupon_why import coupon_why
from mall.services.pos_pay import PosMemberMissing
from mall.services.pos_till import Till
from mall.services.quote import (
    MAX_FEN,
    BasketTooLarge,
    CouponNotApplicable,
    SkuUnavailable,
)
from mall.services.quote_rules import (
    hint_row,
    price_within_budgets,
    refusal_row,
    shopper_facts,
)
from mall.shoppers import asks_first_order
from members.selectors import card_lots
from members.services.visit_find import visit_find


@dataclass(frozen=True, slots=True)
class TillLine:
    """``unit_price_fen`` is the till's; None: what the store sells the SKU for. Without
    ``promotions`` the price is final: coupons work on it, promotions do not."""

    sku: str
    title: str
    quantity: int
    unit_price_fen: int | None
    promotions: bool = True


def pos_quote(
    *,
    till: Till,
    lines: Sequence[TillLine],
    visit: str = "",
    coupon_nos: Sequence[str] = (),
    card_no: str = "",
    with_promotions: bool = False,
    now: datetime,
) -> dict[str, Any]:
    """The sale as JSON; nothing is written and nothing promised. ``with_promotions``: those whose
    channels name stores apply, for members (and for nobody known, where they ask for nothing of
    the member); without it the till's prices have the till's own in them.

    Raises SkuUnavailable, BasketTooLarge, VisitOver, PosMemberMissing (coupons or a card without
    a visit), CouponNotApplicable (not the member's, not for stores, not of this operator),
    CouponUsed.
    """
    if (coupon_nos or card_no) and not visit:
        raise PosMemberMissing()
    member_id = visit_find(visit=visit, by=till.name, now=now) if visit else None
    sale = till_price(
        till=till,
        member_id=member_id,
        lines=lines,
        coupon_nos=coupon_nos,
        with_promotions=with_promotions,
        now=now,
    )
    priced = sale.priced
    available = 0
    if member_id:
        lots = card_lots(
            member_id=member_id,
            card_no=card_no or None,
            acceptor_code=till.operator_code,
            store_code=till.store_code,
        )
        available = sum(lot.value_fen for lot in lots)
    card_fen = min(available, priced.total_fen)
    return {
        **sale_document(sale),
        "card_available_fen": available,
        "card_fen": card_fen,
        "to_pay_fen": priced.total_fen - card_fen,
    }


@dataclass(frozen=True, slots=True)
class TillSale:
    """A basket of a till as it was priced. ``coupons`` are those that were asked for,
    ``gift_titles`` what SKUs that are given are called."""

    lines: Sequence[TillLine]
    shelf: Offers
    items: Sequence[Item]
    priced: Priced
    coupons: Sequence[CouponRule]
    gift_titles: Mapping[str, str]

    @property
    def promotion_fen(self) -> int:
        return sum(d.total_fen for d in self.priced.discounts if d.rule.kind == "promotion")


def till_price(
    *,
    till: Till,
    member_id: int | None,
    lines: Sequence[TillLine],
    coupon_nos: Sequence[str],
    with_promotions: bool = False,
    present: bool = True,
    now: datetime,
) -> TillSale:
    """Price a till's basket with coupons of the member, and with promotions for stores: of those
    that ask who buys none where the member is not ``present``, or nobody is known, and none for a
    first order, which a till's sale is not. One statement, one more for coupons and one for gifts,
    and one or two for each fact about the member that a discount asks for.

    Raises SkuUnavailable, BasketTooLarge, CouponNotApplicable, CouponUsed.
    """
    skus = [x.sku for x in lines if x.sku]
    shelf = offers(store_code=till.store_code, sku_codes=skus, now=now, channel=Channel.STORE)
    items = _items(lines, shelf)
    if sum(item.gross_fen for item in items) > MAX_FEN:
        raise BasketTooLarge(most=yuan(MAX_FEN))
    chosen = _coupons(till, member_id, coupon_nos, now) if member_id and coupon_nos else []
    # A till's sale is no order: what is for a first one would be had there every time. (A coupon
    # for it is used once.)
    promotions = tuple(
        x for x in shelf.promotions if with_promotions and not asks_first_order(x.scope)
    )
    if not (member_id and present):
        promotions = tuple(x for x in promotions if not named(x.scope) & known())
    rules = [
        *promotions,
        *(
            coupon_rule(x, operator_id=till.operator_id, channel=Channel.STORE, now=now)
            for x in chosen
        ),
    ]
    who: dict[str, Any] = {"channel": TILL}
    if member_id:
        who = shopper_facts(member_id=member_id, channel=TILL, rules=rules, now=now)
    items = [replace(item, facts={**item.facts, **who}) for item in items]
    priced = price_within_budgets(items, rules, chosen)
    given = sorted({gift.sku for gift in priced.gifts})
    titles = {}
    if given:
        found = offers(store_code=till.store_code, sku_codes=given, now=now).by_sku
        titles = {code: offer.title for code, offer in found.items()}
    return TillSale(lines, shelf, items, priced, chosen, titles)


def sale_document(sale: TillSale) -> dict[str, Any]:
    """The sale as tills see it, before anything is paid."""
    priced = sale.priced
    return {
        "lines": [
            {
                "sku": line.sku,
                "title": line.title or _title(line, sale.shelf),
                "quantity": line.quantity,
                "unit_price_fen": item.unit_price_fen,
                "price_fen": priced.prices[i],
                "discounts": [
                    {**_rule(d.rule), "amount_fen": d.amounts[i]}
                    for d in priced.discounts
                    if d.amounts[i]
                ],
                "discount_fen": item.gross_fen - priced.nets[i],
                "net_fen": priced.nets[i],
            }
            for i, (line, item) in enumerate(zip(sale.lines, sale.items, strict=True))
        ],
        "discounts": [
            {
                **_rule(d.rule),
                "coupon": d.rule.reference if d.rule.kind == "coupon" else "",
                "words": rule_words(d.rule),
                "amount_fen": d.total_fen,
            }
            for d in priced.discounts
        ],
        "gifts": [
            {
                "promotion": gift.rule.reference,
                "title": gift.rule.title,
                "sku": gift.sku,
                "name": sale.gift_titles.get(gift.sku, ""),
                "quantity": gift.pieces,
            }
            for gift in priced.gifts
        ],
        "hints": [{**row, "message": hint_words(row)} for row in map(hint_row, priced.hints)],
        "refused_coupons": [
            {**row, "message": refusal_words(row)} for row in map(refusal_row, priced.refusals)
        ],
        "gross_fen": priced.gross_fen,
        "promotion_fen": sale.promotion_fen,
        "discount_fen": priced.discount_fen,
        "total_fen": priced.total_fen,
    }


def _rule(rule: Rule) -> dict[str, Any]:
    return {"kind": rule.kind, "reference": rule.reference, "title": rule.title}


def _items(lines: Sequence[TillLine], shelf: Offers) -> list[Item]:
    """Priced by the till, or by the store. Raises SkuUnavailable for what neither prices."""
    items, gone = [], []
    for line in lines:
        offer = shelf.by_sku.get(line.sku)
        if line.unit_price_fen is not None:
            unit = line.unit_price_fen
        elif offer is not None and offer.sellable:
            unit = offer.price_fen
        else:
            gone.append(line.sku or line.title)
            continue
        facts = {"sku": line.sku, "store": shelf.store_code, "operator": shelf.operator_code}
        about = shelf.facts(offer) if offer else facts
        items.append(Item(line.sku, line.quantity, unit, about, final=not line.promotions))
    if gone:
        raise SkuUnavailable(skus=", ".join(gone))
    return items


def _title(line: TillLine, shelf: Offers) -> str:
    offer = shelf.by_sku.get(line.sku)
    return offer.title if offer else ""


def _coupons(
    till: Till, member_id: int, coupon_nos: Sequence[str], now: datetime
) -> list[CouponRule]:
    rules = coupon_rules(member_id=member_id, nos=list(coupon_nos), now=now)
    found = {rule.no: rule for rule in rules if _for_till(rule, till)}
    for no in coupon_nos:
        if no not in found:
            coupon_used_where(no=no, member_id=member_id)
            why = coupon_why(no=no, member_id=member_id, now=now)
            raise CouponNotApplicable(coupon=no, reason=why)
    return [found[no] for no in dict.fromkeys(coupon_nos)]


def _for_till(rule: CouponRule, till: Till) -> bool:
    return taken_at(rule, operator_id=till.operator_id, channel=Channel.STORE)


def store_coupons(*, till: Till, member_id: int, now: datetime) -> list[CouponRule]:
    """The member's coupons that tills of this operator take, the one that ends first first."""
    return [r for r in coupon_rules(member_id=member_id, now=now) if _for_till(r, till)]
