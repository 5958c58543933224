"""The statement of one of my cards, in pages and as a file."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response

from config.kernel.api import MemberView
from config.kernel.auth import IsMember, MemberRequest
from config.kernel.exports import Fen, Head, csv_lines
from members.api import examples as ex
from members.selectors_statement import (
    Entry,
    card_book,
    card_entries,
    card_entries_all,
    card_transfers,
)
from members.services.card_statement import Period
from members.statement_words import PART, WHAT
from stores.models import Transfer


class PeriodInput(serializers.Serializer):
    """Days of Shanghai, both included."""

    since = serializers.DateField(required=False, help_text=_("first day"))
    until = serializers.DateField(required=False, help_text=_("last day"))

    def moments(self) -> tuple[datetime | None, datetime | None]:
        """The first moment of the period and the first one after it. Raises ValidationError."""
        self.is_valid(raise_exception=True)
        return period_of(self.validated_data).moments()


def period_of(days: dict[str, Any]) -> Period:
    """What a PeriodInput was cleaned to."""
    return Period(days.get("since"), days.get("until"))


class EntryOutput(serializers.Serializer):
    """A line of the card's statement. Positive: onto the card; negative: off it."""

    at = serializers.DateTimeField(source="transfer.occurred_at")
    what = serializers.ChoiceField(source="transfer.code", choices=WHAT)
    part = serializers.ChoiceField(PART)
    amount_fen = serializers.IntegerField()
    balance_fen = serializers.IntegerField(
        help_text=_("on the card after it, principal and bonus together")
    )
    reference = serializers.CharField(source="transfer.reference", help_text=_("order number"))


class CardEntriesView(ListAPIView):
    """The statement of a card, newest first, with what it held after each line. Positive is onto
    the card, negative off it. It begins when the card became mine; ``since`` and ``until`` narrow
    it to a period."""

    refusals: ClassVar = {"GET": ["not_found"]}
    examples: ClassVar = {"GET": ex.CARD_ENTRY}
    request: MemberRequest
    permission_classes = [IsMember]
    serializer_class = EntryOutput
    ordering = ("-id",)
    queryset = Transfer.objects.none()

    def get_queryset(self) -> QuerySet[Transfer]:
        since, until = PeriodInput(data=self.request.query_params).moments()
        self.book = card_book(card_no=self.kwargs["no"], member_id=self.request.user.member_id)
        return card_transfers(self.book, since=since, until=until)

    @extend_schema(operation_id="me_cards_entries_list", parameters=[PeriodInput])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        page = self.paginate_queryset(self.get_queryset()) or []
        entries = card_entries(self.book, page)
        return self.get_paginated_response(self.get_serializer(entries, many=True).data)


class CardEntriesFileView(MemberView):
    """The statement of a card as a CSV file, oldest first. It is written as it is sent, however
    long it is; amounts are in yuan and, beside them, in fen."""

    refusals: ClassVar = {"GET": ["not_found"]}

    @extend_schema(
        operation_id="me_cards_entries_csv",
        parameters=[PeriodInput],
        responses={(200, "text/csv"): OpenApiTypes.STR},
    )
    def get(self, request: Request, no: str) -> StreamingHttpResponse:
        since, until = PeriodInput(data=request.query_params).moments()
        book = card_book(card_no=no, member_id=self.request.user.member_id)
        rows = _rows(card_entries_all(book, since=since, until=until))
        heads = [
            Head(str(_("at"))),
            Head(str(_("what"))),
            Head(str(_("part"))),
            Head(str(_("amount")), fen=True),
            Head(str(_("balance")), fen=True),
            Head(str(_("order number"))),
        ]
        answer = StreamingHttpResponse(
            csv_lines(heads, rows), content_type="text/csv; charset=utf-8"
        )
        answer["Content-Disposition"] = f'attachment; filename="card-{no}.csv"'
        answer["X-Accel-Buffering"] = "no"
        return answer


def _rows(entries: Iterable[Entry]) -> Iterable[list[Any]]:
    # Now: lines are written after the request's language has gone.
    what = {code: str(label) for code, label in WHAT}
    part = {code: str(label) for code, label in PART}
    return (
        [
            entry.transfer.occurred_at,
            what.get(entry.transfer.code, entry.transfer.code),
            part[entry.part],
            Fen(entry.amount_fen),
            Fen(entry.balance_fen),
            entry.transfer.reference,
        ]
        for entry in entries
    )
