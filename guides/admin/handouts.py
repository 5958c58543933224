"""What guides may hand out, and what they gave to whom."""

from django.contrib import admin

from config.kernel.admin import (
    AuditedAdmin,
    ReadOnlyAdmin,
    Related,
    ScopedRelatedFilter,
    related,
)
from coupons.models import Coupon
from guides.models import CouponAllowance, CouponHandout, Guide
from stores.admin.scope import StaffScoped


@admin.register(CouponAllowance)
class CouponAllowanceAdmin(StaffScoped, AuditedAdmin):
    operator_paths = ("operator",)
    list_display = ["template", "operator", "period", "per_guide", "archived_at"]
    list_select_related = ["template", "operator"]
    list_filter = [
        "period",
        ("operator", ScopedRelatedFilter),
        ("archived_at", admin.EmptyFieldListFilter),
    ]
    search_fields = ["template__code", "template__name", "operator__code", "operator__name"]
    autocomplete_fields = ["template", "operator"]
    ordering = ["-id"]


@admin.register(CouponHandout)
class CouponHandoutAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("guide__assignments__store",)
    operator_paths = ("guide__operator",)
    list_display = [
        "given_at",
        "guide",
        "member",
        "coupon",
        "coupon__template",
        "coupon__state",
        "coupon__used_at",
    ]
    list_select_related = ["guide", "member", "coupon__template"]
    list_filter = ["coupon__state", ("guide", ScopedRelatedFilter)]
    search_fields = [
        "guide__no__exact",
        "guide__name",
        "member__no__exact",
        "member__phone",
        "coupon__no__exact",
    ]
    date_hierarchy = "given_at"
    ordering = ["-id"]

    def get_queryset(self, request):
        return super().get_queryset(request).distinct()

    def timeline_subjects(self, row):
        return [("coupon_handout", row.pk), ("coupon", row.coupon_id)]


related(
    Guide,
    Related(
        CouponHandout,
        "guide",
        ("given_at", "member", "coupon__template", "coupon__state", "coupon__used_at"),
    ),
)
related(Coupon, Related(CouponHandout, "coupon", ("given_at", "guide", "member")))
