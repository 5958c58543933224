"""Coupons of a member redeemed in a store, for a sale that the mall knows nothing of."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, DomainError
from config.kernel.events import record
from config.kernel.numbers import new_no
from coupons.events import CouponTicketChanged
from coupons.guards import coupon_redeem
from coupons.models import CouponTicket
from coupons.states import Channel, TicketState
from mall.discount_terms_words import rule_words
from mall.locks import ticket_claim
from mall.services.pos_pay import PosMemberMissing
from mall.services.pos_quote import TillLine, TillSale, sale_document, till_price
from mall.services.pos_till import PosTicketInFlight, Till
from mall.services.quote_rules import refuse_unused
from mall.services.redemption_query import ticket_of_counter
from mall.services.redemption_scan import coupon_owner
from members.guards_code import member_code_use
from members.services.visit_find import visit_find


class RedemptionExists(Conflict):
    code = "redemption_exists"
    message = _("This ticket number was used before ({no}, {state}).")


class RedemptionChanged(Conflict):
    """``extra`` has the discount as it is now."""

    code = "redemption_changed"
    message = _("The discount is not what you were shown: {discount_fen} fen now.")


class RedemptionBasket(DomainError):
    code = "redemption_basket"
    message = _("Send either the lines of the sale or its amount.")


def basket_lines(
    *, lines: Sequence[TillLine], amount_fen: int | None
) -> tuple[Sequence[TillLine], bool]:
    """The lines to be priced, and whether they stand for an amount. Raises RedemptionBasket."""
    if bool(lines) == (amount_fen is not None):
        raise RedemptionBasket()
    if amount_fen is None:
        return lines, False
    # Nobody knows what is in it: no promotion does either.
    line = TillLine(sku="", title="", quantity=1, unit_price_fen=amount_fen, promotions=False)
    return [line], True


def redemption_preview(
    *,
    till: Till,
    visit: str = "",
    shown: str = "",
    coupon_nos: Sequence[str],
    lines: Sequence[TillLine] = (),
    amount_fen: int | None = None,
    with_promotions: bool = False,
    now: datetime,
) -> dict[str, Any]:
    """What the coupons would take off the sale; nothing is written and nothing promised. The
    member is there by ``visit``, or ``shown`` is the number of the one coupon they showed. With
    ``with_promotions`` those for stores work on the lines first, never on an amount.

    Raises RedemptionBasket, VisitOver, CouponUnknown, SkuUnavailable, BasketTooLarge,
    CouponNotApplicable, CouponUsed.
    """
    basket, _whole = basket_lines(lines=lines, amount_fen=amount_fen)
    member_id = _present(till, visit, shown, coupon_nos, now)
    sale = till_price(
        till=till,
        member_id=member_id,
        lines=basket,
        coupon_nos=coupon_nos,
        with_promotions=with_promotions,
        present=not shown,
        now=now,
    )
    return sale_document(sale)


def redemption_confirm(
    *,
    till: Till,
    ticket_no: str,
    coupon_nos: Sequence[str],
    visit: str = "",
    code: str = "",
    shown: str = "",
    lines: Sequence[TillLine] = (),
    amount_fen: int | None = None,
    discount_fen: int | None = None,
    with_promotions: bool = False,
    actor: Actor,
    now: datetime,
) -> CouponTicket:
    """Use the coupons for the sale ``ticket_no`` of the till, all of them or none. ``visit``
    stays good: the sale may be paid by card after it. ``shown`` instead is the number of the one
    coupon that the member showed. ``discount_fen`` is what the preview said. Promotions are
    those of the preview: the ticket keeps what they took off, and nobody bears it but the store.

    The same once more is answered with the ticket that is there; on a refusal nothing has
    changed. Raises PosTicketInFlight, RedemptionExists, RedemptionBasket, RedemptionChanged,
    PosMemberMissing, VisitOver, CouponUnknown, MemberCodeInvalid, MemberCodeUsed,
    SkuUnavailable, BasketTooLarge, CouponNotApplicable, CouponUsed, CouponUnavailable,
    BudgetExhausted.
    """
    basket, whole = basket_lines(lines=lines, amount_fen=amount_fen)
    if [bool(visit), bool(code), bool(shown)].count(True) != 1 or not coupon_nos:
        raise PosMemberMissing()
    request_hash = _request_hash(
        visit or shown, code, coupon_nos, lines=basket, whole=whole, with_promotions=with_promotions
    )
    with transaction.atomic():
        if not ticket_claim(till.counter, ticket_no):
            raise PosTicketInFlight()
        known = ticket_of_counter(till=till, ticket_no=ticket_no)
        if known is not None:
            if known.request_hash != request_hash:
                raise RedemptionExists(no=known.no, state=str(TicketState(known.state).label))
            return known
        if code:
            visit = member_code_use(scanned=code, by=till.name, now=now).visit
        member_id = _present(till, visit, shown, coupon_nos, now)
        sale = till_price(
            till=till,
            member_id=member_id,
            lines=basket,
            coupon_nos=coupon_nos,
            with_promotions=with_promotions,
            present=not shown,
            now=now,
        )
        _refuse(sale, discount_fen)
        ticket = _write(till, ticket_no, member_id, sale, whole, request_hash, actor, now)
        coupon_redeem(
            uses=[(d["id"], sum(d["amounts"])) for d in ticket.discounts],
            member_id=member_id,
            reference=ticket.no,
            channel=Channel.STORE,
            now=now,
            actor=actor,
        )
    return ticket


def _request_hash(
    present: str,
    code: str,
    coupon_nos: Sequence[str],
    *,
    lines: Sequence[TillLine],
    whole: bool,
    with_promotions: bool,
) -> str:
    """Of what makes two requests the same. One that says nothing of promotions hashes as it did
    before there were any at tills."""
    rows = [asdict(line) for line in lines]
    for row in rows:
        if row["promotions"] or whole:
            del row["promotions"]
    said: list[Any] = [present, code, sorted(coupon_nos), rows]
    if with_promotions:
        said.append("promotions")
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _present(till: Till, visit: str, shown: str, coupon_nos: Sequence[str], now: datetime) -> int:
    """The id of the member who is there. A coupon that is shown stands for itself alone: none of
    the member's others is used without them."""
    if not shown:
        return visit_find(visit=visit, by=till.name, now=now)
    if visit or list(coupon_nos) != [shown]:
        raise PosMemberMissing()
    return coupon_owner(shown=shown)


