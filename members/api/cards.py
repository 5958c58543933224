"""What the calling member owns: stored-value cards and points; and the cards on sale."""

from datetime import datetime
from typing import Any, ClassVar

from django.contrib.postgres.aggregates import JSONBAgg
from django.db.models import F, JSONField, Prefetch, Q, QuerySet, Value
from django.db.models.functions import JSONObject
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from config.kernel import clock
from config.kernel.api import MemberView
from config.kernel.auth import IsMember, MemberRequest
from config.kernel.errors import NotFound
from members.api import examples as ex
from members.models import Card, CardLot, CardPayback, CardProduct, PointLot
from members.selectors import points_balance
from members.states import CardState, PaybackState, PayWay


class LotOutput(serializers.Serializer):
    """One purchase; ``held_fen`` is set aside for orders that wait for payment."""

    created_at = serializers.DateTimeField()
    principal_fen = serializers.IntegerField(source="principal.balance")
    bonus_fen = serializers.IntegerField(source="bonus.balance")
    held_fen = serializers.SerializerMethodField()

    def get_held_fen(self, lot: CardLot) -> int:
        return lot.principal.held + lot.bonus.held


class PaybackPartOutput(serializers.Serializer):
    """``way``: back the way it came, by bank transfer, or in cash."""

    way = serializers.ChoiceField(PayWay.choices)
    amount_fen = serializers.IntegerField()
    state = serializers.ChoiceField(PaybackState.choices)
    paid_on = serializers.DateField(allow_null=True)


class PaybackOutput(serializers.Serializer):
    """What a closed card pays back, and how much of it has arrived."""

    no = serializers.CharField()
    created_at = serializers.DateTimeField()
    amount_fen = serializers.IntegerField()
    paid_fen = serializers.SerializerMethodField()
    parts = PaybackPartOutput(many=True, help_text=_("one for each purchase"))

    def get_paid_fen(self, payback: Any) -> int:
        paid = [x for x in payback.parts if x["state"] == PaybackState.PAID]
        return sum(part["amount_fen"] for part in paid)


class CardOutput(serializers.Serializer):
    """Amounts in fen. Spendable is principal + bonus − held, if the card is usable."""

    no = serializers.CharField(help_text=_("card number"))
    name = serializers.CharField(source="product.name")
    operator = serializers.CharField(source="operator.name", help_text=_("issuer"))
    state = serializers.ChoiceField(CardState.choices)
    issued_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(allow_null=True)
    principal_fen = serializers.SerializerMethodField()
    bonus_fen = serializers.SerializerMethodField()
    held_fen = serializers.SerializerMethodField()
    value_fen = serializers.SerializerMethodField()
    spendable_fen = serializers.SerializerMethodField()
    lots = LotOutput(many=True)
    paybacks = PaybackOutput(many=True, help_text=_("of a closed card; none of any other"))

    def get_principal_fen(self, card: Card) -> int:
        return sum(lot.principal.balance for lot in card.lots.all())

    def get_bonus_fen(self, card: Card) -> int:
        return sum(lot.bonus.balance for lot in card.lots.all())

    def get_held_fen(self, card: Card) -> int:
        return sum(lot.principal.held + lot.bonus.held for lot in card.lots.all())

    def get_value_fen(self, card: Card) -> int:
        return self.get_principal_fen(card) + self.get_bonus_fen(card)

    def get_spendable_fen(self, card: Card) -> int:
        now: datetime = self.context["now"]
        usable = card.state == CardState.ACTIVE and (
            card.expires_at is None or card.expires_at > now
        )
        return self.get_value_fen(card) - self.get_held_fen(card) if usable else 0


