"""Stored-value cards: products are reference data; a card's value moves by its guards alone."""

from django.contrib import admin
from django.db.models import F, OuterRef, Subquery, Sum
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import (
    AuditedAdmin,
    Bulk,
    ReadOnlyAdmin,
    ReadOnlyInline,
    Related,
    ScopedRelatedFilter,
    finder,
    number_like,
    phone_of,
    related,
)
from config.kernel.money import yuan
from members.admin.card_commands import CARD_COMMANDS
from members.admin.card_statement import STATEMENT
from members.admin.report_pages import Reports
from members.models import (
    Card,
    CardHold,
    CardHoldLine,
    CardLot,
    CardProduct,
    CardReactivation,
    CardReplacement,
    Member,
)
from stores.admin.approvals import approvals_of
from stores.admin.scope import StaffScoped


@admin.register(CardProduct)
class CardProductAdmin(StaffScoped, AuditedAdmin):
    operator_paths = ("operator",)
    list_display = [
        "code",
        "name",
        "operator",
        "named",
        "price_fen",
        "bonus_fen",
        "limit_fen",
        "on_sale",
        "archived_at",
    ]
    list_select_related = ["operator"]
    list_filter = ["on_sale", ("operator", ScopedRelatedFilter)]
    search_fields = ["code", "name"]
    autocomplete_fields = ["operator"]
    ordering = ["code"]


class CardLotInline(ReadOnlyInline):
    model = CardLot
    fields = ["reference", "principal_text", "bonus_text", "created_at"]
    ordering = ["id"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("principal", "bonus")

    @admin.display(description=_("principal (held)"))
    def principal_text(self, row: CardLot) -> str:
        return f"{yuan(row.principal.balance)} ({yuan(row.principal.held)})"

    @admin.display(description=_("bonus (held)"))
    def bonus_text(self, row: CardLot) -> str:
        return f"{yuan(row.bonus.balance)} ({yuan(row.bonus.held)})"


class CardHoldInline(ReadOnlyInline):
    model = CardHold
    fields = ["reference", "state", "created_at", "expires_at", "ended_at"]
    ordering = ["-id"]


class CardReplacementInline(ReadOnlyInline):
    model = CardReplacement
    fields = ["old_no", "new_no", "reason", "replaced_at"]
    ordering = ["-id"]


class CardReactivationInline(ReadOnlyInline):
    model = CardReactivation
    fields = ["expired_at", "reactivated_at", "expires_at", "reason"]
    ordering = ["-id"]


@admin.register(Card)
class CardAdmin(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("operator",)
    list_display = [
        "no",
        "member",
        "product",
        "operator",
        "state",
        "value_text",
        "issued_at",
        "expires_at",
    ]
    list_select_related = ["member", "product", "operator"]
    export_amounts = {"value_text": "value_fen"}
    list_filter = ["state", ("operator", ScopedRelatedFilter), ("product", ScopedRelatedFilter)]
    search_fields = [
        "no",
        "member__no__exact",
        "member__phone",
        "lots__reference__exact",
        "replacements__old_no__exact",
    ]
    date_hierarchy = "issued_at"
    ordering = ["-id"]
    inlines = [CardLotInline, CardHoldInline, CardReplacementInline, CardReactivationInline]
    service_actions = [*CARD_COMMANDS, STATEMENT]
    bulk_actions = [Bulk("freeze", amount="value_fen"), Bulk("thaw", amount="value_fen")]

    def get_queryset(self, request):
        lots = (
            CardLot.objects.filter(card=OuterRef("pk"))
            .order_by()
            .values("card")
            .annotate(total=Sum(F("principal__balance") + F("bonus__balance")))
        )
        return super().get_queryset(request).annotate(value_fen=Subquery(lots.values("total")))

    @admin.display(description=_("balance"), ordering="value_fen")
    def value_text(self, row: Card) -> str:
        return yuan(row.value_fen or 0)  # type: ignore[attr-defined]  # of get_queryset

    def timeline_subjects(self, row):
        holds = row.holds.values_list("pk", flat=True)
        return [
            ("card", row.pk),
            *(("card_hold", pk) for pk in holds),
            *approvals_of(row),
        ]


finder(
    Card,
    lambda term: [*number_like(term, "no"), *phone_of(term, "member__phone")],
    detail="product__name",
    icon="credit_card",
)


@admin.register(CardLot)
class CardLotAdmin(Reports, StaffScoped, ReadOnlyAdmin):
    operator_paths = ("card__operator",)
    list_display = ["card", "reference", "principal_text", "bonus_text", "created_at"]
    list_select_related = ["card", "principal", "bonus"]
    export_amounts = {"principal_text": "principal__balance", "bonus_text": "bonus__balance"}
    search_fields = ["card__no", "reference", "card__member__phone"]
    date_hierarchy = "created_at"
    ordering = ["-id"]

    @admin.display(description=_("principal"), ordering="principal__balance")
    def principal_text(self, row: CardLot) -> str:
        return yuan(row.principal.balance)

    @admin.display(description=_("bonus"), ordering="bonus__balance")
    def bonus_text(self, row: CardLot) -> str:
        return yuan(row.bonus.balance)


class CardHoldLineInline(ReadOnlyInline):
    model = CardHoldLine
    fields = ["account", "amount_fen"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("account")


@admin.register(CardHold)
class CardHoldAdmin(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("card__operator",)
    list_display = ["reference", "card", "state", "created_at", "expires_at", "ended_at"]
    list_select_related = ["card"]
    list_filter = ["state"]
    search_fields = ["reference", "card__no", "card__member__phone"]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    inlines = [CardHoldLineInline]

    def timeline_subjects(self, row):
        return [("card_hold", row.pk)]


related(
    Member,
    Related(Card, "member", ("no", "product", "state", "value_text", "expires_at"), subject="card"),
)
