"""POST touches: a member came by a guide's code."""

from datetime import datetime
from typing import Any, ClassVar

from rest_framework import serializers

from config.kernel.api import CommandView
from guides.api import examples as ex
from guides.services.touch_record import touch_record


class TouchInput(serializers.Serializer):
    token = serializers.CharField(max_length=32, help_text="The scene of the 小程序码.")
    product = serializers.CharField(
        max_length=32,
        required=False,
        allow_blank=True,
        default="",
        help_text="Code of the product being looked at; without it that of the code.",
    )


class TouchGuide(serializers.Serializer):
    name = serializers.CharField()


class TouchProduct(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()


class TouchOutput(serializers.Serializer):
    guide = TouchGuide()
    product = TouchProduct(allow_null=True)


class TouchView(CommandView):
    """Record that the member came by a guide's code. Send the ``scene`` that the mini-program was
    opened with, once per start. It moves no value, so it needs no idempotency key."""

    tags = ["guides"]
    refusals: ClassVar = {"POST": ["code_invalid", "product_unknown"]}
    examples: ClassVar = {"POST": ex.TOUCH}
    idempotent = False
    input = TouchInput
    output = TouchOutput

    def run(self, *, data: dict[str, Any], now: datetime, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user  # a Principal, by the permission
        done = touch_record(
            token=data["token"],
            member_id=user.member_id,
            product_code=data["product"],
            actor=user.actor,
            now=now,
        )
        product = done.product
        return {
            "guide": {"name": done.guide.name},
            "product": {"code": product.code, "name": product.name} if product else None,
        }