def _refuse(sale: TillSale, expected_fen: int | None) -> None:
    refuse_unused(sale.priced)
    if expected_fen is not None and expected_fen != sale.priced.discount_fen:
        raise RedemptionChanged(discount_fen=sale.priced.discount_fen)


def _write(
    till: Till,
    ticket_no: str,
    member_id: int,
    sale: TillSale,
    whole: bool,
    request_hash: str,
    actor: Actor,
    now: datetime,
) -> CouponTicket:
    document, ids = sale_document(sale), {c.no: c.pk for c in sale.coupons}
    lines = [
        {key: line[key] for key in ("sku", "title", "quantity", "unit_price_fen", "net_fen")}
        for line in document["lines"]
    ]
    if whole:
        # Of an amount any part comes back: its pieces are fen.
        lines = [{**lines[0], "quantity": sale.priced.gross_fen, "unit_price_fen": 1}]
    ticket = CouponTicket.objects.create(
        no=new_no("CR"),
        terminal_id=till.terminal_id,
        ticket_no=ticket_no,
        store_id=till.store_id,
        operator_id=till.operator_id,
        member_id=member_id,
        redeemed_by=f"{actor.kind}:{actor.id}"[:80],
        state=TicketState.REDEEMED,
        gross_fen=sale.priced.gross_fen,
        discount_fen=sale.priced.discount_fen - sale.promotion_fen,
        promotion_fen=sale.promotion_fen,
        lines=lines,
        discounts=[
            {
                "coupon": d.rule.reference,
                "id": ids[d.rule.reference],
                "title": d.rule.title,
                "amounts": list(d.amounts),
            }
            for d in sale.priced.discounts
            if d.rule.kind == "coupon"
        ],
        promotions=[
            {
                "promotion": d.rule.reference,
                "title": d.rule.title,
                "words": rule_words(d.rule),
                "amounts": list(d.amounts),
            }
            for d in sale.priced.discounts
            if d.rule.kind == "promotion"
        ],
        quote=document,
        request_hash=request_hash,
        redeemed_at=now,
    )
    event = CouponTicketChanged(
        subject_id=ticket.pk, to_state=TicketState.REDEEMED, member_id=member_id
    )
    record([event], actor=actor, now=now)
    return ticket
