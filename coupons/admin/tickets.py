"""Sales of stores that coupons were redeemed for without an order of the mall."""

from django.contrib import admin

from config.kernel.admin import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    ScopedRelatedFilter,
    finder,
    number_like,
)
from coupons.models import CouponTicket, CouponTicketReturn
from stores.admin.scope import StaffScoped


class TicketReturnInline(ReadOnlyInline):
    model = CouponTicketReturn
    fields = ["return_no", "gross_fen", "discount_fen", "promotion_fen", "created_at"]
    ordering = ["id"]


@admin.register(CouponTicket)
class CouponTicketAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("store",)
    operator_paths = ("operator",)
    hidden = ("request_hash",)
    list_display = [
        "no",
        "store",
        "ticket_no",
        "member",
        "state",
        "gross_fen",
        "discount_fen",
        "promotion_fen",
        "returned_gross_fen",
        "redeemed_by",
        "redeemed_at",
        "ended_at",
    ]
    list_select_related = ["store", "member"]
    list_filter = ["state", ("store", ScopedRelatedFilter)]
    search_fields = ["no", "ticket_no__exact", "member__no__exact", "member__phone"]
    date_hierarchy = "redeemed_at"
    ordering = ["-id"]
    inlines = [TicketReturnInline]

    def timeline_subjects(self, row):
        return [("coupon_ticket", row.pk)]


finder(
    CouponTicket,
    lambda term: number_like(term, "no", "ticket_no"),
    detail="store__name",
    icon="receipt",
)
