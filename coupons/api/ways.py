"""Other ways to a coupon: a code that is typed, one that hangs on a wall, a friend's gift."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from config.kernel import clock
from config.kernel.api import CommandView, MemberView
from config.kernel.auth import IsMember
from config.kernel.errors import NotFound
from coupons.api import examples as ex
from coupons.api.judged import JUDGED, JudgedView, visitor
from coupons.api.templates import ClaimOutput, WorthOutput
from coupons.code_guesses import codes_counted
from coupons.models import CouponGift
from coupons.selectors import gift_offered, gifts_of
from coupons.services.code_redeem import code_redeem
from coupons.services.coupon_gift import (
    coupon_gift_accept,
    coupon_gift_offer,
    coupon_gift_take_back,
)
from coupons.services.coupon_scan import coupon_scan
from members.states import GiftState

_LIMITS = [
    "coupon_claim_closed",
    "coupon_not_for_you",
    "coupon_limit_reached",
    "coupon_limit_today",
    "coupon_sold_out",
]


class CouponCodeInput(serializers.Serializer):
    code = serializers.CharField(
        max_length=64, help_text=_("as typed: blanks, dashes and small letters do not matter")
    )


class CodeView(CommandView):
    """Redeem a code for a coupon. Letters that look like digits are taken as those. Whoever sends
    codes that are none is let in a few times in ten minutes."""

    tags = ["coupons"]
    operations: ClassVar = {"POST": "coupon_code_redeem"}
    refusals: ClassVar = {
        "POST": ["coupon_code_unknown", "coupon_code_used", "coupon_code_guesses", *_LIMITS]
    }
    examples: ClassVar = {"POST": ex.CODE}
    input = CouponCodeInput
    output = ClaimOutput

    def post(self, request: Request, **kwargs: Any) -> Response:
        with codes_counted(self.request.user.caller):
            return super().post(request, **kwargs)

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        user = self.request.user
        claimed = code_redeem(
            typed=data["code"], member_id=user.member_id, actor=user.actor, now=now
        )
        return ClaimOutput(claimed).data


class PlaceScanInput(serializers.Serializer):
    token = serializers.CharField(max_length=32, help_text=_("of the code that was scanned"))


class PlaceView(JudgedView):
    """Have the coupon of a code that hangs at a place."""

    tags = ["coupons"]
    operations: ClassVar = {"POST": "coupon_place_scan"}
    refusals: ClassVar = {"POST": ["code_invalid", *_LIMITS, *JUDGED]}
    examples: ClassVar = {"POST": ex.SCAN}
    input = PlaceScanInput
    output = ClaimOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        user = self.request.user
        claimed = coupon_scan(
            token=data["token"],
            member_id=user.member_id,
            visitor=visitor(self.request),
            actor=user.actor,
            now=now,
        )
        return ClaimOutput(claimed).data


class CouponGiftInput(serializers.Serializer):
    coupon = serializers.CharField(max_length=32, help_text=_("coupon number"))
    greeting = serializers.CharField(max_length=80, required=False, allow_blank=True, default="")


class CouponGiftOutput(serializers.Serializer):
    """``token`` goes into the link that the friend opens; whoever has it can take the coupon."""

    no = serializers.CharField(help_text=_("number of the gift"))
    coupon = serializers.CharField(source="coupon.no", help_text=_("coupon number"))
    state = serializers.ChoiceField(GiftState.choices)
    greeting = serializers.CharField()
    token = serializers.CharField()
    offered_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)


class CouponGiftsView(CommandView, ListAPIView):
    """The coupons that I have given away, or offered."""

    tags = ["coupons"]
    input = CouponGiftInput
    output = CouponGiftOutput
    serializer_class = CouponGiftOutput
    operations: ClassVar = {"GET": "me_coupon_gifts_list", "POST": "me_coupon_gift_offer"}
    refusals: ClassVar = {"POST": ["not_found", "coupon_not_giftable"]}
    examples: ClassVar = {"GET": ex.COUPON_GIFT, "POST": ex.COUPON_GIFT_OFFER}
    permission_classes = [IsMember]
    queryset = CouponGift.objects.none()

    def get_queryset(self) -> QuerySet[CouponGift]:
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        return gifts_of(member_id=self.request.user.member_id)

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """My gifts of coupons, newest first."""
        return self.list(request, *args, **kwargs)

    def post(self, request: Request, **kwargs: Any) -> Response:
        """Offer one of my coupons to a friend, if its kind can be given. It cannot be used until
        the gift is accepted, taken back or expires."""
        return super().post(request, **kwargs)

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        user = self.request.user
        gift = coupon_gift_offer(
            coupon_no=data["coupon"],
            member_id=user.member_id,
            greeting=data["greeting"],
            actor=user.actor,
            now=now,
        )
        return CouponGiftOutput(gift).data


class CouponGiftTakeBackView(CommandView):
    """Keep the coupon after all. Whoever was first, I or my friend, has it."""

    tags = ["coupons"]
    operations: ClassVar = {"POST": "me_coupon_gift_take_back"}
    refusals: ClassVar = {"POST": ["not_found", "coupon_gift_ended"]}
    examples: ClassVar = {"POST": ex.COUPON_GIFT_BACK}
    success_status = 200
    output = CouponGiftOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        user = self.request.user
        gift = coupon_gift_take_back(
            gift_no=kwargs["no"], member_id=user.member_id, actor=user.actor, now=now
        )
        return CouponGiftOutput(gift).data


class CouponGiftShownOutput(serializers.Serializer):
    giver = serializers.CharField(source="giver.nickname")
    template = WorthOutput(source="coupon.template")
    valid_until = serializers.DateTimeField(source="coupon.valid_until")
    greeting = serializers.CharField()
    expires_at = serializers.DateTimeField()


class CouponGiftView(MemberView):
    """The gift behind a link, as long as nobody has it. Looking at it takes nothing."""

    tags = ["coupons"]
    operations: ClassVar = {"GET": "coupon_gift_get"}
    refusals: ClassVar = {"GET": ["not_found"]}
    examples: ClassVar = {"GET": ex.COUPON_GIFT_SHOWN}
    output = CouponGiftShownOutput

    def get(self, request: Request, token: str) -> Response:
        gift = gift_offered(token=token, now=clock.now())
        if gift is None:
            raise NotFound()
        return Response(CouponGiftShownOutput(gift).data)


class CouponGiftAcceptView(CommandView):
    """Take a friend's coupon. It counts for how many of its kind I may have."""

    tags = ["coupons"]
    operations: ClassVar = {"POST": "coupon_gift_accept"}
    refusals: ClassVar = {
        "POST": [
            "code_invalid",
            "coupon_gift_own",
            "coupon_gift_ended",
            "coupon_limit_reached",
            "coupon_unavailable",
        ]
    }
    examples: ClassVar = {"POST": ex.COUPON_GIFT_ACCEPT}
    success_status = 200
    output = ClaimOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        user = self.request.user
        coupon = coupon_gift_accept(
            token=kwargs["token"], member_id=user.member_id, actor=user.actor, now=now
        )
        return ClaimOutput(coupon).data
