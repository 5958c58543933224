"""The statement of one of my cards as PDF: asked for, made in the background, fetched."""

from typing import Any, ClassVar

from django.http import FileResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.kernel import clock
from config.kernel.api import CommandView, MemberView
from config.kernel.models import BatchStatus
from config.kernel.tasks import nudge_batches
from members.api import examples as ex
from members.api.statement import PeriodInput, period_of
from members.services.card_statement import (
    card_statement_ask,
    card_statement_fetch,
    card_statement_of,
)


class StatementInput(PeriodInput):
    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        since, until = attrs.get("since"), attrs.get("until")
        if since and until and until < since:
            raise serializers.ValidationError({"until": _("The last day is before the first.")})
        return attrs


class StatementOutput(serializers.Serializer):
    """``done`` of ``total`` lines are written. Once ``status`` is ``done`` the file is there,
    until ``expires_at``."""

    no = serializers.CharField(source="request.no", help_text=_("number of the statement"))
    card = serializers.CharField(source="source", help_text=_("card number"))
    since = serializers.DateField(source="request.since", allow_null=True)
    until = serializers.DateField(source="request.until", allow_null=True)
    status = serializers.ChoiceField(BatchStatus.choices)
    done = serializers.IntegerField()
    total = serializers.IntegerField()
    asked_at = serializers.DateTimeField(source="started_at")
    expires_at = serializers.DateTimeField(allow_null=True)


class CardStatementsView(CommandView):
    """Have the statement of a card made as PDF, with what it held after each line. It begins when
    the card became mine; ``since`` and ``until`` narrow it to a period. Asking again for one that
    is being made answers with that one."""

    operations: ClassVar = {"POST": "me_card_statement_ask"}
    refusals: ClassVar = {"POST": ["not_found", "card_statements_waiting"]}
    examples: ClassVar = {"POST": ex.CARD_STATEMENT_ASK}
    idempotent = False
    input = StatementInput
    output = StatementOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> dict[str, Any]:
        batch = card_statement_ask(
            card_no=kwargs["no"],
            member_id=self.request.user.member_id,
            period=period_of(data),
            now=now,
        )
        nudge_batches()
        return StatementOutput(batch).data


class CardStatementView(MemberView):
    """How far a statement is that I asked for."""

    operations: ClassVar = {"GET": "me_card_statement_get"}
    refusals: ClassVar = {"GET": ["not_found"]}
    examples: ClassVar = {"GET": ex.CARD_STATEMENT}
    output = StatementOutput

    def get(self, request: Request, no: str) -> Response:
        batch = card_statement_of(no=no, user_id=self.request.user.pk)
        return Response(StatementOutput(batch).data)


class CardStatementFileView(MemberView):
    """The statement as a PDF file, for a week after it was made."""

    refusals: ClassVar = {
        "GET": ["not_found", "export_unknown", "card_statement_not_ready", "export_gone"]
    }

    @extend_schema(
        operation_id="me_card_statement_file",
        responses={(200, "application/pdf"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, no: str) -> FileResponse:
        user = self.request.user
        path = card_statement_fetch(no=no, user_id=user.pk, actor=user.actor, now=clock.now())
        return FileResponse(
            path.open("rb"),
            as_attachment=True,
            filename=f"{no}.pdf",
            content_type="application/pdf",
        )
