"""Stored value sold in stores: which desk or till, how it was paid, what was undone."""

from django.contrib import admin

from config.kernel.admin import (
    ReadOnlyAdmin,
    ScopedRelatedFilter,
    finder,
    number_like,
)
from mall.models import StoreSale
from stores.admin.scope import StaffScoped


@admin.register(StoreSale)
class StoreSaleAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("store",)
    operator_paths = ("operator",)
    hidden = ("request_hash",)
    list_display = [
        "no",
        "order",
        "store",
        "terminal",
        "ticket_no",
        "way",
        "payer",
        "reference",
        "sold_by",
        "created_at",
        "voided_at",
    ]
    list_select_related = ["order", "store", "terminal"]
    list_filter = [
        "way",
        "payer",
        ("store", ScopedRelatedFilter),
        ("operator", ScopedRelatedFilter),
        ("voided_at", admin.EmptyFieldListFilter),
    ]
    search_fields = ["no", "ticket_no", "reference", "order__no__exact", "order__member__no__exact"]
    date_hierarchy = "created_at"
    ordering = ["-id"]

    def timeline_subjects(self, row):
        return [("store_sale", row.pk)]


finder(
    StoreSale,
    lambda term: number_like(term, "no", "ticket_no", "reference"),
    detail="store__name",
    icon="add_card",
)
