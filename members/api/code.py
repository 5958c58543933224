"""The code that the calling member shows at a cash desk."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from config.kernel.api import CommandView, Example
from members.services.member_code_issue import member_code_issue


class MemberCodeOutput(serializers.Serializer):
    token = serializers.CharField(help_text=_("to be drawn as a QR code"))
    digits = serializers.CharField(help_text=_("to be drawn as a Code 128 bar code, and read out"))
    expires_at = serializers.DateTimeField(help_text=_("ask for another one before"))


class MemberCodeView(CommandView):
    """A code to show at a cash desk. It says who you are and lets the desk take one payment from
    your cards; it lives for 60 seconds and works once. Ask again every 45 seconds while the page
    is open, and keep none: a screenshot is worthless a minute later."""

    operations: ClassVar = {"POST": "me_code"}
    examples: ClassVar = {
        "POST": Example(
            request={},
            response={
                "token": "7Q2MX9KT4VB6W8Z3C5D1F0GHJN",
                "digits": "9204178365520181",
                "expires_at": "2026-04-02T14:01:00+08:00",
            },
        )
    }
    # Each call makes a new code: there is nothing to repeat.
    idempotent = False
    output = MemberCodeOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        code = member_code_issue(member_id=self.request.user.member_id, now=now)
        return MemberCodeOutput(code).data
