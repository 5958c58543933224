"""Where a till's ticket is worked on, and the ticket's own words."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from mall.locks import ticket_claim
from mall.models import PosTicket


class PosTicketUnknown(NotFound):
    """Never seen at this store: nothing was booked. While it is being paid, queries say so."""

    code = "pos_ticket_unknown"
    message = _("No ticket of this store has this number.")


class PosTicketInFlight(Conflict):
    code = "pos_ticket_in_flight"
    message = _("This ticket is being worked on. Ask again shortly.")


@dataclass(frozen=True, slots=True)
class Till:
    """A terminal, or (without ``terminal_id``) a person at the desk of a store. ``name`` is what
    member codes are used by: "terminal:TM…" or "user:…"."""

    name: str
    store_id: int
    store_code: str
    operator_id: int
    operator_code: str
    terminal_id: int | None = None

    @property
    def counter(self) -> str:
        """Within it ticket numbers are unique: the terminal, or the desk of the store."""
        return self.name if self.terminal_id is not None else f"store:{self.store_id}"


def ticket_of_till(*, till: Till, ticket_no: str) -> PosTicket | None:
    """The ticket that this very till (or desk) numbered so."""
    return (
        PosTicket.objects.select_related("member", "terminal", "operator")
        .filter(Q(terminal_id=till.terminal_id), store_id=till.store_id, ticket_no=ticket_no)
        .first()
    )


def ticket_find(*, till: Till, number: str) -> PosTicket:
    """The till's own ticket of this number, or the one of its store that we numbered so, which is
    printed on the receipt and good at every till of the store. Raises PosTicketUnknown."""
    found = PosTicket.objects.select_related("member", "terminal", "operator").filter(
        Q(terminal_id=till.terminal_id, ticket_no=number) | Q(no=number), store_id=till.store_id
    )
    # Its own numbers come first, should one look like ours.
    for ticket in sorted(found, key=lambda ticket: ticket.no == number):
        return ticket
    raise PosTicketUnknown()


def ticket_status(*, till: Till, number: str) -> PosTicket:
    """As :func:`ticket_find`, for a till that got no answer: PosTicketUnknown means that nothing
    was booked and nothing is under way, PosTicketInFlight that a payment still is."""
    try:
        return ticket_find(till=till, number=number)
    except PosTicketUnknown:
        with transaction.atomic():
            if not ticket_claim(till.counter, number):
                raise PosTicketInFlight() from None
            # It may have been booked between the look and the claim.
            return ticket_find(till=till, number=number)


def ticket_document(ticket: PosTicket) -> dict[str, Any]:
    """The ticket as tills and desks see it; two statements beside the ticket's own."""
    return {
        "no": ticket.no,
        "ticket_no": ticket.ticket_no,
        "state": str(ticket.state),
        "member": ticket.member.no if ticket.member else "",
        "total_fen": ticket.total_fen,
        "card_fen": ticket.card_fen,
        "other_fen": ticket.total_fen - ticket.card_fen,
        "refunded_fen": ticket.refunded_fen,
        "other_refunded_fen": ticket.other_refunded_fen,
        "paid_at": ticket.paid_at,
        "ended_at": ticket.ended_at,
        "tenders": [
            {
                "kind": t.kind,
                "card": t.card_no,
                "amount_fen": t.amount_fen,
                "refunded_fen": t.refunded_fen,
            }
            for t in ticket.tenders.order_by("position")
        ],
        "refunds": [
            {
                "no": r.no,
                "refund_no": r.refund_no,
                "amount_fen": r.amount_fen,
                "other_fen": r.other_fen,
                "created_at": r.created_at,
            }
            for r in ticket.refunds.order_by("pk")
        ],
    }


def till_of_store(*, store: Any, actor: Actor) -> Till:
    """The desk of ``store`` (with its operator), where ``actor`` stands."""
    return Till(
        name=f"{actor.kind}:{actor.id}",
        store_id=store.pk,
        store_code=store.code,
        operator_id=store.operator_id,
        operator_code=store.operator.code,
    )
