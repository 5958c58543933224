"""Claims that may be judged: where they come from, what is kept of a refusal, the challenge."""

from ipaddress import ip_address, ip_network
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.openapi import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from config.kernel.api import CommandView
from config.kernel.devices import DEVICE_HEADER
from config.kernel.throttles import CallerThrottle
from coupons.api import examples as ex
from coupons.services.claim_challenge import claim_challenge_answer
from coupons.services.claim_judge import ClaimHeld, Visitor, claim_held_keep
from members.services.member_wechat import wechat_identity

JUDGED = ["claim_challenged", "claim_refused"]
DEVICE_PARAMETER = OpenApiParameter(
    DEVICE_HEADER,
    str,
    OpenApiParameter.HEADER,
    description=_("what the mini-program calls the device, at most 64 characters; kept hashed"),
)


def visitor(request: Request) -> Visitor:
    """The device by its header; the network as /24 of an IPv4 address, /48 of an IPv6 one."""
    device = request.headers.get(DEVICE_HEADER, "")[:64]
    return Visitor(device=device, network=_network(CallerThrottle().get_ident(request)))


def _network(address: str) -> str:
    try:
        known = ip_address(address)
    except ValueError:
        return ""
    known = getattr(known, "ipv4_mapped", None) or known
    if known.version == 4:
        return f"{known}".rpartition(".")[0] + ".0"
    return str(ip_network(f"{known}/48", strict=False).network_address)


class JudgedView(CommandView):
    """A claim that may be refused or challenged: why is kept, although the claim is not."""

    def post(self, request: Request, **kwargs: Any) -> Response:
        try:
            return super().post(request, **kwargs)
        except ClaimHeld as held:
            claim_held_keep(held=held)
            raise


class ChallengeInput(serializers.Serializer):
    challenge = serializers.CharField(
        max_length=32, help_text=_("of the refusal claim_challenged, under extra")
    )
    app_id = serializers.CharField(max_length=32)
    code = serializers.CharField(max_length=128, help_text=_("a fresh one of wx.login"))


class ChallengeOutput(serializers.Serializer):
    template = serializers.CharField(source="template.code")
    answered_at = serializers.DateTimeField()


class ChallengeView(CommandView):
    """Pass the challenge of a claim with a fresh login code, then claim again. The code works
    once, so there is no key; what was passed lets one claim pass within ten minutes."""

    tags = ["coupons"]
    operations: ClassVar = {"POST": "coupon_claim_challenge"}
    refusals: ClassVar = {
        "POST": [
            "claim_challenge_unknown",
            "claim_challenge_failed",
            "miniprogram_unknown",
            "wechat_code_invalid",
            "wechat_busy",
            "wechat_unavailable",
        ]
    }
    examples: ClassVar = {"POST": ex.CHALLENGE}
    throttle_scope = "login"
    idempotent = False
    success_status = 200
    input = ChallengeInput
    output = ChallengeOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        user = self.request.user
        decision = claim_challenge_answer(
            challenge=data["challenge"],
            member_id=user.member_id,
            identity=wechat_identity(app_id=data["app_id"], code=data["code"]),
            actor=user.actor,
            now=now,
        )
        return ChallengeOutput(decision).data
