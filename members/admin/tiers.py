"""How members came to their tiers: growth, and the periods in each."""

from django.contrib import admin

from config.kernel.admin import ReadOnlyAdmin, Related, related
from members.models import GrowthEntry, Member, MemberTier
from stores.admin.scope import StaffScoped


@admin.register(GrowthEntry)
class GrowthEntryAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("member__home_store",)
    list_display = ["member", "reference", "growth", "occurred_at", "created_at"]
    list_select_related = ["member"]
    search_fields = ["reference", "member__no__exact", "member__phone"]
    date_hierarchy = "occurred_at"
    ordering = ["-id"]


@admin.register(MemberTier)
class MemberTierAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("member__home_store",)
    list_display = [
        "member",
        "tier",
        "cause",
        "growth",
        "since",
        "until",
        "grace_until",
        "ended_at",
    ]
    list_select_related = ["member", "tier"]
    list_filter = ["tier", "cause", ("ended_at", admin.EmptyFieldListFilter)]
    search_fields = ["member__no", "member__phone"]
    date_hierarchy = "since"
    ordering = ["-id"]


related(
    Member,
    Related(MemberTier, "member", ("tier", "cause", "growth", "since", "until", "ended_at")),
)
