"""Tills sell stored value: a new card, more on a card, ask what became of it, undo it."""

from typing import Any, ClassVar

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from mall.api.pos import examples as ex
from mall.api.pos.serializers import TicketVoidInput
from mall.api.pos.views import CASHIER, TillCommand, till_of
from mall.services.payment_native import payment_code
from mall.services.quote import MAX_FEN
from mall.services.store_sale import (
    SaleTerms,
    sale_document,
    sale_find,
    sale_status,
    store_sale,
)
from mall.services.store_sale_void import store_sale_void
from mall.states import LineKind, SaleWay
from members.states import PayerKind
from stores.auth import IsTerminal, TerminalAuthentication, TerminalRequest
from stores.states import TerminalScope

_NUMBER = r"^[0-9A-Za-z_-]+$"
# A transfer is seen by the office, not by a till.
TILL_WAYS = [(way.value, way.label) for way in SaleWay if way != SaleWay.TRANSFER]


class _SaleInput(serializers.Serializer):
    ticket_no = serializers.RegexField(
        _NUMBER, max_length=32, help_text="the till's own, never used before by this terminal"
    )
    visit = serializers.CharField(max_length=32, required=False, allow_blank=True, default="")
    code = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        default="",
        help_text="instead of a visit: scan and sell in one step",
    )
    way = serializers.ChoiceField(
        TILL_WAYS, help_text="cash and bank_card: the till has the money; wechat: show code_url"
    )
    reference = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        default="",
        help_text="of the slip; bank_card needs it",
    )
    payer = serializers.ChoiceField(
        PayerKind.choices, required=False, default=PayerKind.PERSON, help_text="who pays in cash"
    )


class CardSaleInput(_SaleInput):
    product = serializers.CharField(max_length=32, help_text="code of a card on sale")
    amount_fen = serializers.IntegerField(
        min_value=1,
        max_value=MAX_FEN,
        required=False,
        allow_null=True,
        default=None,
        help_text="of a card whose amount is the buyer's choice",
    )


class TopUpInput(_SaleInput):
    card = serializers.CharField(max_length=32, help_text="number of a card of the member's")
    amount_fen = serializers.IntegerField(min_value=1, max_value=MAX_FEN)


class SaleOutput(serializers.Serializer):
    no = serializers.CharField(help_text="ours; print it: every till of the store takes it")
    ticket_no = serializers.CharField()
    state = serializers.ChoiceField(
        ["waiting", "paid", "ended", "voided"], help_text="waiting: nobody has scanned code_url yet"
    )
    order = serializers.CharField(allow_blank=True)
    member = serializers.CharField(allow_blank=True)
    kind = serializers.ChoiceField(
        [LineKind.CARD.value, LineKind.TOPUP.value], allow_blank=True, help_text="what was sold"
    )
    title = serializers.CharField(allow_blank=True)
    card = serializers.CharField(allow_blank=True, help_text="once it is paid")
    principal_fen = serializers.IntegerField(help_text="what is paid")
    bonus_fen = serializers.IntegerField(help_text="given on top, by the best offer")
    way = serializers.ChoiceField(SaleWay.choices, allow_blank=True)
    reference = serializers.CharField(allow_blank=True)
    code_url = serializers.CharField(
        allow_blank=True, help_text="to be shown as a QR code and scanned with WeChat"
    )
    pay_until = serializers.DateTimeField(allow_null=True)
    paid_at = serializers.DateTimeField(allow_null=True)
    voided_at = serializers.DateTimeField(allow_null=True)
    created_at = serializers.DateTimeField()


_REFUSALS = [
    "cashier_missing",
    "pos_member_missing",
    "visit_over",
    "member_code_invalid",
    "member_code_used",
    "member_code_guesses",
    "sale_reference_missing",
    "store_sale_exists",
    "pos_ticket_in_flight",
    "card_amount_refused",
    "card_cash_refused",
    "card_identity_missing",
    "card_limit_exceeded",
    "topup_offer_gone",
    "merchant_unknown",
    "gateway_unavailable",
    "gateway_busy",
    "period_sealed",
]


