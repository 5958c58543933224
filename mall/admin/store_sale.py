"""Stored value sold in stores: which desk or till, how it was paid, what was undone."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import (
    Command,
    ReadOnlyAdmin,
    ScopedRelatedFilter,
    ServiceAction,
    finder,
    number_like,
)
from mall.admin.store_sale_form import ConsoleSaleForm, sell
from mall.models import StoreSale
from mall.services.pos_till import till_of_store
from mall.services.store_sale_void import store_sale_void
from stores.admin.scope import StaffScoped


def _undo(command: Command) -> None:
    sale = command.row
    store_sale_void(
        till=till_of_store(store=sale.store, actor=command.actor),
        number=sale.no,
        reason=command.reason,
        actor=command.actor,
        now=command.now,
    )


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
    list_service_actions = [
        ServiceAction(
            "sell",
            _("Sell or top up a card"),
            sell,
            form=ConsoleSaleForm,
            permission="add",
            sensitive=True,
            explanation=_("The money has come in: by transfer, by bank card, or in cash."),
        )
    ]
    service_actions = [
        ServiceAction(
            "undo",
            _("Undo the sale"),
            _undo,
            sensitive=True,
            danger=True,
            allowed=lambda row: row.voided_at is None,
            explanation=_("On its day, while nothing was spent of it. The money is given back."),
        )
    ]

    def timeline_subjects(self, row):
        return [("store_sale", row.pk)]


finder(
    StoreSale,
    lambda term: number_like(term, "no", "ticket_no", "reference"),
    detail="store__name",
    icon="add_card",
)
