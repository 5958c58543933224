"""Tickets of tills that stored value paid: taken and given back by the tills alone."""

from django.contrib import admin

from config.kernel.admin import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    Related,
    ScopedRelatedFilter,
    finder,
    number_like,
    related,
)
from mall.models import PosRefund, PosTender, PosTicket
from members.models import Member
from stores.admin.scope import StaffScoped


class PosTenderInline(ReadOnlyInline):
    model = PosTender
    fields = ["position", "kind", "card_no", "account", "amount_fen", "refunded_fen"]
    ordering = ["position"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("account")


class PosRefundInline(ReadOnlyInline):
    model = PosRefund
    fields = ["no", "refund_no", "amount_fen", "other_fen", "reason", "created_at"]
    ordering = ["id"]


@admin.register(PosTicket)
class PosTicketAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("store",)
    operator_paths = ("operator",)
    hidden = ("request_hash",)
    list_display = [
        "no",
        "ticket_no",
        "store",
        "terminal",
        "member",
        "state",
        "total_fen",
        "card_fen",
        "refunded_fen",
        "created_at",
    ]
    list_select_related = ["store", "terminal", "member"]
    list_filter = ["state", ("store", ScopedRelatedFilter), ("operator", ScopedRelatedFilter)]
    search_fields = [
        "no",
        "ticket_no",
        "member__no__exact",
        "member__phone",
        "tenders__card_no__exact",
        "refunds__no__exact",
    ]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    inlines = [PosTenderInline, PosRefundInline]

    def timeline_subjects(self, row):
        return [("pos_ticket", row.pk)]


finder(
    PosTicket,
    lambda term: number_like(term, "no", "ticket_no"),
    detail="store__name",
    icon="point_of_sale",
)
related(
    Member,
    Related(
        PosTicket,
        "member",
        ("no", "store", "state", "total_fen", "card_fen", "created_at"),
        subject="pos_ticket",
    ),
)