class _SaleCommand(TillCommand):
    scope = TerminalScope.SELL
    output = SaleOutput

    def terms(self, data: dict[str, Any]) -> SaleTerms:
        raise NotImplementedError

    def run(self, *, data, now, **kwargs):
        sale = store_sale(
            till=self.till,
            ticket_no=data["ticket_no"],
            terms=self.terms(data),
            actor=self.request.user.actor,
            now=now,
        )
        return SaleOutput(sale_document(sale)).data

    def after(self, body: Any, *, now, **kwargs: Any) -> Any:
        """The code of the gateway, asked for once; what was kept may be older than the payment."""
        sale = sale_find(till=self.till, number=body["no"])
        document = sale_document(sale)
        if document["state"] == "waiting" and not document["code_url"]:
            document["code_url"] = payment_code(
                order_no=document["order"], actor=self.request.user.actor, now=now
            )
        return SaleOutput(document).data


def _common(data: dict[str, Any]) -> dict[str, Any]:
    names = ("visit", "code", "way", "reference", "payer", "amount_fen")
    return {name: data[name] for name in names}


@extend_schema(tags=["pos"], parameters=[CASHIER])
class CardSalesView(_SaleCommand):
    """Sell a new card. Cash and bank card: it is paid by this, and the answer is final. ``wechat``:
    show ``code_url`` as a QR code and ask for the sale until it is paid. Without an answer send the
    very same again: it is sold once. ``waiting`` is called off, and what was paid at the till
    undone on its day, by a void."""

    operations: ClassVar = {"POST": "pos_card_sell"}
    refusals: ClassVar = {"POST": [*_REFUSALS, "card_product_unknown"]}
    examples: ClassVar = {"POST": ex.CARD_SALE}
    input = CardSaleInput

    def terms(self, data: dict[str, Any]) -> SaleTerms:
        return SaleTerms(product=data["product"], **_common(data))


@extend_schema(tags=["pos"], parameters=[CASHIER])
class TopUpsView(_SaleCommand):
    """Put more on a card of the member's, with the best offer's bonus; otherwise as a new card is
    sold."""

    operations: ClassVar = {"POST": "pos_topup"}
    refusals: ClassVar = {"POST": [*_REFUSALS, "card_unknown", "card_not_usable"]}
    examples: ClassVar = {"POST": ex.TOPUP}
    input = TopUpInput

    def terms(self, data: dict[str, Any]) -> SaleTerms:
        return SaleTerms(card=data["card"], **_common(data))


@extend_schema(tags=["pos"], parameters=[CASHIER])
class SaleView(APIView):
    """A sale by the till's number, by ours or by its order. 404 says that nothing was sold under it
    and nothing is under way."""

    request: TerminalRequest
    authentication_classes = [TerminalAuthentication]
    permission_classes = [IsTerminal]
    operations: ClassVar = {"GET": "pos_sale"}
    refusals: ClassVar = {"GET": ["cashier_missing", "store_sale_unknown", "pos_ticket_in_flight"]}
    examples: ClassVar = {"GET": ex.SALE}
    output = SaleOutput

    def get(self, request, number: str):
        sale = sale_status(till=till_of(request.user), number=number)
        return Response(SaleOutput(sale_document(sale)).data)


@extend_schema(tags=["pos"], parameters=[CASHIER])
class SaleVoidView(TillCommand):
    """Undo a sale on its day while nothing was spent of it: the till gives the money back. A code
    that waits is called off; of a number that was never sold it makes sure that it never will be.
    What WeChat paid goes back when the card is closed."""

    operations: ClassVar = {"POST": "pos_sale_void"}
    refusals: ClassVar = {
        "POST": [
            "cashier_missing",
            "pos_ticket_in_flight",
            "sale_void_too_late",
            "sale_not_voidable",
            "card_purchase_used",
            "card_not_usable",
            "card_has_holds",
            "period_sealed",
        ]
    }
    examples: ClassVar = {"POST": ex.SALE_VOID}
    scope = TerminalScope.REFUND
    input = TicketVoidInput
    output = SaleOutput

    def run(self, *, data, now, **kwargs):
        sale = store_sale_void(
            till=self.till,
            number=kwargs["number"],
            reason=data["reason"],
            actor=self.request.user.actor,
            now=now,
            close_number=True,
        )
        return SaleOutput(sale_document(sale)).data
