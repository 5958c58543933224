"""What discounts a basket: promotions of the store, the member's coupons, and who the member is."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from config.kernel.errors import DomainError
from coupons.guards import BudgetExhausted
from coupons.member_facts import member_facts
from coupons.selectors import CouponRule, coupon_rules
from coupons.states import Channel
from mall.discount_rules import BUDGET, coupon_rule, taken_at
from mall.discount_words import refusal_words
from mall.offers import Offer, Offers, offers
from mall.pricing import Discount, Freight, Gift, Hint, Item, Priced, Refusal, Rule, price
from mall.services.coupon_why import coupon_why

if TYPE_CHECKING:
    from mall.services.quote import Basket

# More of a member's coupons than this are not looked at: those for here and now come first, of
# them those that end first. Fifty that can be used are many; a pile that cannot hides no good one.
MOST_COUPONS = 200
# So often a basket is priced anew because one template's budget has too little left.
MOST_LOOKS = 5


class CouponNotApplicable(DomainError):
    code = "coupon_not_applicable"
    status = 409
    message = _("Coupon {coupon} cannot be used here: {reason}.")


@dataclass(frozen=True, slots=True)
class GiftLine:
    """A gift as it is found at the store. ``offer`` is None where there are too few of it."""

    gift: Gift
    offer: Offer | None


def coupons_of(basket: "Basket", shelf: Offers, now: datetime) -> list[CouponRule]:
    """The coupons that the basket names, or all that the member may use. One statement, none
    where no coupon is asked for.

    Raises CouponNotApplicable for a named coupon that is not the member's, or not for here.
    """
    if basket.best_coupons:
        held = coupon_rules(member_id=basket.member_id, now=now)
        held.sort(key=lambda x: not (_taken_here(x, shelf) and x.terms.open_at(now)))
        return held[:MOST_COUPONS]
    if not basket.coupon_nos:
        return []
    rules = coupon_rules(member_id=basket.member_id, nos=list(basket.coupon_nos), now=now)
    by_no = {rule.no: rule for rule in rules}
    for no in basket.coupon_nos:
        rule = by_no.get(no)
        if rule is None:
            why = coupon_why(no=no, member_id=basket.member_id, now=now)
            raise CouponNotApplicable(coupon=no, reason=why)
        if not _taken_here(rule, shelf):
            raise CouponNotApplicable(coupon=no, reason=str(_("not valid at this store")))
    return [by_no[no] for no in dict.fromkeys(basket.coupon_nos)]


def _taken_here(coupon: CouponRule, shelf: Offers) -> bool:
    return taken_at(coupon, operator_id=shelf.operator_id, channel=Channel.MALL)


def rules_of(shelf: Offers, coupons: list[CouponRule], now: datetime) -> list[Rule]:
    """Promotions and coupons alike, as pricing takes them."""
    named = [
        coupon_rule(coupon, operator_id=shelf.operator_id, channel=Channel.MALL, now=now)
        for coupon in coupons
    ]
    return [*shelf.promotions, *named]


def price_within_budgets(
    items: Sequence[Item],
    rules: Sequence[Rule],
    coupons: Sequence[CouponRule],
    freight: Freight | None = None,
) -> Priced:
    """Price the basket without those of ``coupons`` that the budgets of their templates do not
    cover any more: the guard would refuse them, and the whole sale with them. Priced once, and
    again for each template that turns out to have less left; after ``MOST_LOOKS`` of them all
    go that would take more by themselves."""
    budgeted = {c.no: c for c in coupons if c.budget_left_fen is not None}
    beyond = {no for no, c in budgeted.items() if (c.budget_left_fen or 0) <= 0}
    for looks in count(1):
        rules = [
            replace(rule, closed=BUDGET)
            if rule.kind == "coupon" and rule.reference in beyond
            else rule
            for rule in rules
        ]
        priced = price(items, rules, freight)
        beyond = _beyond_budgets(priced, budgeted)
        if not beyond:
            break
        if looks >= MOST_LOOKS:
            beyond |= _worth_more(priced, budgeted)
    return priced


def _beyond_budgets(priced: Priced, budgeted: dict[str, CouponRule]) -> set[str]:
    """Numbers of the coupons whose template has less left than one of them takes off. Two of one
    template are of one group, so no sale has both."""
    over = {
        coupon.template_id
        for discount in priced.discounts
        if (coupon := budgeted.get(discount.rule.reference))
        and discount.total_fen > (coupon.budget_left_fen or 0)
    }
    return {no for no, coupon in budgeted.items() if coupon.template_id in over}


def _worth_more(priced: Priced, budgeted: dict[str, CouponRule]) -> set[str]:
    """Numbers of the coupons that were not chosen and are worth more than is left for them."""
    return {
        refusal.rule.reference
        for refusal in priced.refusals
        if (coupon := budgeted.get(refusal.rule.reference))
        and refusal.worth_fen > (coupon.budget_left_fen or 0)
    }


def shopper_facts(
    *, member_id: int, channel: str, rules: list[Rule], now: datetime
) -> dict[str, Any]:
    """What the scopes of ``rules`` ask about who buys, and where: one look-up per fact that is
    asked for, none where nothing is."""
    known = member_facts(member_id=member_id, rules=[rule.scope for rule in rules], now=now)
    return {"channel": str(channel), **known}


def gift_lines(
    gifts: tuple[Gift, ...], shelf: Offers, wanted: dict[str, int], now: datetime
) -> tuple[GiftLine, ...]:
    """Look whether the store has the gifts, beside the pieces of them that the basket wants. One
    statement; none without gifts."""
    if not gifts:
        return ()
    skus = sorted({gift.sku for gift in gifts})
    found = offers(store_code=shelf.store_code, sku_codes=skus, now=now).by_sku
    free = {code: offer.available - wanted.get(code, 0) for code, offer in found.items()}
    lines = []
    for gift in gifts:
        offer = found.get(gift.sku)
        given = offer is not None and offer.sellable and free[gift.sku] >= gift.pieces
        if given:
            free[gift.sku] -= gift.pieces
        lines.append(GiftLine(gift, offer if given else None))
    return tuple(lines)


def refusal_row(refusal: Refusal) -> dict[str, Any]:
    """Why a coupon is not used, as clients are told."""
    return {
        "coupon": refusal.rule.reference,
        "title": refusal.rule.title,
        "reason": refusal.reason,
        "missing_fen": refusal.missing_fen,
        "missing_pieces": refusal.missing_pieces,
        "worth_fen": refusal.worth_fen,
        "instead": refusal.instead.reference if refusal.instead else "",
        "instead_title": refusal.instead.title if refusal.instead else "",
        "instead_fen": refusal.instead_fen,
    }


def hint_row(hint: Hint) -> dict[str, Any]:
    """What is missing for more, as clients are told."""
    return {
        "kind": hint.rule.kind,
        "reference": hint.rule.reference,
        "title": hint.rule.title,
        "missing_fen": hint.missing_fen,
        "missing_pieces": hint.missing_pieces,
        "method": hint.rule.method,
        "value": hint.value,
    }


def refuse_unused(priced: Priced) -> None:
    """Raise CouponNotApplicable, with the reason in words, for the first coupon that was asked for
    and is not used; BudgetExhausted where that is why."""
    for refusal in priced.refusals:
        if refusal.reason == BUDGET:
            raise BudgetExhausted()
        row = refusal_row(refusal)
        missing = {key: row[key] for key in ("missing_fen", "missing_pieces")}
        raise CouponNotApplicable(coupon=row["coupon"], reason=refusal_words(row), **missing)


def with_gifts(priced: Priced, gifts: tuple[GiftLine, ...]) -> Priced:
    """Gifts as lines whose whole price is the promotion's discount."""
    for line in gifts:
        if line.offer is not None:
            gift, unit = line.gift, line.offer.price_fen
            priced = with_line(priced, Item(gift.sku, gift.pieces, unit, {}), 0)
            off = (*(0 for _net in priced.nets[1:]), unit * gift.pieces)
            priced = replace(priced, discounts=(*priced.discounts, Discount(gift.rule, off)))
    return priced


def with_line(priced: Priced, item: Item, net_fen: int) -> Priced:
    """One more line that no discount falls on and that reaches no threshold."""
    return replace(
        priced,
        items=(*priced.items, item),
        discounts=tuple(Discount(d.rule, (*d.amounts, 0)) for d in priced.discounts),
        nets=(*priced.nets, net_fen),
        prices=(*priced.prices, item.unit_price_fen),
    )
