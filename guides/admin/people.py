"""Guides, where they work, whom they serve, and what they earned."""

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import (
    AuditedAdmin,
    AuditedInline,
    ReadOnlyAdmin,
    Related,
    ScopedRelatedFilter,
    code_words,
    finder,
    number_like,
    related,
)
from config.kernel.models import Code
from guides.models import Attribution, Binding, CommissionEntry, Guide, GuideAssignment, Touch
from guides.services.code_create import PERSONAL, PRODUCT, STORE
from mall.models import Order
from members.models import Member
from stores.admin.scope import StaffScoped


class GuideAssignmentInline(AuditedInline):
    model = GuideAssignment
    autocomplete_fields = ["store"]
    ordering = ["-since"]


@admin.register(Guide)
class GuideAdmin(StaffScoped, AuditedAdmin):
    store_paths = ("assignments__store",)
    operator_paths = ("operator",)
    list_display = ["no", "name", "user", "operator", "active_from", "active_until"]
    list_select_related = ["user", "operator"]
    list_filter = [("operator", ScopedRelatedFilter)]
    search_fields = ["no", "name", "user__username", "member__phone"]
    autocomplete_fields = ["user", "operator", "member"]
    ordering = ["no"]
    inlines = [GuideAssignmentInline]

    def get_queryset(self, request):
        return super().get_queryset(request).distinct()


# A few hundred people: a part of the name may be looked for.
finder(
    Guide,
    lambda term: [*number_like(term, "no"), Q(name__contains=term)],
    title="name",
    detail="operator__name",
    icon="support_agent",
)


@admin.register(GuideAssignment)
class GuideAssignmentAdmin(StaffScoped, ReadOnlyAdmin):
    """The history of who worked where; written on the guide's page."""

    store_paths = ("store",)
    list_display = ["guide", "store", "since", "until"]
    list_select_related = ["guide", "store"]
    list_filter = [("store", ScopedRelatedFilter)]
    search_fields = ["guide__no", "guide__name", "store__name", "store__code"]
    ordering = ["-since"]


code_words(Binding, "source", {"touch": _("a code scanned"), "demo": _("demo data")})
code_words(
    Code,
    "purpose",
    {
        PERSONAL: _("guide's own code"),
        PRODUCT: _("guide's product code"),
        STORE: _("code of a store"),
    },
)


@admin.register(Binding)
class BindingAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("guide__assignments__store",)
    operator_paths = ("guide__operator",)
    list_display = ["member", "guide", "source", "since", "until"]
    list_select_related = ["member", "guide"]
    list_filter = ["source", ("until", admin.EmptyFieldListFilter)]
    search_fields = ["guide__no", "guide__name", "member__no__exact", "member__phone"]
    date_hierarchy = "since"
    ordering = ["-id"]

    def get_queryset(self, request):
        return super().get_queryset(request).distinct()

    def timeline_subjects(self, row):
        return [("binding", row.pk)]


@admin.register(Touch)
class TouchAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("store",)
    operator_paths = ("guide__operator",)
    list_display = ["occurred_at", "member", "guide", "code", "product_code", "store"]
    list_select_related = ["member", "guide", "code", "store"]
    list_filter = [("store", ScopedRelatedFilter)]
    search_fields = [
        "guide__no",
        "guide__name",
        "member__no__exact",
        "member__phone",
        "product_code",
        "code__token",
    ]
    date_hierarchy = "occurred_at"
    ordering = ["-id"]


def _basis_points(value: int) -> str:
    return f"{value // 100}.{value % 100:02d} %"


@admin.register(Attribution)
class AttributionAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("line__order__store",)
    operator_paths = ("guide__operator",)
    list_display = [
        "frozen_at",
        "line__order__no",
        "line__title",
        "role",
        "guide",
        "share_text",
        "rate_text",
        "plan",
    ]
    list_select_related = ["line__order", "guide", "plan", "policy"]
    list_filter = ["role"]
    search_fields = ["line__order__no", "line__sku__code", "guide__no", "guide__name"]
    date_hierarchy = "frozen_at"
    ordering = ["-id"]

    @admin.display(description=_("share"), ordering="basis_points")
    def share_text(self, row: Attribution) -> str:
        return _basis_points(row.basis_points)

    @admin.display(description=_("commission rate"), ordering="rate_bp")
    def rate_text(self, row: Attribution) -> str:
        return _basis_points(row.rate_bp)


@admin.register(CommissionEntry)
class CommissionEntryAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("attribution__line__order__store",)
    operator_paths = ("guide__operator",)
    list_display = [
        "occurred_at",
        "guide",
        "attribution__line__order__no",
        "attribution__line__title",
        "base_fen",
        "pot_fen",
        "amount_fen",
    ]
    list_select_related = ["guide", "attribution__line__order"]
    list_filter = ["attribution__role"]
    search_fields = ["guide__no", "guide__name", "attribution__line__order__no", "key"]
    date_hierarchy = "occurred_at"
    ordering = ["-id"]


related(Member, Related(Binding, "member", ("guide", "source", "since", "until")))
related(
    Order,
    Related(
        Attribution,
        "line__order",
        ("line__title", "role", "guide", "share_text", "rate_text", "plan"),
        most=20,
    ),
    Related(
        CommissionEntry,
        "attribution__line__order",
        ("occurred_at", "guide", "attribution__line__title", "base_fen", "pot_fen", "amount_fen"),
        most=20,
    ),
)
