"""The statement of the calling member's points."""

from typing import Any, ClassVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from config.kernel.auth import IsMember, MemberRequest
from members.api import examples as ex
from members.api.statement import PeriodInput
from members.selectors_points import points_book
from members.selectors_statement import card_entries, card_transfers
from stores.models import Transfer

POINTS_WHAT = [
    ("points.earn", _("points earned")),
    ("points.repay", _("points owed repaid")),
    ("points.clawback", _("points taken back")),
    ("points.debt", _("points owed")),
    ("points.spend", _("points spent")),
    ("points.return", _("points given back")),
    ("points.expire", _("points expired")),
    ("points.adjust", _("points corrected")),
]


class PointsEntryOutput(serializers.Serializer):
    """A line of the statement. Positive: to me; negative: from me."""

    at = serializers.DateTimeField(source="transfer.occurred_at")
    what = serializers.ChoiceField(source="transfer.code", choices=POINTS_WHAT)
    points = serializers.IntegerField(source="amount_fen")
    balance_points = serializers.IntegerField(
        source="balance_fen", help_text=_("after it; below zero what is owed")
    )
    reference = serializers.CharField(source="transfer.reference", help_text=_("order number"))


class PointsEntriesView(ListAPIView):
    """The statement of my points, newest first, with what I had after each line. ``since`` and
    ``until`` narrow it to a period."""

    examples: ClassVar = {"GET": ex.POINTS_ENTRY}
    request: MemberRequest
    permission_classes = [IsMember]
    serializer_class = PointsEntryOutput
    ordering = ("-id",)
    queryset = Transfer.objects.none()

    def get_queryset(self) -> QuerySet[Transfer]:
        since, until = PeriodInput(data=self.request.query_params).moments()
        self.book = points_book(self.request.user.member_id)
        return card_transfers(self.book, since=since, until=until)

    @extend_schema(operation_id="me_points_entries_list", parameters=[PeriodInput])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        entries = card_entries(self.book, page)
        return self.get_paginated_response(self.get_serializer(entries, many=True).data)
