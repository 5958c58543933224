"""Undo a redemption in a store, or take a part of the sale back that coupons were used for."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, DomainError
from config.kernel.events import record
from config.kernel.states import compare_and_set
from coupons.events import CouponTicketChanged
from coupons.guards import coupon_reduce, coupon_return
from coupons.locks import coupon_ticket_lock
from coupons.models import CouponTicket, CouponTicketReturn
from coupons.redemption_rules import redemption_rules
from coupons.states import TICKET_MACHINE, TicketState
from mall.pricing import discounts_back
from mall.services.pos_till import Till
from mall.services.redemption_query import redemption_find


class RedemptionEnded(Conflict):
    code = "redemption_ended"
    message = _("These coupons have been given back already ({state}).")


class RedemptionTooLate(Conflict):
    code = "redemption_too_late"
    message = _("It is too late for this at a till. A manager of the store does it, and says why.")


class RedemptionReasonMissing(DomainError):
    code = "redemption_reason"
    message = _("Say why.")


class RedemptionReturnExists(Conflict):
    code = "redemption_return_exists"
    message = _("This return number was used for something else.")


class RedemptionReturnTooLarge(Conflict):
    code = "redemption_return_too_large"
    message = _("More is returned than is left of the sale.")


class RedemptionReturnFree(Conflict):
    """A line at no price: no coupon and no money hangs on it."""

    code = "redemption_return_free"
    message = _("This cost nothing: there is nothing to be given back.")


def redemption_reverse(
    *, till: Till, number: str, reason: str = "", manager: bool = False, actor: Actor, now: datetime
) -> CouponTicket:
    """Give every coupon of the ticket back as if it had not been used. For the minutes of the
    policy whoever works at the store does; later a ``manager``, with a reason.

    A repetition is answered with the ticket as it is. Raises RedemptionUnknown, RedemptionEnded
    (returned), RedemptionTooLate, RedemptionReasonMissing.
    """
    with transaction.atomic():
        ticket = coupon_ticket_lock(ticket_id=redemption_find(till=till, number=number).pk)
        if ticket.state == TicketState.REVERSED:
            return ticket
        _refuse_ended(ticket)
        rules = redemption_rules(operator_code=ticket.operator.code, now=now)
        if now >= ticket.redeemed_at + rules.reverse_within:
            if not manager:
                raise RedemptionTooLate()
            if not reason.strip():
                raise RedemptionReasonMissing()
        coupon_ticket_transition(
            ticket=ticket, to_state=TicketState.REVERSED, reason=reason, actor=actor, now=now
        )
        coupon_return(reference=ticket.no, undo=True, actor=actor, now=now)
    return ticket


def redemption_return(
    *,
    till: Till,
    number: str,
    return_no: str,
    units: Sequence[tuple[int, int]] = (),
    amount_fen: int | None = None,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> CouponTicket:
    """A part of the sale comes back: ``units`` are (line, pieces) of a basket, ``amount_fen`` is
    before discounts, of a sale that was an amount. The coupons' part in it is taken back from
    them, rounded so that the parts end on the whole, and what promotions took off was never paid;
    when all has come back, so do the coupons whose templates say so.

    The same ``return_no`` with the same once more is answered with the ticket as it is. Raises
    RedemptionUnknown, RedemptionEnded, RedemptionReturnExists, RedemptionReturnTooLarge,
    RedemptionReturnFree.
    """
    with transaction.atomic():
        ticket = coupon_ticket_lock(ticket_id=redemption_find(till=till, number=number).pk)
        asked = _asked(ticket, units, amount_fen)
        before = list(ticket.returns.order_by("pk"))
        for known in before:
            if known.return_no == return_no:
                if known.units != asked:
                    raise RedemptionReturnExists()
                return ticket
        _refuse_ended(ticket)
        gross, parts, promotion_fen = _worth(ticket, asked, before)
        if not gross:
            raise RedemptionReturnFree()
        returned = CouponTicketReturn.objects.create(
            ticket=ticket,
            return_no=return_no,
            gross_fen=gross,
            discount_fen=sum(parts.values()),
            promotion_fen=promotion_fen,
            units=asked,
            created_at=now,
        )
        counted: dict[str, Any] = {
            "returned_gross_fen": ticket.returned_gross_fen + gross,
            "returned_discount_fen": ticket.returned_discount_fen + returned.discount_fen,
            "returned_promotion_fen": ticket.returned_promotion_fen + promotion_fen,
        }
        coupon_reduce(uses=[use for use in parts.items() if use[1]], reference=ticket.no)
        if counted["returned_gross_fen"] == ticket.gross_fen:
            coupon_ticket_transition(
                ticket=ticket,
                to_state=TicketState.RETURNED,
                return_id=returned.pk,
                reason=reason,
                actor=actor,
                now=now,
                **counted,
            )
            coupon_return(reference=ticket.no, actor=actor, now=now)
        else:
            CouponTicket.objects.filter(pk=ticket.pk).update(**counted)
            for name, value in counted.items():
                setattr(ticket, name, value)
            event = CouponTicketChanged(
                subject_id=ticket.pk,
                member_id=ticket.member_id,
                return_id=returned.pk,
                reason=reason,
            )
            record([event], actor=actor, now=now)
    return ticket


def coupon_ticket_transition(
    *,
    ticket: CouponTicket,
    to_state: TicketState,
    reason: str = "",
    return_id: int = 0,
    actor: Actor,
    now: datetime,
    **fields: Any,
) -> None:
    """End a locked ticket, writing ``fields`` with it."""
    from_state, to = compare_and_set(ticket, TICKET_MACHINE, to_state, ended_at=now, **fields)
    event = CouponTicketChanged(
        subject_id=ticket.pk,
        member_id=ticket.member_id,
        from_state=from_state,
        to_state=to,
        return_id=return_id,
        reason=reason,
    )
    record([event], actor=actor, now=now)


def _refuse_ended(ticket: CouponTicket) -> None:
    if ticket.state != TicketState.REDEEMED:
        raise RedemptionEnded(state=str(TicketState(ticket.state).label))


def _asked(
    ticket: CouponTicket, units: Sequence[tuple[int, int]], amount_fen: int | None
) -> list[list[int]]:
    """[[line, pieces]], canonical. An amount is pieces of one fen; it stands for a basket with
    one such line only."""
    whole = [line["unit_price_fen"] == 1 and not line["sku"] for line in ticket.lines] == [True]
    if (amount_fen is not None) != whole or bool(units) == whole:
        raise RedemptionReturnTooLarge()
    taken = [(0, amount_fen or 0)] if whole else list(units)
    places = [place for place, _n in taken]
    if len(set(places)) != len(places) or any(n <= 0 for _place, n in taken):
        raise RedemptionReturnTooLarge()
    if any(not 0 <= place < len(ticket.lines) for place in places):
        raise RedemptionReturnTooLarge()
    return [[place, n] for place, n in sorted(taken)]


def _worth(
    ticket: CouponTicket, asked: list[list[int]], before: Sequence[CouponTicketReturn]
) -> tuple[int, dict[int, int], int]:
    """(fen before discounts, coupon id → fen of its discount, fen of promotions) of the pieces."""
    discounts = [*ticket.discounts, *ticket.promotions]
    gross, taken = 0, [0] * len(discounts)
    for place, n in asked:
        line = ticket.lines[place]
        takes = [units for known in before for at, units in known.units if at == place]
        if sum(takes) + n > line["quantity"]:
            raise RedemptionReturnTooLarge()
        amounts = [d["amounts"][place] for d in discounts]
        parts = discounts_back(amounts, line["quantity"], [*takes, n])[-1]
        gross += n * line["unit_price_fen"]
        taken = [a + b for a, b in zip(taken, parts, strict=True)]
    coupons = len(ticket.discounts)
    ids = [d["id"] for d in ticket.discounts]
    return gross, dict(zip(ids, taken[:coupons], strict=True)), sum(taken[coupons:])
