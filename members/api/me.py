"""The calling member: who they are, their phone, what they agree to."""

from typing import Any, ClassVar

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.response import Response

from config.kernel import clock
from config.kernel.api import CommandView, MemberView
from config.kernel.errors import NotFound
from members.api import examples as ex
from members.birthdays import FIRST_YEAR
from members.models import Member
from members.services.birthday_set import birthday_set
from members.services.consent_give import consent_give
from members.services.consent_withdraw import consent_withdraw
from members.services.member_wechat import wechat_phone
from members.services.phone_bind import phone_bind
from members.states import ConsentKind


class TierOutput(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()


class HomeStoreOutput(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()


class BirthdayOutput(serializers.Serializer):
    month = serializers.IntegerField()
    day = serializers.IntegerField()
    year = serializers.IntegerField(allow_null=True, help_text=_("where I told it"))


class MeOutput(serializers.Serializer):
    no = serializers.CharField(help_text=_("member number"))
    nickname = serializers.CharField()
    phone = serializers.CharField(allow_null=True, help_text=_("E.164"))
    tier = TierOutput(allow_null=True)
    growth = serializers.IntegerField()
    home_store = HomeStoreOutput(allow_null=True)
    birthday = BirthdayOutput(allow_null=True)
    consents = serializers.SerializerMethodField()
    created_at = serializers.DateTimeField()

    @extend_schema_field(serializers.ListField(child=serializers.ChoiceField(ConsentKind.choices)))
    def get_consents(self, member: Member) -> list[str]:
        return sorted(kind for kind in member.consent_kinds if kind)  # type: ignore[attr-defined]  # of the selector


class MeView(MemberView):
    """Who is calling. The first call after a login; ``phone`` is null until it is bound."""

    examples: ClassVar = {"GET": ex.ME}
    output = MeOutput

    @extend_schema(operation_id="me_retrieve")
    def get(self, request) -> Response:
        return Response(MeOutput(_me(request.user.member_id).get()).data)


def _me(member_id: int) -> QuerySet[Member]:
    """The member with all that the answer shows, in one statement."""
    return (
        Member.objects.filter(pk=member_id)
        .select_related("tier", "home_store")
        .annotate(
            consent_kinds=ArrayAgg(
                "consents__kind", filter=Q(consents__withdrawn_at__isnull=True), default=[]
            )
        )
    )


class PhoneInput(serializers.Serializer):
    app_id = serializers.CharField(max_length=32)
    phone_code = serializers.CharField(
        max_length=128, help_text=_("of the getPhoneNumber button; not a login code")
    )


class PhoneOutput(serializers.Serializer):
    phone = serializers.CharField(help_text=_("E.164"))


class PhoneView(CommandView):
    """Bind the phone that WeChat vouches for. The code of the getPhoneNumber button works once, so
    there is no key. A phone belongs to one member."""

    refusals: ClassVar = {
        "POST": [
            "wechat_code_invalid",
            "miniprogram_unknown",
            "phone_invalid",
            "phone_taken",
            "wechat_busy",
            "wechat_unavailable",
        ]
    }
    examples: ClassVar = {"POST": ex.PHONE}
    idempotent = False
    success_status = 200
    input = PhoneInput
    output = PhoneOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> dict[str, str]:
        phone = wechat_phone(app_id=data["app_id"], code=data["phone_code"])
        bound = phone_bind(
            member_id=self.request.user.member_id,
            phone=phone,
            actor=self.request.user.actor,
            now=now,
        )
        return {"phone": bound}


class BirthdayInput(serializers.Serializer):
    month = serializers.IntegerField(min_value=1, max_value=12)
    day = serializers.IntegerField(min_value=1, max_value=31)
    year = serializers.IntegerField(
        min_value=FIRST_YEAR,
        max_value=9999,
        required=False,
        allow_null=True,
        default=None,
        help_text=_("for who wants to tell it"),
    )


class BirthdayView(CommandView):
    """Tell my birthday. Afterwards it can be changed once a year; the service desk corrects a
    mistake. What is given for a birthday needs it to be known when the day begins. Repeating it
    changes nothing, so there is no key."""

    refusals: ClassVar = {"POST": ["birthday_invalid", "birthday_fixed"]}
    examples: ClassVar = {"POST": ex.BIRTHDAY}
    idempotent = False
    success_status = 200
    input = BirthdayInput
    output = BirthdayOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        told = birthday_set(
            member_id=self.request.user.member_id, actor=self.request.user.actor, now=now, **data
        )
        return BirthdayOutput(told).data


class ConsentInput(serializers.Serializer):
    kind = serializers.ChoiceField(ConsentKind.choices)
    version = serializers.CharField(max_length=16)


class ConsentOutput(serializers.Serializer):
    kind = serializers.ChoiceField(ConsentKind.choices)
    version = serializers.CharField()
    given_at = serializers.DateTimeField()


class ConsentsView(CommandView):
    """Agree to a text. Repeating it changes nothing, so there is no key."""

    examples: ClassVar = {"POST": ex.CONSENT}
    idempotent = False
    success_status = 200
    input = ConsentInput
    output = ConsentOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        consent = consent_give(
            member_id=self.request.user.member_id, actor=self.request.user.actor, now=now, **data
        )
        return ConsentOutput(consent).data


class ConsentView(MemberView):
    """A consent of the calling member."""

    refusals: ClassVar = {"DELETE": ["not_found"]}
    throttle_scope = "write"

    @extend_schema(responses={204: None}, request=None)
    def delete(self, request, kind: str) -> Response:
        """Withdraw a consent. 404 when there is none."""
        withdrawn = consent_withdraw(
            member_id=request.user.member_id, kind=kind, actor=request.user.actor, now=clock.now()
        )
        if not withdrawn:
            raise NotFound()
        return Response(status=204)
