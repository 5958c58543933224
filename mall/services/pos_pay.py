"""Take a payment by stored value at a till: final when it is answered, known by its ticket."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, DomainError
from config.kernel.events import record
from config.kernel.numbers import new_no
from config.kernel.tasks import nudge
from mall.events import PosTicketPaid
from mall.locks import ticket_claim
from mall.models import PosTender, PosTicket
from mall.services.pos_till import PosTicketInFlight, Till, ticket_of_till
from mall.states import PosTicketState
from members.cards import CardPart, card_split
from members.guards import CardNotAccepted, CardNotUsable, card_spend
from members.guards_code import member_code_use, visit_spend
from members.models import Card
from members.selectors import card_lots
from members.states import CardState
from stores.ledger import InsufficientFunds


class PosTicketExists(Conflict):
    """Paid with other figures, or voided before it was paid: the number is taken."""

    code = "pos_ticket_exists"
    message = _("This ticket number was used before ({no}, {state}).")


class PosAmountInvalid(DomainError):
    code = "pos_amount_invalid"
    message = _("Cards pay between one fen and the total, and the lines add up to it.")


class PosMemberMissing(DomainError):
    code = "pos_member_missing"
    message = _("Send the visit that the scan opened, or the member's code: one of them.")


def pos_pay(
    *,
    till: Till,
    ticket_no: str,
    total_fen: int,
    card_fen: int | None,
    visit: str = "",
    code: str = "",
    card_no: str = "",
    lines: Sequence[dict[str, Any]] = (),
    actor: Actor,
    now: datetime,
) -> PosTicket:
    """``card_fen`` of a sale of ``total_fen`` (default: all of it) out of the cards of the member
    whose code was scanned, ``card_no`` alone if named; the rest is the till's own business.

    The same once more is answered with the ticket that is there. On a refusal nothing has
    changed, and the visit, or the code while it lives, is good for another attempt. Raises
    PosTicketInFlight, PosTicketExists, PosAmountInvalid, PosMemberMissing, VisitOver,
    MemberCodeInvalid, MemberCodeUsed, CardNotUsable, CardNotAccepted, InsufficientFunds.
    """
    amount = total_fen if card_fen is None else card_fen
    if not 0 < amount <= total_fen or (lines and sum(x["net_fen"] for x in lines) != total_fen):
        raise PosAmountInvalid()
    if bool(visit) == bool(code):
        raise PosMemberMissing()
    said = json.dumps([total_fen, amount, visit, code, card_no, list(lines)], sort_keys=True)
    request_hash = hashlib.sha256(said.encode()).hexdigest()
    with transaction.atomic():
        if not ticket_claim(till.counter, ticket_no):
            raise PosTicketInFlight()
        known = ticket_of_till(till=till, ticket_no=ticket_no)
        if known is not None:
            if known.request_hash != request_hash:
                raise PosTicketExists(no=known.no, state=str(PosTicketState(known.state).label))
            return known
        if code:
            visit = member_code_use(scanned=code, by=till.name, now=now).visit
        member_id = visit_spend(visit=visit, by=till.name, now=now)
        parts = _parts(till, member_id, card_no, amount, now)
        ticket = PosTicket.objects.create(
            no=new_no("PT"),
            terminal_id=till.terminal_id,
            ticket_no=ticket_no,
            store_id=till.store_id,
            operator_id=till.operator_id,
            member_id=member_id,
            state=PosTicketState.PAID,
            total_fen=total_fen,
            card_fen=amount,
            lines=list(lines),
            request_hash=request_hash,
            created_at=now,
            paid_at=now,
        )
        PosTender.objects.bulk_create(
            PosTender(
                ticket=ticket,
                position=position,
                kind=part.kind,
                account_id=part.account_id,
                card_no=part.card_no,
                amount_fen=part.amount_fen,
            )
            for position, part in enumerate(parts)
        )
        paid = PosTicketPaid(
            subject_id=ticket.pk, member_id=member_id, to_state=PosTicketState.PAID
        )
        record([paid], actor=actor, now=now)
        nudge()
        card_spend(
            parts=parts,
            reference=ticket.no,
            acceptor_code=till.operator_code,
            store_code=till.store_code,
            now=now,
        )
    return ticket


def _parts(
    till: Till, member_id: int, card_no: str, amount_fen: int, now: datetime
) -> list[CardPart]:
    lots = card_lots(
        member_id=member_id,
        card_no=card_no or None,
        acceptor_code=till.operator_code,
        store_code=till.store_code,
    )
    if sum(lot.value_fen for lot in lots) < amount_fen:
        if card_no and not lots:
            _refuse(till, member_id, card_no, now)
        raise InsufficientFunds()
    return card_split(lots, amount_fen)


def _refuse(till: Till, member_id: int, card_no: str, now: datetime) -> None:
    """Say why a card that was named pays nothing, when it is not that it is empty."""
    card = Card.objects.select_related("product").filter(no=card_no, member_id=member_id).first()
    expired = card and card.expires_at is not None and card.expires_at <= now
    if card is None or card.state != CardState.ACTIVE or expired:
        raise CardNotUsable()
    operators, stores = card.product.accepted_operators, card.product.accepted_stores
    if (operators and till.operator_code not in operators) or (
        stores and till.store_code not in stores
    ):
        raise CardNotAccepted()
