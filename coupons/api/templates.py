"""Coupons to be had: the list for everyone, the claim for members."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView
from rest_framework.permissions import AllowAny

from config.kernel import clock, conditions
from config.kernel.api import CommandView, made_once
from config.kernel.auth import Principal
from coupons.api import examples as ex
from coupons.api.judged import DEVICE_PARAMETER, JUDGED, JudgedView, visitor
from coupons.claimed import ClaimedCoupon
from coupons.models import Template
from coupons.selectors import Centre, templates_claimable
from coupons.services.coupon_claim import coupon_claim
from coupons.services.points_exchange import points_exchange
from coupons.states import Channel, CouponKind


class OperatorOutput(serializers.Serializer):
    code = serializers.CharField()
    name = serializers.CharField()


def _names(field: serializers.BaseSerializer[Any]) -> dict[str, str]:
    """Names of what the rules of the answer's templates speak of; asked once for an answer."""
    root: Any = field.root
    found: dict[str, str] | None = getattr(root, "_names_of_rules", None)
    if found is None:
        shown = root.instance
        rules = [
            rule
            for row in (shown if isinstance(root, serializers.ListSerializer) else [shown])
            for template in [_template_of(row)]
            for rule in (template.scope, template.claim_for)
        ]
        found = conditions.names_in(rules)
        root._names_of_rules = found
    return found


def _template_of(row: Any) -> Template:
    """Of a template, a coupon or a gift of one."""
    if isinstance(row, Template):
        return row
    return row.template if hasattr(row, "template") else row.coupon.template


class WorthOutput(serializers.ModelSerializer):
    """What a coupon of the template is worth, for what, and where."""

    kind = serializers.ChoiceField(CouponKind.choices)
    value = serializers.IntegerField(
        help_text=_("fen for amount off, basis points off for percent off")
    )
    scope_words = serializers.SerializerMethodField(help_text=_("for what, in words"))
    channels = serializers.ListField(child=serializers.ChoiceField(Channel.choices))
    operator = OperatorOutput()

    class Meta:
        model = Template
        fields = [
            "code",
            "name",
            "kind",
            "value",
            "max_discount_fen",
            "threshold_fen",
            "scope_words",
            "channels",
            "operator",
        ]

    def get_scope_words(self, template: Template) -> str:
        if not template.scope:
            return str(_("everything"))
        return conditions.explain(template.scope, _names(self))


class TemplateOutput(WorthOutput):
    for_words = serializers.SerializerMethodField(help_text=_("for whom, in words; empty: anyone"))
    left = serializers.IntegerField(help_text=_("how many can still be claimed"))
    mine = serializers.IntegerField(help_text=_("how many of them the caller has claimed"))

    class Meta(WorthOutput.Meta):
        fields = [
            *WorthOutput.Meta.fields,
            "claim_until",
            "valid_until",
            "valid_days",
            "per_member",
            "per_day",
            "points_price",
            "for_words",
            "left",
            "mine",
        ]

    def get_for_words(self, template: Template) -> str:
        rule = template.claim_for
        return conditions.explain(rule, _names(self)) if rule else ""


class CentreInput(serializers.Serializer):
    """What a list of coupons is narrowed by."""

    kind = serializers.ChoiceField(CouponKind.choices, required=False, default="")
    channel = serializers.ChoiceField(Channel.choices, required=False, default="")
    q = serializers.CharField(max_length=40, required=False, allow_blank=True, default="")
    days = serializers.IntegerField(
        min_value=0, max_value=3650, required=False, allow_null=True, default=None
    )

    @property
    def centre(self) -> Centre:
        said = self.validated_data
        return Centre(said["kind"], said["q"].strip(), said["channel"], said["days"])


CENTRE_PARAMETERS = [
    OpenApiParameter("kind", enum=[str(k) for k in CouponKind], description=_("only this kind")),
    OpenApiParameter(
        "channel", enum=[str(c) for c in Channel], description=_("only what may be used there")
    ),
    OpenApiParameter("q", description=_("words of the name")),
    OpenApiParameter("days", int, description=_("only what ends within so many days")),
]


@extend_schema(parameters=CENTRE_PARAMETERS)
class TemplatesView(ListAPIView):
    """Coupons to be had now, newest first. Open to everybody; ``mine`` counts for members. One
    with a ``points_price`` is had by exchange, the others by claiming."""

    tags = ["coupons"]
    examples: ClassVar = {"GET": ex.TEMPLATE}
    permission_classes = [AllowAny]
    serializer_class = TemplateOutput
    ordering = ("-id",)
    filter_backends: list[Any] = []
    queryset = Template.objects.none()

    def get_queryset(self):
        form = CentreInput(data=self.request.query_params)
        form.is_valid(raise_exception=True)
        user = self.request.user
        member_id = user.extra.get("member_id") if isinstance(user, Principal) else None
        return templates_claimable(member_id=member_id, now=clock.now(), centre=form.centre)


class ClaimInput(serializers.Serializer):
    source_token = serializers.CharField(
        max_length=32,
        required=False,
        allow_blank=True,
        default="",
        help_text=_("the code by which the member came, if any"),
    )


class ClaimOutput(serializers.Serializer):
    no = serializers.CharField()
    valid_from = serializers.DateTimeField()
    valid_until = serializers.DateTimeField()


def claimed_document(claimed: ClaimedCoupon) -> dict[str, Any]:
    """As a claim answers it, by serializer fields that were made once."""
    return made_once(ClaimOutput).to_representation(claimed)


@extend_schema(parameters=[DEVICE_PARAMETER])
class ClaimView(JudgedView):
    """Claim a coupon. Many claim at the same moment: retry with the same Idempotency-Key after a
    lost answer, and you have one coupon."""

    tags = ["coupons"]
    refusals: ClassVar = {
        "POST": [
            "coupon_template_unknown",
            "coupon_sold_out",
            "coupon_limit_reached",
            "coupon_limit_today",
            "coupon_not_for_you",
            "coupon_claim_closed",
            *JUDGED,
        ]
    }
    examples: ClassVar = {"POST": ex.CLAIM}
    input = ClaimInput
    plain_input = True
    output = ClaimOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        coupon_claim(
            template_code=kwargs["code"],
            member_id=self.request.user.member_id,
            source_token=data["source_token"],
            visitor=visitor(self.request),
            actor=self.request.user.actor,
            now=now,
            before_quota=lambda claimed: self.settle(claimed_document(claimed)),
        )


class ExchangeInput(serializers.Serializer):
    points = serializers.IntegerField(
        min_value=1, max_value=1_000_000_000, help_text=_("the price that the member was shown")
    )


class ExchangeView(CommandView):
    """Take a coupon for points. They are spent, the first to expire first, and do not come back.
    Retry with the same Idempotency-Key after a lost answer."""

    tags = ["coupons"]
    refusals: ClassVar = {
        "POST": [
            "coupon_template_unknown",
            "coupon_price_changed",
            "coupon_sold_out",
            "coupon_limit_reached",
            "coupon_limit_today",
            "coupon_not_for_you",
            "coupon_claim_closed",
            "points_insufficient",
        ]
    }
    examples: ClassVar = {"POST": ex.EXCHANGE}
    input = ExchangeInput
    output = ClaimOutput

    def run(self, *, data: dict[str, Any], now, **kwargs: Any) -> Any:
        points_exchange(
            template_code=kwargs["code"],
            member_id=self.request.user.member_id,
            points=data["points"],
            actor=self.request.user.actor,
            now=now,
            before_quota=lambda claimed: self.settle(claimed_document(claimed)),
        )
