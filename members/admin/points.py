"""Points set aside for orders and exchanges."""

from django.contrib import admin

from config.kernel.admin import ReadOnlyAdmin, ReadOnlyInline, Related, related
from members.models import Member, PointHold, PointHoldLine
from stores.admin.scope import StaffScoped


class PointHoldLineInline(ReadOnlyInline):
    model = PointHoldLine
    fields = ["lot", "points", "refunded_points"]
    ordering = ["id"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("lot")


@admin.register(PointHold)
class PointHoldAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("member__home_store",)
    list_display = [
        "reference",
        "member",
        "points",
        "refunded_points",
        "state",
        "created_at",
        "expires_at",
        "ended_at",
    ]
    list_select_related = ["member"]
    list_filter = ["state"]
    search_fields = ["reference", "member__no__exact", "member__phone"]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    inlines = [PointHoldLineInline]

    def timeline_subjects(self, row):
        return [("point_hold", row.pk)]


related(
    Member,
    Related(
        PointHold,
        "member",
        ("reference", "points", "refunded_points", "state", "created_at"),
        subject="point_hold",
    ),
)
