"""Tills: coupons redeemed for a sale that is the till's own."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response
from rest_framework.views import APIView

from mall.api.pos import examples as ex
from mall.api.pos import serializers as s
from mall.api.pos.views import CASHIER, TillCommand, till_of
from mall.services.pos_quote import TillLine
from mall.services.redemption_confirm import redemption_confirm, redemption_preview
from mall.services.redemption_query import redemption_document, redemption_query
from mall.services.redemption_reverse import redemption_return, redemption_reverse
from stores.auth import IsTerminal, TerminalAuthentication, TerminalRequest
from stores.states import TerminalScope

_PRICING = [
    "redemption_basket",
    "visit_over",
    "sku_unavailable",
    "basket_too_large",
    "coupon_not_applicable",
    "coupon_used",
]


@extend_schema(tags=["pos"], parameters=[CASHIER])
class RedemptionPreviewView(TillCommand):
    """What coupons would take off a sale: of its lines, or of its amount. Changes nothing. A
    coupon that was used before is refused with where, when and by whom. With ``with_promotions``
    those for stores work on the lines first; on an amount none does."""

    operations: ClassVar = {"POST": "pos_coupon_preview"}
    refusals: ClassVar = {"POST": ["cashier_missing", *_PRICING]}
    examples: ClassVar = {"POST": ex.COUPON_PREVIEW}
    scope = TerminalScope.LOOK
    input = s.RedemptionPreviewInput
    output = s.RedemptionPreviewOutput
    idempotent = False
    success_status = 200

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        return redemption_preview(
            till=self.till,
            visit=data["visit"],
            coupon_nos=data["coupons"],
            lines=[TillLine(**line) for line in data["lines"]],
            amount_fen=data["amount_fen"],
            with_promotions=data["with_promotions"],
            now=now,
        )


@extend_schema(tags=["pos"], parameters=[CASHIER])
class RedemptionsView(TillCommand):
    """Redeem coupons for a sale: all of those that are named, or none. The answer is final;
    without one, ask for the ticket or send the very same again: coupons are used once however
    often it is sent. The visit stays good, so that the sale can be paid by card after it."""

    operations: ClassVar = {"POST": "pos_coupon_redeem"}
    refusals: ClassVar = {
        "POST": [
            "cashier_missing",
            *_PRICING,
            "pos_member_missing",
            "member_code_invalid",
            "member_code_used",
            "member_code_guesses",
            "coupon_unavailable",
            "coupon_budget_exhausted",
            "redemption_changed",
            "redemption_exists",
            "pos_ticket_in_flight",
        ]
    }
    examples: ClassVar = {"POST": ex.COUPON_REDEEM}
    scope = TerminalScope.PAY
    input = s.RedemptionInput
    output = s.RedemptionOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        ticket = redemption_confirm(
            till=self.till,
            ticket_no=data["ticket_no"],
            visit=data["visit"],
            code=data["code"],
            coupon_nos=data["coupons"],
            lines=[TillLine(**line) for line in data["lines"]],
            amount_fen=data["amount_fen"],
            discount_fen=data["discount_fen"],
            with_promotions=data["with_promotions"],
            actor=self.request.user.actor,
            now=now,
        )
        return s.RedemptionOutput(redemption_document(ticket)).data


@extend_schema(tags=["pos"], parameters=[CASHIER])
class RedemptionView(APIView):
    """What was redeemed under a number, the till's or ours. 404 says that nothing was and nothing
    is under way; what still is answers ``pos_ticket_in_flight``."""

    request: TerminalRequest
    authentication_classes = [TerminalAuthentication]
    permission_classes = [IsTerminal]
    operations: ClassVar = {"GET": "pos_coupon_ticket"}
    refusals: ClassVar = {"GET": ["cashier_missing", "redemption_unknown", "pos_ticket_in_flight"]}
    examples: ClassVar = {"GET": ex.COUPON_TICKET}
    output = s.RedemptionOutput

    def get(self, request, number: str):
        ticket = redemption_query(till=till_of(request.user), number=number)
        return Response(s.RedemptionOutput(redemption_document(ticket)).data)


@extend_schema(tags=["pos"], parameters=[CASHIER])
class RedemptionReverseView(TillCommand):
    """Undo a redemption as a whole: every coupon is given back, valid for 30 days at least. It
    can be done for as long as the operator's rules say; later a manager does it in the store's
    console, with a reason."""

    operations: ClassVar = {"POST": "pos_coupon_reverse"}
    refusals: ClassVar = {
        "POST": ["cashier_missing", "redemption_unknown", "redemption_ended", "redemption_too_late"]
    }
    examples: ClassVar = {"POST": ex.COUPON_REVERSE}
    scope = TerminalScope.REFUND
    input = s.RedemptionReverseInput
    output = s.RedemptionOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        ticket = redemption_reverse(
            till=self.till,
            number=kwargs["number"],
            reason=data["reason"],
            actor=self.request.user.actor,
            now=now,
        )
        return s.RedemptionOutput(redemption_document(ticket)).data


@extend_schema(tags=["pos"], parameters=[CASHIER])
class RedemptionReturnsView(TillCommand):
    """A part of the sale comes back. The answer's last return says what the customer gets: what
    the goods cost less what coupons and promotions had taken off them. When all is back, so are
    the coupons that come back. The same ``return_no`` again counts once."""

    operations: ClassVar = {"POST": "pos_coupon_return"}
    refusals: ClassVar = {
        "POST": [
            "cashier_missing",
            "redemption_unknown",
            "redemption_ended",
            "redemption_return_exists",
            "redemption_return_too_large",
            "redemption_return_free",
        ]
    }
    examples: ClassVar = {"POST": ex.COUPON_RETURN}
    scope = TerminalScope.REFUND
    input = s.RedemptionReturnInput
    output = s.RedemptionOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        ticket = redemption_return(
            till=self.till,
            number=kwargs["number"],
            return_no=data["return_no"],
            units=[(unit["line"], unit["quantity"]) for unit in data["units"]],
            amount_fen=data["amount_fen"],
            reason=data["reason"],
            actor=self.request.user.actor,
            now=now,
        )
        return s.RedemptionOutput(redemption_document(ticket)).data
