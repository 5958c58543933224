"""Tills: look a member up by their code, quote, take a payment by card, give it back, ask."""

from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.kernel.api import CommandView
from mall.api.pos import examples as ex
from mall.api.pos import serializers as s
from mall.pos_guesses import guesses_counted
from mall.services.pos_pay import pos_pay
from mall.services.pos_quote import TillLine, pos_quote
from mall.services.pos_refund import pos_refund, pos_void
from mall.services.pos_scan import pos_scan
from mall.services.pos_till import Till, ticket_document, ticket_status
from stores.auth import IsTerminal, TerminalAuthentication, TerminalPrincipal, TerminalRequest
from stores.states import TerminalScope

CASHIER = OpenApiParameter(
    "X-Cashier",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="Who stands at the till: 1–20 letters, digits, - or _. Kept with what they do.",
)
_EVERY: list[str] = ["cashier_missing"]


def till_of(terminal: TerminalPrincipal) -> Till:
    return Till(
        name=terminal.caller,
        store_id=terminal.store_id,
        store_code=terminal.store_code,
        operator_id=terminal.operator_id,
        operator_code=terminal.operator_code,
        terminal_id=terminal.pk,
    )


class TillCommand(CommandView):
    """A POST of a till; ``scope`` is what its key must allow."""

    request: TerminalRequest  # type: ignore[assignment]  # a terminal let it in
    authentication_classes = [TerminalAuthentication]
    permission_classes = [IsTerminal]
    throttle_scope = "caller"
    scope: ClassVar[str | None] = None

    @property
    def till(self) -> Till:
        return till_of(self.request.user)

    def post(self, request: Request, **kwargs: Any) -> Response:
        """Whoever sends codes that are none is let in a few times a minute."""
        if not (isinstance(request.data, dict) and request.data.get("code")):
            return super().post(request, **kwargs)
        with guesses_counted(self.request.user.caller):
            return super().post(request, **kwargs)


@extend_schema(tags=["pos"], parameters=[CASHIER])
class ScanView(TillCommand):
    """Look a member up by the code they show, in either form. The code is used up by it; the
    ``visit`` stands for it from then on: for quotes, and for one payment within ten minutes, at
    this terminal alone. Repeat a scan that got no answer with the same Idempotency-Key."""

    operations: ClassVar = {"POST": "pos_scan"}
    refusals: ClassVar = {
        "POST": [*_EVERY, "member_code_invalid", "member_code_used", "member_code_guesses"]
    }
    examples: ClassVar = {"POST": ex.SCAN}
    scope = TerminalScope.LOOK
    input = s.ScanInput
    output = s.ScanOutput

    def run(self, *, data, now, **kwargs):
        return s.ScanOutput(pos_scan(till=self.till, code=data["code"], now=now)).data


@extend_schema(tags=["pos"], parameters=[CASHIER])
class TillQuoteView(TillCommand):
    """What a sale costs this member: prices of the till or the store's, coupons that stores take,
    and how far the member's cards go. Changes nothing. Promotions whose channels name stores apply
    where ``with_promotions`` asks for them: otherwise the till's own are in its prices already.
    ``hints`` says what is missing for more, ``gifts`` what is to be handed out."""

    operations: ClassVar = {"POST": "pos_quote"}
    refusals: ClassVar = {
        "POST": [
            *_EVERY,
            "sku_unavailable",
            "basket_too_large",
            "pos_member_missing",
            "visit_over",
            "coupon_not_applicable",
        ]
    }
    examples: ClassVar = {"POST": ex.QUOTE}
    scope = TerminalScope.LOOK
    input = s.TillQuoteInput
    output = s.TillQuoteOutput
    idempotent = False
    success_status = 200

    def run(self, *, data, now, **kwargs):
        return pos_quote(
            till=self.till,
            lines=[TillLine(**line) for line in data["lines"]],
            visit=data["visit"],
            coupon_nos=data["coupons"],
            card_no=data["card"],
            with_promotions=data["with_promotions"],
            now=now,
        )


