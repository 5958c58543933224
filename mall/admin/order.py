"""An order with everything that hangs on it; it changes by services alone."""

from collections.abc import Sequence

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import (
    Bulk,
    Command,
    ReadOnlyAdmin,
    ReadOnlyInline,
    Related,
    ScopedRelatedFilter,
    ServiceAction,
    finder,
    number_like,
    phone_of,
    related,
)
from config.kernel.admin.timeline import Subject
from config.kernel.money import yuan
from coupons.models import Redemption
from mall.admin.aftersale_form import AfterSaleForm
from mall.models import AfterSale, Fulfilment, Order, OrderLine, Payment, Refund, Tender
from mall.services.aftersale import aftersale_request, may_come_back
from mall.services.order_end import order_cancel
from mall.states import OrderState
from members.models import Member, Message
from stores.admin.scope import StaffScoped
from stores.models import Pickup


class LineInline(ReadOnlyInline):
    model = OrderLine
    verbose_name_plural = _("lines")
    fields = [
        "position",
        "title",
        "sku",
        "quantity",
        "unit_price_fen",
        "gross_fen",
        "discounts_text",
        "net_fen",
        "points_price",
        "paid_text",
        "refunded_quantity",
        "refunded_fen",
    ]
    ordering = ["position"]

    def get_queryset(self, request):
        return (
            super()
            .get_queryset(request)
            .select_related("sku")
            .prefetch_related("adjustments", "allocations__tender")
        )

    @admin.display(description=_("discounts"))
    def discounts_text(self, row: OrderLine):
        return format_html_join(
            "",
            "<div>{} −{}</div>",
            ((a.title or a.reference, yuan(a.amount_fen)) for a in row.adjustments.all()),
        )

    @admin.display(description=_("paid by"))
    def paid_text(self, row: OrderLine):
        return format_html_join(
            "",
            "<div>{} {}</div>",
            (
                (a.tender.get_kind_display(), yuan(a.amount_fen))
                for a in row.allocations.all()
                if a.amount_fen
            ),
        )


