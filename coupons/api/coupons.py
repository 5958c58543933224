"""The calling member's coupons."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView

from config.kernel import clock
from config.kernel.auth import IsMember, MemberRequest
from coupons.api import examples as ex
from coupons.api.templates import CENTRE_PARAMETERS, CentreInput, WorthOutput
from coupons.models import Coupon
from coupons.selectors import SHOWN_STATES, member_coupons
from coupons.states import USABLE, CouponState


class CouponOutput(serializers.ModelSerializer):
    state = serializers.SerializerMethodField()
    usable = serializers.SerializerMethodField()
    giftable = serializers.SerializerMethodField(help_text=_("can be given to a friend"))
    template = WorthOutput()

    class Meta:
        model = Coupon
        fields = [
            "no",
            "state",
            "usable",
            "valid_from",
            "valid_until",
            "claimed_at",
            "used_at",
            "source",
            "giftable",
            "template",
        ]

    def get_state(self, coupon: Coupon) -> str:
        over = coupon.state in USABLE and coupon.valid_until <= self.context["now"]
        return str(CouponState.EXPIRED) if over else coupon.state

    def get_usable(self, coupon: Coupon) -> bool:
        return (
            coupon.state in USABLE
            and coupon.valid_from <= self.context["now"] < coupon.valid_until
            and coupon.template.use_stopped_at is None
        )

    def get_giftable(self, coupon: Coupon) -> bool:
        never_used = coupon.state == CouponState.CLAIMED and coupon.given_by_id is None
        return bool(coupon.template.gift_days) and never_used and self.get_usable(coupon)


class StateInput(CentreInput):
    state = serializers.ChoiceField([(s, s) for s in SHOWN_STATES], required=False, default="")


@extend_schema(
    parameters=[
        OpenApiParameter("state", enum=SHOWN_STATES, description=_("only coupons in this state")),
        *CENTRE_PARAMETERS,
    ]
)
class MyCouponsView(ListAPIView):
    """My coupons, newest first. ``usable`` says whether one can be used at this moment. With
    ``days``, only usable ones that end that soon; ``state=had`` are those that are over."""

    examples: ClassVar = {"GET": ex.COUPON}
    request: MemberRequest
    permission_classes = [IsMember]
    serializer_class = CouponOutput
    ordering = ("-id",)
    filter_backends: list[Any] = []
    queryset = Coupon.objects.none()

    def get_queryset(self):
        form = StateInput(data=self.request.query_params)
        form.is_valid(raise_exception=True)
        return member_coupons(
            member_id=self.request.user.member_id,
            state=form.validated_data["state"],
            now=clock.now(),
            centre=form.centre,
        )

    def get_serializer_context(self) -> dict[str, Any]:
        return {**super().get_serializer_context(), "now": clock.now()}
