"""Pools of codes, their codes, and gifts of coupons."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import (
    ReadOnlyAdmin,
    Related,
    ScopedRelatedFilter,
    ServiceAction,
    code_words,
    finder,
    number_like,
    related,
)
from config.kernel.models import Code
from coupons.admin.pool_forms import (
    CodesForm,
    PoolForm,
    import_codes,
    make_codes,
    make_pool,
    stop_pool,
)
from coupons.models import CodePool, Coupon, CouponGift, RedeemCode, Template
from coupons.redeem_codes import code_hash, code_plain
from coupons.services import coupon_gift, coupon_scan
from coupons.states import PoolKind
from stores.admin.scope import StaffScoped


def _unique(row: CodePool, *, imported: bool) -> bool:
    return row.kind == PoolKind.UNIQUE and row.imported == imported and row.stopped_at is None


@admin.register(CodePool)
class CodePoolAdmin(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("template__operator",)
    list_display = [
        "no",
        "name",
        "template",
        "kind",
        "imported",
        "made_text",
        "shared_code",
        "valid_until",
        "created_at",
        "stopped_at",
    ]
    list_select_related = ["template"]
    list_filter = [
        "kind",
        "imported",
        ("template", ScopedRelatedFilter),
        ("stopped_at", admin.EmptyFieldListFilter),
    ]
    search_fields = ["no", "name", "template__code", "shared_code"]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    list_service_actions = [
        ServiceAction(
            "new",
            _("New pool of codes"),
            make_pool,
            form=PoolForm,
            permission="add",
            sensitive=True,
            explanation=_("Whoever has one of its codes has a coupon of the template."),
        )
    ]
    service_actions = [
        ServiceAction(
            "codes",
            _("Make the codes and their file"),
            make_codes,
            sensitive=True,
            allowed=lambda row: _unique(row, imported=False),
            explanation=_("The file is yours to fetch for a week; the codes are kept nowhere."),
        ),
        ServiceAction(
            "import",
            _("Import codes"),
            import_codes,
            form=CodesForm,
            sensitive=True,
            allowed=lambda row: _unique(row, imported=True) and row.made < row.count,
        ),
        ServiceAction(
            "stop",
            _("Stop the pool"),
            stop_pool,
            danger=True,
            allowed=lambda row: row.stopped_at is None,
            explanation=_("None of its codes can be redeemed any more. This cannot be undone."),
        ),
    ]

    @admin.display(description=_("made"), ordering="made")
    def made_text(self, row: CodePool) -> str:
        return f"{row.made} / {row.count}"

    def timeline_subjects(self, row):
        return [("coupons.codepool", row.pk)]


@admin.register(RedeemCode)
class RedeemCodeAdmin(StaffScoped, ReadOnlyAdmin):
    """Codes are found by typing them: only their keyed hashes are kept."""

    operator_paths = ("pool__template__operator",)
    hidden = ("code_hash",)
    list_display = ["pool", "serial", "coupon", "used_at"]
    list_select_related = ["pool", "coupon"]
    list_filter = [("used_at", admin.EmptyFieldListFilter)]
    search_fields = ["pool__no__exact", "coupon__no__exact"]
    date_hierarchy = "used_at"
    ordering = ["-id"]

    def get_search_results(self, request, queryset, search_term):
        plain = code_plain(search_term)
        if plain is not None:
            one = queryset.filter(code_hash=code_hash(plain))
            if one.exists():
                return one, False
        rows, more = super().get_search_results(request, queryset, search_term)
        # Nothing of a code is text to be searched: what is no whole number finds none.
        known = not search_term.strip() or self._exactly(search_term.strip())
        return (rows if known else queryset.none()), more


@admin.register(CouponGift)
class CouponGiftAdmin(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("coupon__template__operator",)
    # Whoever holds it can accept the gift.
    hidden = ("token",)
    list_display = [
        "no",
        "coupon",
        "giver",
        "taker",
        "state",
        "offered_at",
        "expires_at",
        "ended_at",
    ]
    list_select_related = ["coupon", "giver", "taker"]
    list_filter = ["state"]
    search_fields = ["no", "coupon__no__exact", "giver__phone", "taker__phone"]
    date_hierarchy = "offered_at"
    ordering = ["-id"]

    def timeline_subjects(self, row):
        return [("coupon_gift", row.pk)]


code_words(
    Code,
    "purpose",
    {coupon_gift.PURPOSE: _("gift of a coupon"), coupon_scan.PURPOSE: _("coupons of a place")},
)
finder(
    CodePool,
    lambda term: number_like(term, "no"),
    title="name",
    detail="template__name",
    icon="qr_code_2",
)
related(
    Template,
    Related(CodePool, "template", ("no", "name", "kind", "made_text", "created_at", "stopped_at")),
)
related(
    Coupon,
    Related(CouponGift, "coupon", ("no", "giver", "taker", "state", "offered_at")),
    Related(RedeemCode, "coupon", ("pool", "serial", "used_at")),
)
