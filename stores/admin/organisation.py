"""Operators, regions, stores and who works where: reference data, every change audited."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import AuditedAdmin, ReadOnlyAdmin, ScopedRelatedFilter
from stores.admin.scope import StaffScoped
from stores.models import Assignment, Operator, Region, Store
from stores.reach import Reach


@admin.register(Operator)
class OperatorAdmin(StaffScoped, AuditedAdmin):
    store_paths = ("stores",)
    operator_paths = ("pk",)
    list_display = ["code", "name", "kind", "mchid", "archived_at"]
    list_filter = ["kind", ("archived_at", admin.EmptyFieldListFilter)]
    search_fields = ["code", "name", "mchid"]
    ordering = ["code"]

    def get_queryset(self, request):
        # One row each, however many of its stores the reader works at.
        return super().get_queryset(request).distinct()


@admin.register(Region)
class RegionAdmin(ReadOnlyAdmin):
    """Imported with the catalogue's regions; not ours to edit."""

    list_display = ["adcode", "name", "level", "parent"]
    list_select_related = ["parent"]
    list_filter = ["level"]
    search_fields = ["adcode", "name"]
    ordering = ["adcode"]


@admin.register(Store)
class StoreAdmin(StaffScoped, AuditedAdmin):
    store_paths = ("pk",)
    operator_paths = ("operator",)
    list_display = [
        "code",
        "name",
        "kind",
        "operator",
        "region",
        "phone",
        "pickup_enabled",
        "archived_at",
    ]
    list_select_related = ["operator", "region"]
    list_filter = [
        "kind",
        ("operator", ScopedRelatedFilter),
        "pickup_enabled",
        ("archived_at", admin.EmptyFieldListFilter),
    ]
    search_fields = ["code", "name", "address", "phone"]
    autocomplete_fields = ["operator", "region"]
    ordering = ["code"]


class _BoundForm:
    """Nobody assigns beyond where they are assigned themselves."""

    reach: Reach

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data  # type: ignore[misc, attr-defined]  # mixed into forms
        if not self.reach.everything and not (data.get("store") or data.get("operator")):
            raise ValidationError(_("Name a store or an operator of yours."))
        return data


@admin.register(Assignment)
class AssignmentAdmin(StaffScoped, AuditedAdmin):
    """Who may work where. Ended by a date, so that the past stays explained."""

    store_paths = ("store",)
    operator_paths = ("operator", "store__operator")
    list_display = ["user", "role", "operator", "store", "since", "until"]
    list_select_related = ["user", "operator", "store"]
    list_filter = ["role", ("operator", ScopedRelatedFilter), ("store", ScopedRelatedFilter)]
    search_fields = [
        "user__username",
        "user__first_name",
        "user__last_name",
        "store__name",
        "store__code",
    ]
    autocomplete_fields = ["user", "operator", "store"]
    ordering = ["-since"]

    def get_form(self, request, obj=None, change=False, **kwargs):
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(
            form.__name__, (_BoundForm, form), {"reach": self.reach(request, "add", "change")}
        )
