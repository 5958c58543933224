from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models.named import CalledByKind
from coupons.states import TicketState
from members.models import Member
from stores.models import Operator, Store, Terminal


class CouponTicket(models.Model):
    """A sale of a store, outside the mall, that coupons were redeemed for. Amounts in fen.

    ``no`` is our number, printed on the receipt and the reference of the coupons' redemptions;
    ``ticket_no`` is the till's, unique per terminal, at the desk per store. ``lines`` are the
    basket as it was priced, ``discounts`` what each coupon took off each line (``discount_fen``),
    ``promotions`` what each promotion did (``promotion_fen``), ``quote`` the whole as it was
    confirmed.
    """

    no = models.CharField(_("number"), max_length=32, unique=True)
    terminal = models.ForeignKey(
        Terminal, models.PROTECT, null=True, blank=True, verbose_name=_("terminal")
    )
    ticket_no = models.CharField(_("ticket number"), max_length=32)
    store = models.ForeignKey(Store, models.PROTECT, verbose_name=_("store"))
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("operator"))
    member = models.ForeignKey(Member, models.PROTECT, verbose_name=_("member"))
    redeemed_by = models.CharField(_("redeemed by"), max_length=80)
    state = models.CharField(_("state"), max_length=10, choices=TicketState.choices)
    gross_fen = models.PositiveIntegerField(_("before discounts (fen)"))
    discount_fen = models.PositiveIntegerField(_("by coupons (fen)"))
    promotion_fen = models.PositiveIntegerField(_("by promotions (fen)"), default=0)
    returned_gross_fen = models.PositiveIntegerField(_("returned (fen)"), default=0)
    returned_discount_fen = models.PositiveIntegerField(_("coupons taken back (fen)"), default=0)
    returned_promotion_fen = models.PositiveIntegerField(
        _("promotions taken back (fen)"), default=0
    )
    lines = models.JSONField(_("lines"), default=list)
    discounts = models.JSONField(_("discounts"), default=list)
    promotions = models.JSONField(_("promotions"), default=list)
    quote = models.JSONField(_("quote"), default=dict)
    request_hash = models.CharField(_("hash of the request"), max_length=64)
    redeemed_at = models.DateTimeField(_("redeemed at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("coupon ticket")
        verbose_name_plural = _("coupon tickets")
        constraints = [
            models.UniqueConstraint(
                fields=["terminal", "ticket_no"], name="coupons_couponticket_once_per_terminal"
            ),
            models.UniqueConstraint(
                fields=["store", "ticket_no"],
                condition=Q(terminal__isnull=True),
                name="coupons_couponticket_once_per_desk",
            ),
            models.CheckConstraint(
                condition=Q(
                    discount_fen__gt=0, gross_fen__gte=F("discount_fen") + F("promotion_fen")
                ),
                name="coupons_couponticket_discount",
            ),
            models.CheckConstraint(
                condition=Q(
                    returned_gross_fen__lte=F("gross_fen"),
                    returned_discount_fen__lte=F("discount_fen"),
                    returned_promotion_fen__lte=F("promotion_fen"),
                ),
                name="coupons_couponticket_returned_within",
            ),
            models.CheckConstraint(
                condition=Q(state="redeemed", ended_at__isnull=True)
                | (~Q(state="redeemed") & Q(ended_at__isnull=False)),
                name="coupons_couponticket_ended_stamped",
            ),
        ]

    def __str__(self) -> str:
        return self.no

    @property
    def off_fen(self) -> int:
        """What coupons and promotions took off together."""
        return self.discount_fen + self.promotion_fen

    @property
    def returned_off_fen(self) -> int:
        return self.returned_discount_fen + self.returned_promotion_fen


class CouponTicketReturn(CalledByKind):
    """A part of a ticket came back: goods of ``gross_fen``, of which coupons had paid
    ``discount_fen`` and promotions ``promotion_fen``."""

    ticket = models.ForeignKey(CouponTicket, models.PROTECT, related_name="returns")
    return_no = models.CharField(_("return number of the till"), max_length=32)
    gross_fen = models.PositiveIntegerField(_("before discounts (fen)"))
    discount_fen = models.PositiveIntegerField(_("coupons taken back (fen)"))
    promotion_fen = models.PositiveIntegerField(_("promotions taken back (fen)"), default=0)
    units = models.JSONField(_("units"), default=list)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("return of a coupon ticket")
        verbose_name_plural = _("returns of a coupon ticket")
        constraints = [
            models.UniqueConstraint(
                fields=["ticket", "return_no"], name="coupons_couponticketreturn_once"
            ),
            models.CheckConstraint(
                condition=Q(gross_fen__gt=0, gross_fen__gte=F("discount_fen") + F("promotion_fen")),
                name="coupons_couponticketreturn_something",
            ),
        ]

    @property
    def off_fen(self) -> int:
        return self.discount_fen + self.promotion_fen

    @property
    def refund_fen(self) -> int:
        """What the customer got."""
        return self.gross_fen - self.off_fen
