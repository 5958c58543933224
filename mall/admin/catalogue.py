"""The catalogue and its prices: reference data, every change audited."""

from dataclasses import replace

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import (
    AuditedAdmin,
    Bulk,
    Command,
    ReadOnlyAdmin,
    ReasonForm,
    ScopedRelatedFilter,
    ServiceAction,
    YuanField,
    finder,
)
from config.kernel.admin.base import ARCHIVE, RESTORE
from config.kernel.money import yuan
from mall.admin.store_grid import StoreGrid
from mall.models import Brand, Category, Promotion, Review, Sku, StoreOffer
from mall.services.catalogue_import_write import search_text_refresh
from mall.services.offer_list import offer_list
from mall.services.price_change import offer_price_change, price_change
from mall.services.sku_change import sku_archive, sku_restore
from mall.states import PromotionKind
from stores.admin.approvals import approvals_of, said
from stores.admin.scope import StaffScoped
from stores.permissions import COST


class SearchedAdmin(AuditedAdmin):
    """Its name is among the words products are found by."""

    def save_model(self, request, obj, form, change) -> None:
        super().save_model(request, obj, form, change)
        search_text_refresh()


@admin.register(Brand)
class BrandAdmin(SearchedAdmin):
    list_display = ["code", "name", "archived_at"]
    list_filter = [("archived_at", admin.EmptyFieldListFilter)]
    search_fields = ["code", "name"]
    ordering = ["code"]


@admin.register(Category)
class CategoryAdmin(SearchedAdmin):
    list_display = ["code", "name", "parent", "position", "archived_at"]
    list_select_related = ["parent"]
    list_filter = [("archived_at", admin.EmptyFieldListFilter)]
    search_fields = ["code", "name"]
    autocomplete_fields = ["parent"]
    ordering = ["position", "code"]


class PriceForm(ReasonForm):
    price_fen = YuanField(label=_("new price"), help_text=_("yuan"))

    field_order = ["price_fen", "reason"]


class OfferPriceForm(ReasonForm):
    price_fen = YuanField(
        label=_("new price"), required=False, help_text=_("yuan; empty for the SKU's own price")
    )

    field_order = ["price_fen", "reason"]


def _set_sku_price(command: Command) -> str | None:
    return said(
        price_change(
            sku_id=command.row.pk,
            price_fen=command.data["price_fen"],
            reason=command.reason,
            user=command.user,
            now=command.now,
        )
    )


def _archive_sku(command: Command) -> None:
    sku_archive(sku_id=command.row.pk, reason=command.reason, actor=command.actor, now=command.now)


def _restore_sku(command: Command) -> None:
    sku_restore(sku_id=command.row.pk, reason=command.reason, actor=command.actor, now=command.now)


def _set_offer_price(command: Command) -> str | None:
    return said(
        offer_price_change(
            offer_id=command.row.pk,
            price_fen=command.data["price_fen"],
            reason=command.reason,
            user=command.user,
            now=command.now,
        )
    )


def _list(command: Command) -> None:
    _set_listed(command, listed=True)


def _unlist(command: Command) -> None:
    _set_listed(command, listed=False)


def _set_listed(command: Command, *, listed: bool) -> None:
    offer_list(
        offer_id=command.row.pk,
        listed=listed,
        reason=command.reason,
        actor=command.actor,
        now=command.now,
    )


@admin.register(Sku)
class SkuAdmin(AuditedAdmin):
    list_display = ["code", "product", "options_text", "price_fen", "barcode", "archived_at"]
    list_select_related = ["product"]
    list_filter = [("archived_at", admin.EmptyFieldListFilter)]
    search_fields = ["code", "barcode", "product__name", "product__code"]
    ordering = ["-id"]
    # What it is called by stays; what it is, is edited in the matrix of its product.
    readonly_fields = ["code", "product", "options_text", "price_fen"]
    service_actions = [
        ServiceAction(
            "price", _("Change the price"), _set_sku_price, form=PriceForm, sensitive=True
        )
    ]
    archive_actions = [
        replace(ARCHIVE, run=_archive_sku),
        replace(RESTORE, run=_restore_sku),
    ]

    def get_exclude(self, request, obj=None):
        # What a piece costs us is not for everybody who may see what it costs others.
        return [] if request.user.has_perm(COST) else ["cost_fen"]

    @admin.display(description=_("options"), ordering="options")
    def options_text(self, row: Sku) -> str | None:
        return " / ".join(str(value) for value in row.options.values()) or None

    def timeline_subjects(self, row):
        return approvals_of(row)

    def has_add_permission(self, request) -> bool:
        # New SKUs come with their product: by its editor, or by the catalogue's import.
        return False


