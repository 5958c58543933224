"""Membership that is paid for: plans are reference data, periods come from orders."""

from django.contrib import admin

from config.kernel.admin import (
    AuditedAdmin,
    ReadOnlyAdmin,
    Related,
    ScopedRelatedFilter,
    related,
)
from members.models import Member, Membership, MembershipPlan
from stores.admin.scope import StaffScoped


@admin.register(MembershipPlan)
class MembershipPlanAdmin(StaffScoped, AuditedAdmin):
    operator_paths = ("operator",)
    list_display = [
        "code",
        "name",
        "operator",
        "price_fen",
        "days",
        "points_rate_bp",
        "price_level",
        "archived_at",
    ]
    list_select_related = ["operator"]
    list_filter = [("operator", ScopedRelatedFilter), ("archived_at", admin.EmptyFieldListFilter)]
    search_fields = ["code", "name"]
    autocomplete_fields = ["operator"]
    ordering = ["code"]


@admin.register(Membership)
class MembershipAdmin(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("plan__operator",)
    list_display = [
        "member",
        "plan",
        "reference",
        "price_fen",
        "since",
        "until",
        "refunded_fen",
        "ended_at",
    ]
    list_select_related = ["member", "plan"]
    list_filter = [("plan", ScopedRelatedFilter), ("ended_at", admin.EmptyFieldListFilter)]
    search_fields = ["reference", "member__no__exact", "member__phone"]
    date_hierarchy = "since"
    ordering = ["-id"]

    def timeline_subjects(self, row):
        return [("membership", row.pk)]


related(
    Member,
    Related(
        Membership,
        "member",
        ("plan", "reference", "since", "until", "ended_at"),
        subject="membership",
    ),
)
