"""What the calling member owns: stored-value cards and points; and the cards on sale."""

from datetime import datetime
from typing import Any, ClassVar

from django.db.models import F, Prefetch, Q, QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_field
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
from members.models import Card, CardLot, CardProduct, PointLot
from members.selectors import points_balance
from members.states import CardState
from stores.models import Transfer


class LotOutput(serializers.Serializer):
    """One purchase; ``held_fen`` is set aside for orders that wait for payment."""

    created_at = serializers.DateTimeField()
    principal_fen = serializers.IntegerField(source="principal.balance")
    bonus_fen = serializers.IntegerField(source="bonus.balance")
    held_fen = serializers.SerializerMethodField()

    def get_held_fen(self, lot: CardLot) -> int:
        return lot.principal.held + lot.bonus.held


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


def _cards(member_id: int) -> QuerySet[Card]:
    lots = CardLot.objects.select_related("principal", "bonus").order_by("pk")
    return (
        Card.objects.filter(member_id=member_id)
        .select_related("product", "operator")
        .prefetch_related(Prefetch("lots", lots))
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
        return _cards(self.request.user.member_id)


class CardView(MemberView):
    """One of my cards. Its lots are the purchases; the oldest is spent first."""

    refusals: ClassVar = {"GET": ["not_found"]}
    examples: ClassVar = {"GET": ex.CARD}
    output = CardOutput

    @extend_schema(operation_id="me_cards_retrieve")
    def get(self, request: Request, no: str) -> Response:
        card = _cards(self.request.user.member_id).filter(no=no).first()
        if card is None:
            raise NotFound()
        return Response(CardOutput(card, context={"now": clock.now()}).data)


class EntryOutput(serializers.Serializer):
    """A line of the card's statement. Positive: onto the card; negative: off it."""

    at = serializers.DateTimeField(source="occurred_at")
    what = serializers.ChoiceField(
        source="code",
        choices=[
            ("card.issue", _("bought")),
            ("card.topup", _("topped up")),
            ("card.bonus", _("bonus granted")),
            ("card.adjust", _("bonus corrected")),
            ("card.spend", _("paid with")),
            ("card.refund", _("given back")),
            ("card.payback", _("paid back")),
            ("card.charge", _("spent bonus charged")),
            ("bonus.withdraw", _("bonus withdrawn")),
        ],
    )
    part = serializers.SerializerMethodField()
    amount_fen = serializers.SerializerMethodField()
    reference = serializers.CharField(help_text=_("order number"))

    def _incoming(self, transfer: Transfer) -> bool:
        return transfer.credit_id in self.context["accounts"]

    @extend_schema_field(serializers.ChoiceField(["principal", "bonus"]))
    def get_part(self, transfer: Transfer) -> str:
        accounts: dict[int, str] = self.context["accounts"]
        return accounts[transfer.credit_id if self._incoming(transfer) else transfer.debit_id]

    def get_amount_fen(self, transfer: Transfer) -> int:
        return transfer.amount if self._incoming(transfer) else -transfer.amount


class CardEntriesView(ListAPIView):
    """The statement of a card, newest first. Positive is onto the card, negative off it. It begins
    when the card became mine."""

    refusals: ClassVar = {"GET": ["not_found"]}
    examples: ClassVar = {"GET": ex.CARD_ENTRY}
    request: MemberRequest
    permission_classes = [IsMember]
    serializer_class = EntryOutput
    ordering = ("-id",)
    queryset = Transfer.objects.none()

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "accounts": getattr(self, "accounts", {})}

    def get_queryset(self) -> QuerySet[Transfer]:
        lots = list(
            CardLot.objects.filter(
                card__no=self.kwargs["no"], card__member_id=self.request.user.member_id
            ).values_list("principal_id", "bonus_id", "card__held_since")
        )
        self.accounts: dict[int, str] = {}
        for principal, bonus, _since in lots:
            self.accounts |= {principal: "principal", bonus: "bonus"}
        if not self.accounts:
            # A card has a lot from its first moment: this is nobody's, or somebody else's.
            raise NotFound()
        ids = list(self.accounts)
        since = lots[0][2]
        mine = Q() if since is None else Q(occurred_at__gte=since)
        return Transfer.objects.filter(mine, Q(debit__in=ids) | Q(credit__in=ids))

    @extend_schema(operation_id="me_cards_entries_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


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
    bonus_fen = serializers.IntegerField(help_text=_("what is given on top"))
    value_fen = serializers.IntegerField()


class CardProductsView(ListAPIView):
    """Stored-value cards on sale, cheapest first. Open to everybody; buying one is an order with
    ``card_product`` instead of lines."""

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
