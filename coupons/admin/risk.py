"""Why claims were allowed, challenged or refused; quotas that burn; the rules as a form."""

from typing import Any

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from config.kernel import conditions
from config.kernel.admin import (
    Command,
    ReadOnlyAdmin,
    Related,
    ScopedRelatedFilter,
    ServiceAction,
    finder,
    number_like,
    phone_of,
    policy_form,
    related,
)
from coupons.admin.risk_form import ClaimRiskForm
from coupons.admin.stop import STOP
from coupons.claim_risk import words
from coupons.models import ClaimDecision, QuotaAlert, Template
from coupons.services.quota_alerts import quota_alert_settle
from members.models import Member
from stores.admin.scope import StaffScoped


@admin.register(ClaimDecision)
class ClaimDecisionAdmin(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("template__operator",)
    list_display = [
        "no",
        "decided_at",
        "template",
        "member",
        "verdict",
        "score",
        "reason_names",
        "answered_at",
    ]
    list_select_related = ["template", "member"]
    list_filter = [
        "verdict",
        "source",
        ("template", ScopedRelatedFilter),
        ("answered_at", admin.EmptyFieldListFilter),
    ]
    search_fields = [
        "no",
        "member__no__exact",
        "member__phone",
        "template__code",
        "device_hash__exact",
        "network_hash__exact",
    ]
    date_hierarchy = "decided_at"
    ordering = ["-id"]
    fields = [
        "no",
        "template",
        "member",
        "source",
        "verdict",
        "score",
        "reasons_text",
        "facts_text",
        "policy",
        "device_hash",
        "network_hash",
        "decided_at",
        "answered_at",
        "answers",
        "coupon",
    ]

    @admin.display(description=_("reasons"))
    def reason_names(self, row: ClaimDecision) -> str:
        return ", ".join(reason["name"] for reason in row.reasons)

    @admin.display(description=_("reasons"))
    def reasons_text(self, row: ClaimDecision) -> Any:
        return _lines(words(row.reasons))

    @admin.display(description=_("facts"))
    def facts_text(self, row: ClaimDecision) -> Any:
        return _lines(f"{conditions.label(name)}: {value}" for name, value in row.facts.items())

    def timeline_subjects(self, row):
        return [("coupons.claimdecision", row.pk)]


def _lines(texts: Any) -> Any:
    return format_html_join("", "<div>{}</div>", ((text,) for text in texts)) or "–"


def _settle(command: Command) -> None:
    quota_alert_settle(
        alert_id=command.row.pk, note=command.reason, actor=command.actor, now=command.now
    )


@admin.register(QuotaAlert)
class QuotaAlertAdmin(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("template__operator",)
    list_display = [
        "found_at",
        "template",
        "step_percent",
        "claims",
        "planned",
        "settled_at",
        "note",
    ]
    list_select_related = ["template"]
    list_filter = [
        ("template", ScopedRelatedFilter),
        ("settled_at", admin.EmptyFieldListFilter),
    ]
    search_fields = ["template__code", "template__name", "note"]
    date_hierarchy = "found_at"
    ordering = ["-id"]
    service_actions = [
        STOP,
        ServiceAction(
            "settle",
            _("Settle"),
            _settle,
            allowed=lambda row: row.settled_at is None,
            explanation=_("Say what it was. The alert changes nothing by itself."),
        ),
    ]

    def timeline_subjects(self, row):
        return [("coupons.quotaalert", row.pk), ("coupons.template", row.template_id)]


finder(
    ClaimDecision,
    lambda term: [*number_like(term, "no"), *phone_of(term, "member__phone")],
    detail="template__name",
    icon="gavel",
)
related(
    Member,
    Related(ClaimDecision, "member", ("no", "template", "verdict", "score", "decided_at")),
)
related(
    Template,
    Related(QuotaAlert, "template", ("found_at", "step_percent", "claims", "planned", "note")),
    Related(ClaimDecision, "template", ("no", "member", "verdict", "score", "reason_names")),
)
policy_form(ClaimRiskForm, _("New rules of claims"))