finder(
    Sku,
    lambda term: [Q(code__startswith=term), Q(code__startswith=term.upper()), Q(barcode=term)],
    title="code",
    detail="product__name",
    icon="barcode",
)


@admin.register(StoreOffer)
class StoreOfferAdmin(StoreGrid, StaffScoped, AuditedAdmin):
    store_paths = ("store",)
    list_display = ["store", "sku", "sku__product", "price_fen", "listed"]
    list_display_links = ["store", "sku"]
    list_select_related = ["store", "sku__product"]
    list_filter = ["listed", ("store", ScopedRelatedFilter)]
    search_fields = ["sku__code", "sku__product__name", "store__name", "store__code"]
    autocomplete_fields = ["store", "sku"]
    ordering = ["-id"]
    service_actions = [
        ServiceAction(
            "price", _("Change the price"), _set_offer_price, form=OfferPriceForm, sensitive=True
        ),
        ServiceAction("list", _("Sell at the store"), _list, allowed=lambda row: not row.listed),
        ServiceAction(
            "unlist",
            _("Do not sell at the store"),
            _unlist,
            allowed=lambda row: row.listed,
            danger=True,
        ),
    ]
    bulk_actions = [Bulk("price"), Bulk("list"), Bulk("unlist")]

    def timeline_subjects(self, row):
        return approvals_of(row)

    def get_readonly_fields(self, request, obj=None):
        fixed = ["store", "sku"] if obj is not None else []
        return [*super().get_readonly_fields(request, obj), *fixed, "price_fen"]


@admin.register(Review)
class ReviewAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "product", "member", "stars", "text"]
    list_select_related = ["product", "member"]
    list_filter = ["stars"]
    search_fields = ["product__name", "product__code", "text"]
    date_hierarchy = "created_at"
    ordering = ["-id"]


@admin.register(Promotion)
class PromotionAdmin(StaffScoped, ReadOnlyAdmin):
    """Written in the designer of discounts, with a look at what it does."""

    operator_paths = ("operator",)
    list_display = [
        "code",
        "name",
        "operator",
        "kind",
        "value_text",
        "threshold_fen",
        "priority",
        "starts_at",
        "ends_at",
        "archived_at",
    ]
    list_select_related = ["operator"]
    list_filter = ["kind", ("operator", ScopedRelatedFilter)]
    search_fields = ["code", "name"]
    date_hierarchy = "starts_at"
    ordering = ["-id"]
    service_actions = [ARCHIVE, RESTORE]
    bulk_actions = [Bulk("archive"), Bulk("restore")]
    figures_first = True
    change_form_outer_before_template = "admin/mall/discount_row_before.html"
    fields = [
        *("code", "name", "operator", "kind", "value", "skus"),
        *("threshold_fen", "threshold_pieces", "steps", "span", "pieces", "times"),
        *("max_discount_fen", "scope", "channels", "stacking_group", "excludes", "priority"),
        *("starts_at", "ends_at", "weekdays", "hours", "archived_at"),
    ]

    @admin.display(description=_("value"), ordering="value")
    def value_text(self, row: Promotion) -> str:
        if row.kind == PromotionKind.GIFT:
            return ""
        if row.kind not in (PromotionKind.PERCENT, PromotionKind.NTH):
            return yuan(row.value)
        return f"−{row.value // 100}.{row.value % 100:02d} %"
