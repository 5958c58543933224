from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mall.models.order import Order
from mall.states import PaymentState
from stores.models import Operator


class Payment(models.Model):
    """An attempt to collect the gateway's part of an order. ``no`` is the out_trade_no."""

    no = models.CharField(_("out_trade_no"), max_length=32, unique=True)
    order = models.ForeignKey(
        Order, models.PROTECT, related_name="payments", verbose_name=_("order")
    )
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("operator"))
    mchid = models.CharField(_("merchant id"), max_length=32)
    appid = models.CharField(_("mini-program"), max_length=32)
    # Empty where whoever scans the code shown at a desk pays.
    payer_openid = models.CharField(_("payer"), max_length=64, blank=True)
    amount_fen = models.PositiveIntegerField(_("amount (fen)"))
    state = models.CharField(_("state"), max_length=10, choices=PaymentState.choices)
    prepay = models.JSONField(_("prepay parameters"), default=dict, blank=True)
    transaction_id = models.CharField(
        _("WeChat transaction"), max_length=40, null=True, blank=True, unique=True
    )
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    captured_at = models.DateTimeField(_("captured at"), null=True, blank=True)
    checked_at = models.DateTimeField(_("asked the gateway at"), null=True, blank=True)

    class Meta:
        verbose_name = _("payment")
        verbose_name_plural = _("payments")
        constraints = [
            models.UniqueConstraint(
                # A refreshed page gets the same payment, not a second one.
                fields=["order"],
                condition=Q(state__in=["created", "pending"]),
                name="mall_payment_one_open",
            ),
            models.CheckConstraint(condition=Q(amount_fen__gt=0), name="mall_payment_positive"),
            models.CheckConstraint(
                condition=Q(
                    state="captured", captured_at__isnull=False, transaction_id__isnull=False
                )
                | ~Q(state="captured"),
                name="mall_payment_captured_stamped",
            ),
        ]
        indexes = [
            models.Index(
                fields=["created_at"],
                condition=Q(state__in=["created", "pending"]),
                name="mall_payment_open",
            )
        ]

    def __str__(self) -> str:
        return self.no


class Notification(models.Model):
    """A verified message of the gateway, kept as it came; applied at most once."""

    gateway_id = models.CharField(_("notification id"), max_length=64, unique=True)
    mchid = models.CharField(_("merchant id"), max_length=32)
    event_type = models.CharField(_("event type"), max_length=40)
    resource = models.JSONField(_("resource"), default=dict)
    received_at = models.DateTimeField(_("received at"))
    applied_at = models.DateTimeField(_("applied at"), null=True, blank=True)
    outcome = models.CharField(_("outcome"), max_length=40, blank=True)

    class Meta:
        verbose_name = _("gateway notification")
        verbose_name_plural = _("gateway notifications")

    def __str__(self) -> str:
        return self.gateway_id
