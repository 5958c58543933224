"""Plans of membership that is paid for. Periods come from orders: the mall shows them."""

from django.contrib import admin

from config.kernel.admin import (
    AuditedAdmin,
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
        "per_member",
        "refund_on_request",
        "archived_at",
    ]
    list_select_related = ["operator"]
    list_filter = [("operator", ScopedRelatedFilter), ("archived_at", admin.EmptyFieldListFilter)]
    search_fields = ["code", "name"]
    autocomplete_fields = ["operator"]
    ordering = ["code"]


related(
    Member,
    Related(
        Membership,
        "member",
        ("plan", "reference", "since", "until", "ended_at"),
        subject="membership",
    ),
)
