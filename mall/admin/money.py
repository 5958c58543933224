"""Payments, notifications and refunds: read-only but for commands with a reason."""

from django.contrib import admin
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import (
    Bulk,
    Command,
    ReadOnlyAdmin,
    ReadOnlyInline,
    ScopedRelatedFilter,
    ServiceAction,
    finder,
    number_like,
)
from mall.models import (
    AfterSale,
    AfterSaleLine,
    Notification,
    Payment,
    Refund,
    RefundAllocation,
)
from mall.selectors.aftersale import aftersales_worth
from mall.services.aftersale import aftersale_refuse
from mall.services.aftersale_approval import aftersale_approval
from mall.services.payback_refund import refund_switch
from mall.services.refund_send import refund_retry
from mall.states import AfterSaleState, RefundCause, RefundState
from stores.admin.approvals import approvals_of, said
from stores.admin.scope import StaffScoped


@admin.register(Payment)
class PaymentAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("order__store",)
    operator_paths = ("operator",)
    # Whoever holds these can pay the order in the member's name.
    hidden = ("prepay",)
    list_display = [
        "no",
        "order",
        "state",
        "amount_fen",
        "mchid",
        "transaction_id",
        "created_at",
        "captured_at",
    ]
    list_select_related = ["order"]
    list_filter = ["state", "mchid", ("operator", ScopedRelatedFilter)]
    search_fields = ["no", "transaction_id", "order__no", "order__member__phone"]
    date_hierarchy = "created_at"
    ordering = ["-id"]

    def timeline_subjects(self, row):
        return [("payment", row.pk)]


@admin.register(Notification)
class NotificationAdmin(StaffScoped, ReadOnlyAdmin):
    list_display = [
        "received_at",
        "gateway_id",
        "mchid",
        "event_type",
        "outcome",
        "applied_at",
    ]
    list_filter = ["event_type", "mchid", ("applied_at", admin.EmptyFieldListFilter)]
    search_fields = [
        "gateway_id",
        "resource__out_trade_no",
        "resource__out_refund_no",
        "resource__transaction_id",
    ]
    date_hierarchy = "received_at"
    ordering = ["-id"]


class AllocationInline(ReadOnlyInline):
    model = RefundAllocation
    verbose_name_plural = _("lines")
    fields = ["line_text", "amount_fen"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("line")

    @admin.display(description=_("line"))
    def line_text(self, row: RefundAllocation) -> str:
        return f"{row.line.position + 1}. {row.line.title}"


def _retry(command: Command) -> None:
    refund_retry(
        refund_no=command.row.no, reason=command.reason, actor=command.actor, now=command.now
    )


def _switch(command: Command) -> None:
    refund_switch(
        refund_no=command.row.no, reason=command.reason, actor=command.actor, now=command.now
    )


@admin.register(Refund)
class RefundAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("order__store",)
    operator_paths = ("operator",)
    list_display = [
        "no",
        "order",
        "state",
        "cause",
        "amount_fen",
        "points",
        "reason",
        "attempts",
        "last_error",
        "created_at",
        "done_at",
    ]
    list_select_related = ["order"]
    list_filter = ["state", "cause", ("operator", ScopedRelatedFilter)]
    search_fields = [
        "no",
        "gateway_id",
        "order__no",
        "payment__no",
        "after_sale__no",
        "order__member__phone",
    ]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    inlines = [AllocationInline]
    service_actions = [
        ServiceAction(
            "retry",
            _("Send again"),
            _retry,
            sensitive=True,
            allowed=lambda row: row.state == RefundState.FAILED,
            explanation=_("The same refund number refunds once, however often it is sent."),
        ),
        ServiceAction(
            "switch",
            _("Pay by transfer instead"),
            _switch,
            sensitive=True,
            danger=True,
            allowed=lambda row: (
                row.state == RefundState.FAILED and row.cause == RefundCause.PAYBACK
            ),
            explanation=_("WeChat is not asked again. Finance finds it among the paybacks to pay."),
        ),
    ]
    bulk_actions = [Bulk("retry", amount="amount_fen")]

    def timeline_subjects(self, row):
        return [("refund", row.pk)]


class AfterSaleLineInline(ReadOnlyInline):
    model = AfterSaleLine
    verbose_name_plural = _("lines")
    fields = ["line_text", "quantity", "restock"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("line")

    @admin.display(description=_("line"))
    def line_text(self, row: AfterSaleLine) -> str:
        return f"{row.line.position + 1}. {row.line.title}"


class AfterSaleRefundInline(ReadOnlyInline):
    model = Refund
    fields = ["no", "state", "amount_fen", "done_at"]
    show_change_link = True
    ordering = ["id"]


def _approve(command: Command) -> str | None:
    return said(
        aftersale_approval(
            after_sale_no=command.row.no, reason=command.reason, user=command.user, now=command.now
        )
    )


def _refuse(command: Command) -> None:
    aftersale_refuse(
        after_sale_no=command.row.no, reason=command.reason, actor=command.actor, now=command.now
    )


def _requested(row: AfterSale) -> bool:
    return row.state == AfterSaleState.REQUESTED


@admin.register(AfterSale)
class AfterSaleAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("order__store",)
    operator_paths = ("order__operator",)
    list_display = ["no", "order", "kind", "state", "reason", "created_at", "decided_at", "done_at"]
    list_select_related = ["order"]
    list_filter = ["state", "kind"]
    search_fields = ["no", "order__no", "order__member__phone", "refunds__no__exact"]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    inlines = [AfterSaleLineInline, AfterSaleRefundInline]
    service_actions = [
        ServiceAction(
            "approve",
            _("Approve"),
            _approve,
            sensitive=True,
            allowed=_requested,
            explanation=_(
                "Money, stored value, stock, coupon, points and commission come back in proportion."
            ),
        ),
        ServiceAction("refuse", _("Refuse"), _refuse, allowed=_requested, danger=True),
    ]
    bulk_actions = [
        Bulk("approve", amount=aftersales_worth),
        Bulk("refuse", amount=aftersales_worth),
    ]

    def timeline_subjects(self, row):
        refunds = row.refunds.values_list("pk", flat=True)
        return [
            ("after_sale", row.pk),
            *(("refund", pk) for pk in refunds),
            *approvals_of(row),
        ]


finder(
    Payment,
    lambda term: [
        *number_like(term, "no", "order__no"),
        Q(transaction_id=term),
    ],
    detail="order__no",
    icon="paid",
)
finder(
    Refund,
    lambda term: number_like(term, "no", "order__no"),
    detail="order__no",
    icon="currency_exchange",
)
finder(
    AfterSale,
    lambda term: number_like(term, "no", "order__no"),
    detail="order__no",
    icon="assignment_return",
)
