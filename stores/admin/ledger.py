"""The books: looked at, never written."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import ReadOnlyAdmin, ScopedRelatedFilter, code_words
from config.kernel.money import yuan
from stores.admin.scope import StaffScoped
from stores.models import Account, Seal, Transfer
from stores.states import Unit


def _amount(value: int, unit: str) -> str:
    return yuan(value) if unit == Unit.FEN else f"{value:,}"


@admin.register(Account)
class AccountAdmin(StaffScoped, ReadOnlyAdmin):
    """Only guarded accounts keep a running balance; the others are sums of their transfers."""

    operator_paths = ("operator",)
    list_display = ["code", "unit", "operator", "guarded", "balance_text", "held_text"]
    list_select_related = ["operator"]
    list_filter = ["unit", "guarded", ("operator", ScopedRelatedFilter)]
    search_fields = ["code"]
    ordering = ["-id"]
    fields = ["code", "unit", "operator", "guarded", "balance_text", "held_text"]

    @admin.display(description=_("balance"), ordering="balance")
    def balance_text(self, row: Account) -> str | None:
        return _amount(row.balance, row.unit) if row.guarded else None

    @admin.display(description=_("held amount"), ordering="held")
    def held_text(self, row: Account) -> str | None:
        return _amount(row.held, row.unit) if row.guarded else None


# The apps that post add why.
code_words(Transfer, "code", {})


@admin.register(Transfer)
class TransferAdmin(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("debit__operator", "credit__operator")
    list_display = ["occurred_at", "code", "amount_text", "debit", "credit", "reference", "key"]
    list_display_links = ["occurred_at"]
    list_select_related = ["debit", "credit"]
    list_filter = ["code"]
    search_fields = ["reference", "key", "debit__code", "credit__code"]
    date_hierarchy = "occurred_at"
    ordering = ["-id"]

    @admin.display(description=_("amount"), ordering="amount")
    def amount_text(self, row: Transfer) -> str:
        return _amount(row.amount, row.debit.unit)


@admin.register(Seal)
class SealAdmin(StaffScoped, ReadOnlyAdmin):
    list_display = ["period", "count", "hash", "previous_hash", "sealed_at"]
    search_fields = ["hash", "previous_hash"]
    date_hierarchy = "period"
    ordering = ["-period"]