@extend_schema(tags=["pos"], parameters=[CASHIER])
class TicketsView(TillCommand):
    """Take a payment by stored value. The answer is final. Without an answer, ask for the ticket,
    or send the very same again: it is paid once however often it is sent, under this
    Idempotency-Key or another. ``pos_ticket_in_flight``: ask again in a second. To be rid of it
    for certain, void the number."""

    operations: ClassVar = {"POST": "pos_pay"}
    refusals: ClassVar = {
        "POST": [
            *_EVERY,
            "pos_amount_invalid",
            "pos_member_missing",
            "visit_over",
            "member_code_invalid",
            "member_code_used",
            "member_code_guesses",
            "insufficient_funds",
            "card_not_usable",
            "card_not_accepted",
            "pos_ticket_exists",
            "pos_ticket_in_flight",
            "period_sealed",
        ]
    }
    examples: ClassVar = {"POST": ex.PAY}
    scope = TerminalScope.PAY
    input = s.TicketInput
    output = s.TicketOutput

    def run(self, *, data, now, **kwargs):
        ticket = pos_pay(
            till=self.till,
            ticket_no=data["ticket_no"],
            total_fen=data["total_fen"],
            card_fen=data["card_fen"],
            visit=data["visit"],
            code=data["code"],
            card_no=data["card"],
            lines=data["lines"],
            actor=self.request.user.actor,
            now=now,
        )
        return s.TicketOutput(ticket_document(ticket)).data


@extend_schema(tags=["pos"], parameters=[CASHIER])
class TicketView(APIView):
    """A ticket by the till's number or by ours. 404 says that nothing was booked under it and
    nothing is under way; a payment that still is answers ``pos_ticket_in_flight``."""

    request: TerminalRequest
    authentication_classes = [TerminalAuthentication]
    permission_classes = [IsTerminal]
    operations: ClassVar = {"GET": "pos_ticket"}
    refusals: ClassVar = {"GET": [*_EVERY, "pos_ticket_unknown", "pos_ticket_in_flight"]}
    examples: ClassVar = {"GET": ex.TICKET}
    output = s.TicketOutput

    def get(self, request, number: str):
        ticket = ticket_status(till=till_of(request.user), number=number)
        return Response(s.TicketOutput(ticket_document(ticket)).data)


@extend_schema(tags=["pos"], parameters=[CASHIER])
class TicketRefundsView(TillCommand):
    """Give a part, or all, of a ticket back. ``amount_fen`` returns to exactly the cards and lots
    that paid, in proportion to what each has left in it; a frozen card takes it, too. The same
    ``refund_no`` again gives nothing back a second time."""

    operations: ClassVar = {"POST": "pos_refund"}
    refusals: ClassVar = {
        "POST": [
            *_EVERY,
            "pos_ticket_unknown",
            "pos_ticket_ended",
            "pos_refund_nothing",
            "pos_refund_too_large",
            "pos_refund_exists",
            "period_sealed",
        ]
    }
    examples: ClassVar = {"POST": ex.REFUND}
    scope = TerminalScope.REFUND
    input = s.TicketRefundInput
    output = s.TicketOutput

    def run(self, *, data, now, **kwargs):
        ticket = pos_refund(
            till=self.till,
            number=kwargs["number"],
            refund_no=data["refund_no"],
            amount_fen=data["amount_fen"],
            other_fen=data["other_fen"],
            reason=data["reason"],
            actor=self.request.user.actor,
            now=now,
        )
        return s.TicketOutput(ticket_document(ticket)).data


@extend_schema(tags=["pos"], parameters=[CASHIER])
class TicketVoidView(TillCommand):
    """Undo a ticket as a whole, on its day. Of a number that was never booked it makes sure that
    it never will be: a payment that is still on its way is refused when it arrives."""

    operations: ClassVar = {"POST": "pos_void"}
    refusals: ClassVar = {
        "POST": [
            *_EVERY,
            "pos_ticket_ended",
            "pos_ticket_in_flight",
            "pos_void_too_late",
            "period_sealed",
        ]
    }
    examples: ClassVar = {"POST": ex.VOID}
    scope = TerminalScope.REFUND
    input = s.TicketVoidInput
    output = s.TicketOutput

    def run(self, *, data, now, **kwargs):
        ticket = pos_void(
            till=self.till,
            number=kwargs["number"],
            reason=data["reason"],
            actor=self.request.user.actor,
            now=now,
        )
        return s.TicketOutput(ticket_document(ticket)).data
