"""Coupon templates are reference data; coupons and redemptions move by their guards alone."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import (
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
from config.kernel.admin.base import ARCHIVE, RESTORE
from config.kernel.money import yuan
from coupons.admin.push import PLACE, PUSH
from coupons.admin.stop import RESUME, STOP
from coupons.models import Coupon, Redemption, Template
from coupons.states import CouponKind
from members.models import Member
from stores.admin.scope import StaffScoped


@admin.register(Template)
class TemplateAdmin(StaffScoped, ReadOnlyAdmin):
    """Written in the designer of discounts, with a look at what it does and within limits."""

    operator_paths = ("operator",)
    list_display = [
        "code",
        "name",
        "operator",
        "kind",
        "value_text",
        "threshold_fen",
        "claim_from",
        "claim_until",
        "issued_text",
        "spent_fen",
        "archived_at",
    ]
    list_select_related = ["operator"]
    list_filter = ["kind", ("operator", ScopedRelatedFilter), "public"]
    search_fields = ["code", "name"]
    date_hierarchy = "claim_from"
    ordering = ["-id"]
    service_actions = [PUSH, PLACE, STOP, RESUME, ARCHIVE, RESTORE]
    bulk_actions = [Bulk("archive"), Bulk("restore")]
    change_form_outer_before_template = "admin/mall/discount_row_before.html"
    figures_first = True
    # As the designer asks for them.
    fields = [
        *("code", "name", "operator", "kind", "value_text", "threshold_fen", "threshold_pieces"),
        *("steps", "span", "pieces", "times", "max_discount_fen"),
        *("scope", "channels", "other_operators", "claim_for"),
        *("claim_from", "claim_until", "valid_days", "valid_until", "issued_text"),
        *("per_member", "per_day", "budget_fen", "spent_fen", "sponsor_shares"),
        *("public", "points_price", "gift_days", "on_refund"),
        *("slots_ready", "planned_per_hour", "judge_claims"),
        *("stacking_group", "excludes", "priority", "weekdays", "hours"),
        *("stopped_at", "use_stopped_at", "archived_at"),
    ]

    @admin.display(description=_("value"), ordering="value")
    def value_text(self, row: Template) -> str:
        if row.kind not in (CouponKind.PERCENT, CouponKind.NTH):
            return yuan(row.value)
        return f"−{row.value // 100}.{row.value % 100:02d} %"

    @admin.display(description=_("issued"), ordering="issued")
    def issued_text(self, row: Template) -> str:
        return f"{row.issued} / {row.quota}"


class RedemptionInline(ReadOnlyInline):
    model = Redemption
    fields = ["channel", "reference", "amount_fen", "redeemed_at", "reversed_at"]
    ordering = ["id"]


@admin.register(Coupon)
class CouponAdmin(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("template__operator",)
    list_display = [
        "no",
        "template",
        "member",
        "state",
        "valid_from",
        "valid_until",
        "locked_by",
        "used_at",
    ]
    list_select_related = ["template", "member"]
    list_filter = ["state", ("template", ScopedRelatedFilter)]
    search_fields = [
        "no",
        "member__no__exact",
        "member__phone",
        "template__code",
        "locked_by",
        "redemptions__reference__exact",
    ]
    date_hierarchy = "claimed_at"
    ordering = ["-id"]
    inlines = [RedemptionInline]

    def timeline_subjects(self, row):
        return [("coupon", row.pk)]


finder(
    Coupon,
    lambda term: [*number_like(term, "no"), *phone_of(term, "member__phone")],
    detail="template__name",
    icon="local_activity",
)


@admin.register(Redemption)
class RedemptionAdmin(StaffScoped, ReadOnlyAdmin):
    operator_paths = ("coupon__template__operator",)
    list_display = ["redeemed_at", "coupon", "channel", "reference", "amount_fen", "reversed_at"]
    list_select_related = ["coupon"]
    list_filter = ["channel", ("reversed_at", admin.EmptyFieldListFilter)]
    search_fields = ["coupon__no", "reference", "coupon__member__phone"]
    date_hierarchy = "redeemed_at"
    ordering = ["-id"]


related(
    Member,
    Related(
        Coupon, "member", ("no", "template", "state", "valid_until", "used_at"), subject="coupon"
    ),
)
