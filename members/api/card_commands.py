"""What members do with their cards themselves: stop them, give them away, look for offers."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from config.kernel import clock
from config.kernel.api import CommandView, MemberView
from config.kernel.auth import IsMember, MemberRequest
from config.kernel.devices import device_hash
from config.kernel.errors import NotFound
from members.api import examples as ex
from members.models import Card, CardGift, TopUpOffer
from members.selectors_cards import card_of, gift_offered, topup_offers_for
from members.services.card_activate import card_activate
from members.services.card_freeze import card_freeze
from members.services.card_gift import card_gift_accept, card_gift_offer, card_gift_take_back
from members.services.card_lost import card_report_lost
from members.states import CardState, GiftState


class ReasonInput(serializers.Serializer):
    reason = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")


class CardStateOutput(serializers.Serializer):
    no = serializers.CharField(help_text=_("card number"))
    state = serializers.ChoiceField(CardState.choices)


class CardCodeInput(serializers.Serializer):
    code = serializers.CharField(
        max_length=64, help_text=_("as typed: blanks, dashes and small letters do not matter")
    )


class CardCodeView(CommandView):
    """The card behind a code that a company has bought for me: it is mine from here on. A code of
    80 bits makes one card."""

    tags = ["cards"]
    operations: ClassVar = {"POST": "card_code_activate"}
    refusals: ClassVar = {
        "POST": [
            *("activation_unknown", "activation_used", "card_identity_missing"),
            "card_limit_exceeded",
        ]
    }
    examples: ClassVar = {"POST": ex.CARD_CODE}
    input = CardCodeInput
    output = CardStateOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        card = card_activate(
            code=data["code"],
            member_id=user.member_id,
            source=device_hash(self.request),
            actor=user.actor,
            now=now,
        )
        return {"no": card.no, "state": card.state}


class CardStopView(CommandView):
    """One of my cards stops by ``stop``, a service over a card of the member who asks."""

    refusals: ClassVar = {"POST": ["not_found", "illegal_transition"]}
    success_status = 200
    input = ReasonInput
    output = CardStateOutput
    stop: Callable[..., Card]

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        card = self.stop(
            card_id=card_of(card_no=kwargs["no"], member_id=user.member_id),
            member_id=user.member_id,
            reason=data["reason"],
            actor=user.actor,
            now=now,
        )
        return {"no": card.no, "state": card.state}


class CardFreezeView(CardStopView):
    """Stop one of my cards: nothing leaves it from now on, unpaid orders included. Value can still
    come back. The service desk lets it go on."""

    operations: ClassVar = {"POST": "me_card_freeze"}
    examples: ClassVar = {"POST": ex.CARD_FREEZE}
    stop = staticmethod(card_freeze)


class CardLostView(CardStopView):
    """Report the loss of one of my cards. Nothing leaves it until the service desk has replaced
    its number, or it was found."""

    operations: ClassVar = {"POST": "me_card_lost"}
    examples: ClassVar = {"POST": ex.CARD_LOST}
    stop = staticmethod(card_report_lost)


class StoreInput(serializers.Serializer):
    store = serializers.CharField(
        max_length=32, required=False, help_text=_("code; else offers of all stores alone")
    )


class StepOutput(serializers.Serializer):
    from_fen = serializers.IntegerField(help_text=_("put so much on the card"))
    bonus_fen = serializers.IntegerField(help_text=_("and get this on top"))


class TopUpOfferOutput(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    steps = StepOutput(many=True, help_text=_("the highest that is reached counts, once"))
    once_per_member = serializers.BooleanField()
    ends_at = serializers.DateTimeField(allow_null=True)


class TopUpOffersView(ListAPIView):
    """What topping up one of my cards would give on top now. A quote with ``topup_card`` takes the
    best of them by itself. One that I have used is not here any more."""

    refusals: ClassVar = {"GET": ["not_found"]}
    examples: ClassVar = {"GET": ex.TOPUP_OFFER}
    request: MemberRequest
    permission_classes = [IsMember]
    serializer_class = TopUpOfferOutput
    ordering = ("id",)
    queryset = TopUpOffer.objects.none()

    def get_queryset(self) -> QuerySet[TopUpOffer]:
        form = StoreInput(data=self.request.query_params)
        form.is_valid(raise_exception=True)
        return topup_offers_for(
            card_no=self.kwargs["no"],
            member_id=self.request.user.member_id,
            store_code=form.validated_data.get("store"),
            now=clock.now(),
        )

    @extend_schema(operation_id="me_cards_topup_offers_list", parameters=[StoreInput])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)


class GiftInput(serializers.Serializer):
    card = serializers.CharField(max_length=32, help_text=_("card number"))
    greeting = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")


class GiftOutput(serializers.Serializer):
    """``token`` goes into the link that the friend opens; whoever has it can take the card."""

    no = serializers.CharField(help_text=_("number of the gift"))
    card = serializers.CharField(source="card.no", help_text=_("card number"))
    state = serializers.ChoiceField(GiftState.choices)
    value_fen = serializers.IntegerField()
    greeting = serializers.CharField()
    token = serializers.CharField()
    offered_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class GiftsView(CommandView, ListAPIView):
    """The cards that I have given away, or offered."""

    input = GiftInput
    output = GiftOutput
    serializer_class = GiftOutput
    operations: ClassVar = {"GET": "me_gifts_list", "POST": "me_gift_offer"}
    refusals: ClassVar = {"POST": ["not_found", "card_not_usable", "card_has_holds", "card_empty"]}
    examples: ClassVar = {"GET": ex.GIFT, "POST": ex.GIFT_OFFER}
    permission_classes = [IsMember]
    queryset = CardGift.objects.none()

    def get_queryset(self) -> QuerySet[CardGift]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        return CardGift.objects.filter(giver_id=self.request.user.member_id).select_related("card")

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """My gifts, newest first."""
        return self.list(request, *args, **kwargs)

    def post(self, request: Request, **kwargs: Any) -> Response:
        """Offer one of my cards to a friend, with all that is on it. Nothing can be spent from it
        until the gift is accepted, taken back or expires."""
        return super().post(request, **kwargs)

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        user = self.request.user
        gift = card_gift_offer(
            card_id=card_of(card_no=data["card"], member_id=user.member_id),
            member_id=user.member_id,
            greeting=data["greeting"],
            actor=user.actor,
            now=now,
        )
        return GiftOutput(gift).data


class GiftTakeBackView(CommandView):
    """Keep the card after all. Whoever was first, I or my friend, has it."""

    operations: ClassVar = {"POST": "me_gift_take_back"}
    refusals: ClassVar = {"POST": ["not_found", "card_gift_ended"]}
    examples: ClassVar = {"POST": ex.GIFT_TAKEN_BACK}
    success_status = 200
    output = GiftOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        user = self.request.user
        gift = card_gift_take_back(
            gift_no=kwargs["no"], member_id=user.member_id, actor=user.actor, now=now
        )
        return GiftOutput(gift).data


class GiftShownOutput(serializers.Serializer):
    giver = serializers.CharField(source="giver.nickname")
    name = serializers.CharField(source="card.product.name")
    operator = serializers.CharField(source="card.operator.name", help_text=_("issuer"))
    value_fen = serializers.IntegerField()
    greeting = serializers.CharField()
    expires_at = serializers.DateTimeField()


class GiftView(MemberView):
    """The gift behind a link, as long as nobody has it. Looking at it takes nothing."""

    operations: ClassVar = {"GET": "gift_get"}
    refusals: ClassVar = {"GET": ["not_found"]}
    examples: ClassVar = {"GET": ex.GIFT_SHOWN}
    output = GiftShownOutput

    def get(self, request: Request, token: str) -> Response:
        gift = gift_offered(token=token, now=clock.now())
        if gift is None:
            raise NotFound()
        return Response(GiftShownOutput(gift).data)


class GiftAcceptView(CommandView):
    """Take the card of a gift: it is mine from here on, with all that is on it. The first one who
    does has it."""

    operations: ClassVar = {"POST": "gift_accept"}
    refusals: ClassVar = {
        "POST": [
            "code_invalid",
            "card_gift_own",
            "card_gift_ended",
            "card_identity_missing",
            "card_not_usable",
        ]
    }
    examples: ClassVar = {"POST": ex.GIFT_ACCEPT}
    success_status = 200
    output = CardStateOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> dict[str, Any]:
        user = self.request.user
        card = card_gift_accept(
            token=kwargs["token"], member_id=user.member_id, actor=user.actor, now=now
        )
        return {"no": card.no, "state": card.state}
