"""The points shop: what is offered for points, at what price, to whom and until when."""

from django.contrib import admin

from config.kernel.admin import AuditedAdmin, ScopedRelatedFilter
from mall.models import PointsOffer
from stores.admin.scope import StaffScoped


@admin.register(PointsOffer)
class PointsOfferAdmin(StaffScoped, AuditedAdmin):
    operator_paths = ("operator",)
    list_display = [
        "code",
        "sku",
        "sku__product",
        "operator",
        "points_price",
        "cash_fen",
        "per_member",
        "least_tier",
        "listed",
        "starts_at",
        "ends_at",
        "archived_at",
    ]
    list_select_related = ["sku__product", "operator", "least_tier"]
    list_filter = ["listed", ("operator", ScopedRelatedFilter)]
    search_fields = ["code", "sku__code", "sku__product__name"]
    autocomplete_fields = ["operator", "sku", "least_tier"]
    date_hierarchy = "starts_at"
    ordering = ["-id"]
