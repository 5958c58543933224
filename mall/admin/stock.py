"""Stock, why it changed, and what is promised: looked at here, changed by its guards."""

from django.contrib import admin
from django.db.models import F
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import ReadOnlyAdmin, ReadOnlyInline, ScopedRelatedFilter
from mall.models import Reservation, Stock, StockMovement
from mall.selectors.dashboard import LOW_STOCK
from stores.admin.scope import StaffScoped


class MovementInline(ReadOnlyInline):
    model = StockMovement
    fields = ["occurred_at", "kind", "delta", "reference"]
    ordering = ["-id"]
    per_page = 20


class LeftFilter(admin.SimpleListFilter):
    """What the dashboard warns of: next to nothing left of it."""

    title = _("what is left")
    parameter_name = "left"

    def lookups(self, request, model_admin):
        return [("low", _("next to nothing")), ("none", _("nothing"))]

    def queryset(self, request, queryset):
        most = {"low": LOW_STOCK, "none": 0}.get(self.value() or "")
        if most is None:
            return queryset
        return queryset.filter(on_hand__lte=F("reserved") + most)


@admin.register(Stock)
class StockAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("store",)
    list_display = ["store", "sku", "sku__product", "on_hand", "reserved", "available"]
    list_display_links = ["store", "sku"]
    list_select_related = ["store", "sku__product"]
    list_filter = [LeftFilter, ("store", ScopedRelatedFilter)]
    search_fields = ["sku__code", "sku__barcode", "sku__product__name", "store__code"]
    ordering = ["-id"]
    inlines = [MovementInline]

    @admin.display(description=_("available"), ordering=F("on_hand") - F("reserved"))
    def available(self, row: Stock) -> int:
        return row.on_hand - row.reserved


@admin.register(StockMovement)
class StockMovementAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("stock__store",)
    list_display = ["occurred_at", "stock__store", "stock__sku", "kind", "delta", "reference"]
    list_select_related = ["stock__store", "stock__sku"]
    list_filter = ["kind", ("stock__store", ScopedRelatedFilter)]
    search_fields = ["stock__sku__code", "reference", "key"]
    date_hierarchy = "occurred_at"
    ordering = ["-id"]


@admin.register(Reservation)
class ReservationAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("stock__store",)
    list_display = [
        "created_at",
        "line__order__no",
        "stock__store",
        "stock__sku",
        "quantity",
        "state",
        "ended_at",
    ]
    list_select_related = ["line__order", "stock__store", "stock__sku"]
    list_filter = ["state", ("stock__store", ScopedRelatedFilter)]
    search_fields = ["line__order__no", "stock__sku__code"]
    date_hierarchy = "created_at"
    ordering = ["-id"]
