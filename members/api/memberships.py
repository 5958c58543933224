"""Membership that is paid for: plans on sale, and the periods of the calling member."""

from typing import ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from config.kernel.auth import IsMember, MemberRequest
from members.api import examples as ex
from members.models import Membership, MembershipPlan


class MembershipPlanOutput(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()
    operator = serializers.CharField(source="operator.name", help_text=_("who sells it"))
    price_fen = serializers.IntegerField()
    days = serializers.IntegerField(help_text=_("how long a period lasts"))
    points_rate_bp = serializers.IntegerField(
        help_text=_("basis points of the normal accrual, where that is better than the tier's")
    )
    price_level = serializers.CharField(help_text=_("empty for the normal prices"))
    per_member = serializers.IntegerField(
        allow_null=True, help_text=_("how many periods a member may buy; null: any number")
    )
    refund_on_request = serializers.BooleanField(
        help_text=_("whether members may ask for the days that are left")
    )


class MembershipPlansView(ListAPIView):
    """Memberships on sale, cheapest first. Open to everybody; buying one, or another period of it,
    is an order with ``membership_plan`` instead of lines. A period that is bought while another
    lasts begins where that ends."""

    tags = ["members"]
    examples: ClassVar = {"GET": ex.MEMBERSHIP_PLAN}
    permission_classes = [AllowAny]
    serializer_class = MembershipPlanOutput
    ordering = ("price_fen", "id")
    queryset = MembershipPlan.objects.filter(archived_at__isnull=True).select_related("operator")


class MembershipOutput(serializers.Serializer):
    plan = serializers.CharField(source="plan.code")
    name = serializers.CharField(source="plan.name")
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True, help_text=_("given back before its time"))
    price_fen = serializers.IntegerField(help_text=_("what was paid for it"))
    refunded_fen = serializers.IntegerField()
    reference = serializers.CharField(help_text=_("order number"))


class MembershipsView(ListAPIView):
    """The periods of membership that I paid for, newest first, those to come included. To give one
    back, ask for its order's line (``after-sales``): the whole days that are left are paid back."""

    examples: ClassVar = {"GET": ex.MEMBERSHIP}
    request: MemberRequest
    permission_classes = [IsMember]
    serializer_class = MembershipOutput
    ordering = ("-id",)
    queryset = Membership.objects.none()

    def get_queryset(self) -> QuerySet[Membership]:
        return Membership.objects.filter(member_id=self.request.user.member_id).select_related(
            "plan"
        )

    @extend_schema(operation_id="me_memberships_list")
    def get(self, request: Request, *args, **kwargs) -> Response:
        return self.list(request, *args, **kwargs)
