"""Parcels waiting at stores; they move at the desk and with their orders."""

from django.contrib import admin

from config.kernel.admin import ReadOnlyAdmin, ScopedRelatedFilter, finder, number_like
from stores.admin.scope import StaffScoped
from stores.models import Pickup


@admin.register(Pickup)
class PickupAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("store",)
    # The digits hand over the goods: they are the member's and are typed at the desk.
    hidden = ("digits",)
    list_display = [
        "no",
        "order_no",
        "store",
        "state",
        "phone_tail",
        "created_at",
        "ready_at",
        "expires_at",
        "collected_at",
        "collected_by",
    ]
    list_select_related = ["store", "collected_by"]
    list_filter = ["state", ("store", ScopedRelatedFilter)]
    search_fields = ["no", "order_no", "phone_tail"]
    date_hierarchy = "created_at"
    ordering = ["-id"]

    def timeline_subjects(self, row):
        return [("pickup", row.pk)]


finder(
    Pickup,
    lambda term: number_like(term, "no", "order_no"),
    detail="store__name",
    icon="package_2",
)
