"""Give back what cards paid at a till: into exactly the lots it came from."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import Conflict, DomainError
from config.kernel.events import record
from config.kernel.numbers import new_no
from config.kernel.states import compare_and_set
from config.kernel.tasks import nudge
from mall.events import PosTicketRefunded, PosTicketVoided
from mall.locks import pos_ticket_lock, ticket_claim
from mall.models import PosRefund, PosRefundLine, PosTender, PosTicket
from mall.pricing import refund_split
from mall.services.pos_till import PosTicketInFlight, PosTicketUnknown, Till, ticket_find
from mall.states import POS_TICKET_MACHINE, PosTicketState
from members.guards import card_refund

_VOID = "void"


class PosRefundTooLarge(Conflict):
    code = "pos_refund_too_large"
    message = _("More than is left: {card_left} to cards, {other_left} otherwise (fen).")


class PosRefundExists(Conflict):
    code = "pos_refund_exists"
    message = _("This refund number was used for another amount.")


class PosRefundNothing(DomainError):
    code = "pos_refund_nothing"
    message = _("Say how much goes back.")


class PosTicketEnded(Conflict):
    code = "pos_ticket_ended"
    message = _("Nothing is left of this ticket ({state}).")


class PosVoidTooLate(Conflict):
    code = "pos_void_too_late"
    message = _("A ticket is voided on its day and as a whole. Refund it instead.")


def pos_refund(
    *,
    till: Till,
    number: str,
    refund_no: str,
    amount_fen: int,
    other_fen: int = 0,
    reason: str = "",
    actor: Actor,
    now: datetime,
) -> PosTicket:
    """``amount_fen`` goes back to the ticket's cards, in proportion to what each tender has left;
    ``other_fen`` is what the till gives back by other means, which costs points as well.

    The same ``refund_no`` with the same amounts once more is answered with the ticket as it is.
    Raises PosTicketUnknown, PosTicketEnded, PosRefundNothing, PosRefundExists, PosRefundTooLarge.
    """
    if amount_fen < 0 or other_fen < 0 or amount_fen + other_fen == 0:
        raise PosRefundNothing()
    with transaction.atomic():
        ticket = _locked(till, number)
        before = ticket.refunds.filter(refund_no=refund_no).first()
        if before is not None:
            if (before.amount_fen, before.other_fen) != (amount_fen, other_fen):
                raise PosRefundExists()
            return ticket
        _refuse_ended(ticket)
        _give_back(ticket, refund_no, amount_fen, other_fen, reason, actor, now)
    return ticket


def pos_void(*, till: Till, number: str, reason: str, actor: Actor, now: datetime) -> PosTicket:
    """Undo a ticket on the day it was paid, as a whole. A number that the till never heard an
    answer for is closed by it: should the payment still arrive, it is refused.

    A repetition is answered with the ticket as it is. Raises PosTicketInFlight, PosTicketEnded
    (refunded), PosVoidTooLate.
    """
    with transaction.atomic():
        if not ticket_claim(till.counter, number):
            raise PosTicketInFlight()
        try:
            ticket = _locked(till, number)
        except PosTicketUnknown:
            return _close_number(till, number, reason, actor, now)
        if ticket.state == PosTicketState.VOIDED:
            return ticket
        _refuse_ended(ticket)
        paid_at = ticket.paid_at or ticket.created_at
        partly = ticket.refunded_fen or ticket.other_refunded_fen
        if partly or clock.local_date(paid_at) != clock.local_date(now):
            raise PosVoidTooLate()
        other = ticket.total_fen - ticket.card_fen
        _give_back(ticket, _VOID, ticket.card_fen, other, reason, actor, now, void=True)
    return ticket


def pos_ticket_transition(
    *,
    ticket: PosTicket,
    to_state: PosTicketState,
    actor: Actor,
    now: datetime,
    refund_id: int = 0,
    reason: str = "",
    **fields: Any,
) -> None:
    """End a locked ticket, writing ``fields`` with it."""
    from_state, to = compare_and_set(ticket, POS_TICKET_MACHINE, to_state, ended_at=now, **fields)
    known: dict[str, Any] = {
        "subject_id": ticket.pk,
        "member_id": ticket.member_id,
        "from_state": from_state,
        "to_state": to,
        "reason": reason,
    }
    voided = to_state == PosTicketState.VOIDED
    event = PosTicketVoided(**known) if voided else PosTicketRefunded(refund_id=refund_id, **known)
    record([event], actor=actor, now=now)


def _locked(till: Till, number: str) -> PosTicket:
    found = ticket_find(till=till, number=number)
    ticket = pos_ticket_lock(ticket_id=found.pk)
    ticket.member, ticket.terminal = found.member, found.terminal
    return ticket


def _refuse_ended(ticket: PosTicket) -> None:
    if ticket.state != PosTicketState.PAID:
        raise PosTicketEnded(state=str(PosTicketState(ticket.state).label))


def _give_back(
    ticket: PosTicket,
    refund_no: str,
    amount_fen: int,
    other_fen: int,
    reason: str,
    actor: Actor,
    now: datetime,
    *,
    void: bool = False,
) -> None:
    card_left = ticket.card_fen - ticket.refunded_fen
    other_left = ticket.total_fen - ticket.card_fen - ticket.other_refunded_fen
    if amount_fen > card_left or other_fen > other_left:
        raise PosRefundTooLarge(card_left=card_left, other_left=other_left)
    tenders = list(ticket.tenders.order_by("position"))
    parts = refund_split(amount_fen, [t.amount_fen - t.refunded_fen for t in tenders])
    refund = PosRefund.objects.create(
        no=new_no("PR"),
        ticket=ticket,
        refund_no=refund_no,
        amount_fen=amount_fen,
        other_fen=other_fen,
        reason=reason[:200],
        created_at=now,
    )
    given = [(tender, part) for tender, part in zip(tenders, parts, strict=True) if part]
    for tender, part in given:
        tender.refunded_fen += part
    PosTender.objects.bulk_update([tender for tender, _part in given], ["refunded_fen"])
    PosRefundLine.objects.bulk_create(
        PosRefundLine(refund=refund, tender=tender, amount_fen=part) for tender, part in given
    )
    counted = {
        "refunded_fen": ticket.refunded_fen + amount_fen,
        "other_refunded_fen": ticket.other_refunded_fen + other_fen,
    }
    if sum(counted.values()) == ticket.total_fen:
        pos_ticket_transition(
            ticket=ticket,
            to_state=PosTicketState.VOIDED if void else PosTicketState.REFUNDED,
            actor=actor,
            now=now,
            refund_id=refund.pk,
            reason=reason,
            **counted,
        )
    else:
        PosTicket.objects.filter(pk=ticket.pk).update(**counted)
        ticket.refunded_fen = counted["refunded_fen"]
        ticket.other_refunded_fen = counted["other_refunded_fen"]
        event = PosTicketRefunded(
            subject_id=ticket.pk, member_id=ticket.member_id, refund_id=refund.pk, reason=reason
        )
        record([event], actor=actor, now=now)
    nudge()
    if given:
        card_refund(
            items=[(tender.account_id, part) for tender, part in given],
            reference=ticket.no,
            key=refund.no,
            acceptor_code=ticket.operator.code,
            now=now,
        )


def _close_number(
    till: Till, ticket_no: str, reason: str, actor: Actor, now: datetime
) -> PosTicket:
    ticket = PosTicket.objects.create(
        no=new_no("PT"),
        terminal_id=till.terminal_id,
        ticket_no=ticket_no,
        store_id=till.store_id,
        operator_id=till.operator_id,
        state=PosTicketState.VOIDED,
        total_fen=0,
        card_fen=0,
        created_at=now,
        ended_at=now,
    )
    closed = PosTicketVoided(
        subject_id=ticket.pk, member_id=None, to_state=PosTicketState.VOIDED, reason=reason
    )
    record([closed], actor=actor, now=now)
    return ticket