def cards_of(member_id: int) -> QuerySet[Card]:
    """With all that CardOutput shows, in three statements."""
    part = JSONObject(
        way="lines__way",
        amount_fen="lines__amount_fen",
        state="lines__state",
        paid_on="lines__paid_on",
    )
    paybacks = CardPayback.objects.order_by("pk").annotate(
        parts=JSONBAgg(
            part,
            filter=Q(lines__amount_fen__gt=0),
            order_by="lines__id",
            default=Value([], JSONField()),
        )
    )
    lots = CardLot.objects.select_related("principal", "bonus").order_by("pk")
    return (
        Card.objects.filter(member_id=member_id)
        .select_related("product", "operator")
        .prefetch_related(Prefetch("lots", lots), Prefetch("paybacks", paybacks))
        .order_by("issued_at", "pk")
    )


class CardsView(ListAPIView):
    """My stored-value cards, oldest first. That is the order in which they pay. Spendable is what
    is on a usable card and not held for an order."""

    examples: ClassVar = {"GET": ex.CARD}
    request: MemberRequest
    permission_classes = [IsMember]
    serializer_class = CardOutput
    ordering = ("issued_at", "id")
    queryset = Card.objects.none()

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "now": clock.now()}

    def get_queryset(self) -> QuerySet[Card]:
        return cards_of(self.request.user.member_id)


class CardView(MemberView):
    """One of my cards. Its lots are the purchases; the oldest is spent first."""

    refusals: ClassVar = {"GET": ["not_found"]}
    examples: ClassVar = {"GET": ex.CARD}
    output = CardOutput

    @extend_schema(operation_id="me_cards_retrieve")
    def get(self, request: Request, no: str) -> Response:
        card = cards_of(self.request.user.member_id).filter(no=no).first()
        if card is None:
            raise NotFound()
        return Response(CardOutput(card, context={"now": clock.now()}).data)


class PointLotOutput(serializers.Serializer):
    points = serializers.IntegerField(source="remaining_points")
    expires_at = serializers.DateTimeField()
    reference = serializers.CharField(help_text=_("order number"))


class PointsOutput(serializers.Serializer):
    """``debt`` are points that were spent or expired before a refund took them back; what is
    earned next repays it first."""

    points = serializers.IntegerField()
    debt = serializers.IntegerField()
    lots = PointLotOutput(many=True, help_text=_("first to expire first"))


class PointsView(MemberView):
    """My points and when they expire. They are earned by paid orders and follow refunds."""

    examples: ClassVar = {"GET": ex.POINTS}
    output = PointsOutput

    @extend_schema(operation_id="me_points_retrieve")
    def get(self, request: Request) -> Response:
        member_id = self.request.user.member_id
        points, debt = points_balance(member_id)
        lots = PointLot.objects.filter(member_id=member_id, remaining_points__gt=0).order_by(
            "expires_at", "pk"
        )
        return Response(PointsOutput({"points": points, "debt": debt, "lots": lots}).data)


class CardProductOutput(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    operator = serializers.CharField(source="operator.name", help_text=_("issuer"))
    named = serializers.BooleanField()
    price_fen = serializers.IntegerField(help_text=_("what is paid: the principal"))
    min_fen = serializers.IntegerField(
        allow_null=True, help_text=_("where the buyer chooses what is paid: at least")
    )
    max_fen = serializers.IntegerField(
        allow_null=True, help_text=_("where the buyer chooses what is paid: at most")
    )
    bonus_fen = serializers.IntegerField(help_text=_("what is given on top"))
    value_fen = serializers.IntegerField()


class CardProductsView(ListAPIView):
    """Stored-value cards on sale, cheapest first. Open to everybody; buying one is an order with
    ``card_product`` instead of lines, and with ``amount_fen`` where the buyer chooses."""

    tags = ["cards"]
    examples: ClassVar = {"GET": ex.CARD_PRODUCT}
    permission_classes = [AllowAny]
    serializer_class = CardProductOutput
    ordering = ("price_fen", "id")
    queryset = (
        CardProduct.objects.filter(on_sale=True, archived_at__isnull=True)
        .select_related("operator")
        .annotate(value_fen=F("price_fen") + F("bonus_fen"))
    )
