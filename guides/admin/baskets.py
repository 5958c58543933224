"""Baskets that guides prepared, and what became of each."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.admin import (
    ReadOnlyAdmin,
    ReadOnlyInline,
    Related,
    ScopedRelatedFilter,
    code_words,
    related,
)
from config.kernel.models import Code
from guides.models import Guide, PreparedBasket, PreparedLine
from guides.services.code_create import BASKET
from guides.states import BasketState
from mall.models import Order
from members.models import Member
from stores.admin.scope import StaffScoped

code_words(Code, "purpose", {BASKET: _("guide's basket")})


class StateFilter(admin.SimpleListFilter):
    title = _("state")
    parameter_name = "became"

    def lookups(self, request, model_admin):
        return BasketState.choices

    def queryset(self, request, queryset):
        return queryset.filter(state=self.value()) if self.value() else queryset


class PreparedLineInline(ReadOnlyInline):
    model = PreparedLine
    fields = ["position", "sku", "quantity"]


@admin.register(PreparedBasket)
class PreparedBasketAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("store",)
    operator_paths = ("store__operator",)
    list_display = [
        "sent_at",
        "guide",
        "store",
        "member",
        "state_text",
        "order",
        "order__total_fen",
        "expires_at",
    ]
    list_select_related = ["guide", "store", "member", "order"]
    list_filter = [StateFilter, ("store", ScopedRelatedFilter), ("guide", ScopedRelatedFilter)]
    search_fields = [
        "code__token__exact",
        "order__no__exact",
        "guide__no__exact",
        "guide__name",
        "member__no__exact",
        "member__phone",
    ]
    date_hierarchy = "sent_at"
    ordering = ["-id"]
    inlines = [PreparedLineInline]

    def get_queryset(self, request):
        found: Any = super().get_queryset(request)
        return found.with_state(clock.now())

    @admin.display(description=_("state"))
    def state_text(self, row: PreparedBasket) -> str:
        return row.get_state_display()

    def timeline_subjects(self, row):
        return [("prepared_basket", row.pk)]


related(Guide, Related(PreparedBasket, "guide", ("sent_at", "member", "state_text", "order")))
related(Member, Related(PreparedBasket, "member", ("sent_at", "guide", "state_text", "order")))
related(Order, Related(PreparedBasket, "order", ("sent_at", "guide", "note", "code")))
