from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mall.models.order import Order, OrderLine, Tender
from mall.models.payment import Payment
from mall.states import AfterSaleKind, AfterSaleState, RefundCause, RefundState
from members.models import CardPaybackLine
from stores.models import Operator


class AfterSaleQuerySet(models.QuerySet["AfterSale"]):
    def for_member(self, member_id: int) -> "AfterSaleQuerySet":
        return self.filter(order__member_id=member_id)


class AfterSale(models.Model):
    """A member wants units of an order back as money."""

    no = models.CharField(_("number"), max_length=32, unique=True)
    order = models.ForeignKey(
        Order, models.PROTECT, related_name="after_sales", verbose_name=_("order")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=AfterSaleKind.choices)
    state = models.CharField(_("state"), max_length=10, choices=AfterSaleState.choices)
    reason = models.CharField(_("reason"), max_length=200)
    decision = models.CharField(_("decision"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"))
    decided_at = models.DateTimeField(_("decided at"), null=True, blank=True)
    done_at = models.DateTimeField(_("done at"), null=True, blank=True)

    objects = AfterSaleQuerySet.as_manager()

    class Meta:
        verbose_name = _("after-sale")
        verbose_name_plural = _("after-sales")
        constraints = [
            models.UniqueConstraint(
                # One at a time, so that quantities are judged against a settled state.
                fields=["order"],
                condition=Q(state__in=["requested"]),
                name="mall_aftersale_one_requested",
            ),
        ]

    def __str__(self) -> str:
        return self.no


class AfterSaleLine(models.Model):
    after_sale = models.ForeignKey(AfterSale, models.PROTECT, related_name="lines")
    line = models.ForeignKey(OrderLine, models.PROTECT, related_name="after_sale_lines")
    quantity = models.PositiveIntegerField(_("quantity"))
    restock = models.BooleanField(_("back into stock"), default=True)

    class Meta:
        verbose_name = _("after-sale line")
        verbose_name_plural = _("after-sale lines")
        constraints = [
            models.UniqueConstraint(fields=["after_sale", "line"], name="mall_aftersaleline_once"),
            models.CheckConstraint(condition=Q(quantity__gt=0), name="mall_aftersaleline_positive"),
        ]


class Refund(models.Model):
    """Money going back, for a ``cause``: to one tender of the order; a late payment, whole; or
    principal of a card that the order bought and that was closed (``payback_line``).

    ``no`` is the out_refund_no. A card tender is done in the same transaction; WeChat's is
    approved here, sent outside, and done when WeChat says so.
    """

    no = models.CharField(_("number"), max_length=32, unique=True)
    order = models.ForeignKey(
        Order, models.PROTECT, related_name="refunds", verbose_name=_("order")
    )
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("operator"))
    after_sale = models.ForeignKey(
        AfterSale, models.PROTECT, null=True, blank=True, related_name="refunds"
    )
    tender = models.ForeignKey(
        Tender, models.PROTECT, null=True, blank=True, related_name="refunds"
    )
    payment = models.ForeignKey(
        Payment, models.PROTECT, null=True, blank=True, related_name="refunds"
    )
    payback_line = models.ForeignKey(
        CardPaybackLine,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("line of a payback"),
    )
    cause = models.CharField(
        _("cause"),
        max_length=10,
        choices=RefundCause.choices,
        default=RefundCause.AFTER_SALE,
    )
    amount_fen = models.PositiveIntegerField(_("amount (fen)"))
    points = models.PositiveIntegerField(_("points"), default=0, db_default=0)
    state = models.CharField(_("state"), max_length=10, choices=RefundState.choices)
    reason = models.CharField(_("reason"), max_length=80)
    gateway_id = models.CharField(_("WeChat refund"), max_length=40, blank=True)
    created_at = models.DateTimeField(_("created at"))
    next_attempt_at = models.DateTimeField(_("next attempt at"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    last_error = models.CharField(_("last error"), max_length=200, blank=True)
    done_at = models.DateTimeField(_("done at"), null=True, blank=True)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0) | Q(points__gt=0), name="mall_refund_positive"
            ),
            models.CheckConstraint(
                condition=Q(tender__isnull=False) | Q(payment__isnull=False),
                name="mall_refund_goes_somewhere",
            ),
            models.CheckConstraint(
                condition=Q(cause="payback", payback_line__isnull=False, tender__isnull=True)
                | Q(cause="late", payback_line__isnull=True, tender__isnull=True)
                | Q(payback_line__isnull=True) & ~Q(cause__in=["payback", "late"]),
                name="mall_refund_cause",
            ),
            models.UniqueConstraint(
                # Told twice of a closed card, its money goes back once.
                fields=["payback_line"],
                condition=Q(payback_line__isnull=False),
                name="mall_refund_payback_once",
            ),
            models.CheckConstraint(
                condition=Q(state="done", done_at__isnull=False)
                | (~Q(state="done") & Q(done_at__isnull=True)),
                name="mall_refund_done_stamped",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                condition=Q(state__in=["approved", "sent"]),
                name="mall_refund_open",
            )
        ]

    def __str__(self) -> str:
        return self.no


class RefundAllocation(models.Model):
    """The part of a refund that belongs to one line."""

    refund = models.ForeignKey(Refund, models.PROTECT, related_name="allocations")
    line = models.ForeignKey(OrderLine, models.PROTECT, related_name="refund_allocations")
    amount_fen = models.PositiveIntegerField(_("amount (fen)"))

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["refund", "line"], name="mall_refundallocation_once"),
        ]