class TenderInline(ReadOnlyInline):
    model = Tender
    fields = ["position", "kind", "amount_fen", "points", "card_no", "account"]
    ordering = ["position"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("account")


class PaymentInline(ReadOnlyInline):
    model = Payment
    fields = ["no", "state", "amount_fen", "mchid", "transaction_id", "created_at", "captured_at"]
    show_change_link = True
    ordering = ["id"]


class RefundInline(ReadOnlyInline):
    model = Refund
    fields = [
        "no",
        "state",
        "amount_fen",
        "points",
        "tender_text",
        "reason",
        "attempts",
        "last_error",
        "done_at",
    ]
    show_change_link = True
    ordering = ["id"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("tender")

    @admin.display(description=_("tender"))
    def tender_text(self, row: Refund):
        return row.tender.get_kind_display() if row.tender else row.get_cause_display()


class AfterSaleInline(ReadOnlyInline):
    model = AfterSale
    fields = ["no", "kind", "state", "reason", "decision", "created_at", "done_at"]
    show_change_link = True
    ordering = ["id"]


class FulfilmentInline(ReadOnlyInline):
    model = Fulfilment
    fields = [
        *("kind", "store", "state", "pickup_no", "carrier", "tracking_no", "shipped_at"),
        *("deliver_by", "delivered_at", "created_at", "updated_at"),
    ]
    ordering = ["id"]

    def get_queryset(self, request):
        return super().get_queryset(request).select_related("store")


def _cancel(command: Command) -> None:
    order_cancel(
        order_no=command.row.no, reason=command.reason, actor=command.actor, now=command.now
    )


def _ask_back(command: Command) -> None:
    aftersale_request(
        order_no=command.row.no,
        lines=command.data["lines"],
        kind=command.data["kind"],
        reason=command.reason,
        actor=command.actor,
        now=command.now,
    )


@admin.register(Order)
class OrderAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("store",)
    operator_paths = ("operator",)
    list_display = [
        "no",
        "member",
        "store",
        "channel",
        "state",
        "total_fen",
        "placed_at",
        "paid_at",
        "completed_at",
    ]
    list_select_related = ["member", "store"]
    list_filter = [
        "state",
        "channel",
        ("operator", ScopedRelatedFilter),
        ("store", ScopedRelatedFilter),
    ]
    search_fields = [
        "no",
        "member__no__exact",
        "member__phone",
        "lines__sku__code__exact",
        "tenders__card_no__exact",
        "payments__no__exact",
        "payments__transaction_id__exact",
        "fulfilments__pickup_no__exact",
        "after_sales__no__exact",
        "refunds__no__exact",
    ]
    date_hierarchy = "placed_at"
    ordering = ["-id"]
    inlines = [
        LineInline,
        TenderInline,
        PaymentInline,
        RefundInline,
        AfterSaleInline,
        FulfilmentInline,
    ]
    service_actions = [
        ServiceAction(
            "cancel",
            _("Cancel the order"),
            _cancel,
            allowed=lambda row: row.state == OrderState.PLACED,
            explanation=_("Stock, coupons and held stored value are released."),
            danger=True,
        ),
        ServiceAction(
            "after-sale",
            _("Ask for units back"),
            _ask_back,
            allowed=may_come_back,
            form=AfterSaleForm,
            explanation=_("For a member who calls. It is decided like one the member asked for."),
        ),
    ]
    bulk_actions = [Bulk("cancel", amount="total_fen")]

    def timeline_subjects(self, row: Order) -> Sequence[Subject]:
        return [
            ("order", row.pk),
            *(("payment", pk) for pk in row.payments.values_list("pk", flat=True)),
            *(("refund", pk) for pk in row.refunds.values_list("pk", flat=True)),
            *(("after_sale", pk) for pk in row.after_sales.values_list("pk", flat=True)),
            *(("fulfilment", pk) for pk in row.fulfilments.values_list("pk", flat=True)),
            *(
                ("pickup", pk)
                for pk in Pickup.objects.filter(order_no=row.no).values_list("pk", flat=True)
            ),
        ]


finder(
    Order,
    lambda term: [*number_like(term, "no"), *phone_of(term, "member__phone")],
    detail="store__name",
    icon="receipt_long",
)


@admin.register(OrderLine)
class OrderLineAdmin(StaffScoped, ReadOnlyAdmin):
    """Who bought this SKU: lines over all orders."""

    store_paths = ("order__store",)
    operator_paths = ("order__operator",)
    list_display = [
        "order__no",
        "title",
        "sku",
        "quantity",
        "net_fen",
        "refunded_quantity",
        "refunded_fen",
        "order__state",
        "order__placed_at",
    ]
    list_select_related = ["order", "sku"]
    list_filter = ["kind", "order__state"]
    search_fields = ["order__no", "sku__code", "title", "order__member__phone"]
    date_hierarchy = "order__placed_at"
    ordering = ["-id"]


@admin.register(Fulfilment)
class FulfilmentAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("store",)
    operator_paths = ("order__operator",)
    list_display = [
        *("order", "kind", "store", "state", "pickup_no", "carrier", "tracking_no"),
        *("shipped_at", "created_at", "updated_at"),
    ]
    list_select_related = ["order", "store"]
    list_filter = ["state", "kind", ("store", ScopedRelatedFilter)]
    search_fields = ["order__no", "pickup_no", "tracking_no", "order__member__phone"]
    date_hierarchy = "created_at"
    ordering = ["-id"]

    def timeline_subjects(self, row):
        return [("fulfilment", row.pk)]


related(
    Member,
    Related(
        Order,
        "member",
        ("no", "store", "channel", "state", "total_fen", "placed_at"),
        subject="order",
    ),
    Related(
        AfterSale,
        "order__member",
        ("no", "order", "kind", "state", "reason", "created_at"),
        subject="after_sale",
    ),
)
related(
    Order,
    Related(
        Redemption,
        "reference",
        ("coupon", "channel", "amount_fen", "redeemed_at", "reversed_at"),
        by="no",
    ),
    Related(
        Pickup,
        "order_no",
        ("no", "store", "state", "ready_at", "expires_at", "collected_at"),
        by="no",
    ),
    Related(Message, "reference", ("template", "state", "sent_at", "last_error"), by="no"),
)
