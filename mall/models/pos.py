from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from mall.states import PosTicketState, TenderKind
from members.models import Member
from stores.models import Account, Operator, Store, Terminal


class PosTicket(models.Model):
    """A sale of a till that stored value paid, in part or in full. Amounts in fen.

    The till sells: prices, goods and other means of payment are its own. What is kept here is
    what left the cards, who stood there, and what came back. ``no`` is our number, ``ticket_no``
    the till's, unique per terminal; at the desk, which has no terminal, per store.
    """

    no = models.CharField(_("number"), max_length=32, unique=True)
    terminal = models.ForeignKey(
        Terminal, models.PROTECT, null=True, blank=True, verbose_name=_("terminal")
    )
    ticket_no = models.CharField(_("ticket number"), max_length=32)
    store = models.ForeignKey(Store, models.PROTECT, verbose_name=_("store"))
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("operator"))
    member = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, verbose_name=_("member")
    )
    state = models.CharField(_("state"), max_length=10, choices=PosTicketState.choices)
    total_fen = models.PositiveIntegerField(_("total (fen)"))
    card_fen = models.PositiveIntegerField(_("by card (fen)"))
    refunded_fen = models.PositiveIntegerField(_("given back to cards (fen)"), default=0)
    other_refunded_fen = models.PositiveIntegerField(_("given back otherwise (fen)"), default=0)
    lines = models.JSONField(_("lines"), default=list, blank=True)
    # Tells the till's own repetition from another sale under the same number.
    request_hash = models.CharField(_("hash of the request"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created at"))
    paid_at = models.DateTimeField(_("paid at"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("till ticket")
        verbose_name_plural = _("till tickets")
        constraints = [
            models.UniqueConstraint(
                fields=["terminal", "ticket_no"], name="mall_posticket_once_per_terminal"
            ),
            models.UniqueConstraint(
                fields=["store", "ticket_no"],
                condition=Q(terminal__isnull=True),
                name="mall_posticket_once_per_desk",
            ),
            models.CheckConstraint(
                condition=Q(card_fen__lte=F("total_fen")), name="mall_posticket_card_within"
            ),
            models.CheckConstraint(
                condition=Q(refunded_fen__lte=F("card_fen"))
                & Q(other_refunded_fen__lte=F("total_fen") - F("card_fen")),
                name="mall_posticket_refunds_within",
            ),
            models.CheckConstraint(
                # What was never paid can only be what a void closed the number of.
                condition=Q(paid_at__isnull=False, member__isnull=False, card_fen__gt=0)
                | Q(paid_at__isnull=True, state="voided", total_fen=0),
                name="mall_posticket_paid",
            ),
            models.CheckConstraint(
                condition=Q(state="paid", ended_at__isnull=True)
                | (~Q(state="paid") & Q(ended_at__isnull=False, refunded_fen=F("card_fen"))),
                name="mall_posticket_ended_stamped",
            ),
        ]

    def __str__(self) -> str:
        return self.no


class PosTender(models.Model):
    """What a ticket took out of the principal or the bonus of one lot of a card."""

    ticket = models.ForeignKey(PosTicket, models.PROTECT, related_name="tenders")
    position = models.PositiveSmallIntegerField(_("position"))
    kind = models.CharField(_("kind"), max_length=16, choices=TenderKind.choices)
    account = models.ForeignKey(Account, models.PROTECT, verbose_name=_("account"))
    card_no = models.CharField(_("card"), max_length=32)
    amount_fen = models.PositiveIntegerField(_("amount (fen)"))
    refunded_fen = models.PositiveIntegerField(_("refunded (fen)"), default=0)

    class Meta:
        verbose_name = _("tender of a till ticket")
        verbose_name_plural = _("tenders of a till ticket")
        constraints = [
            models.UniqueConstraint(fields=["ticket", "account"], name="mall_postender_once"),
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0, refunded_fen__lte=F("amount_fen")),
                name="mall_postender_refunds_within",
            ),
        ]


class PosRefund(models.Model):
    """What went back of a ticket at once: to its cards, and at the till by other means."""

    no = models.CharField(_("number"), max_length=32, unique=True)
    ticket = models.ForeignKey(PosTicket, models.PROTECT, related_name="refunds")
    refund_no = models.CharField(_("refund number of the till"), max_length=32)
    amount_fen = models.PositiveIntegerField(_("to cards (fen)"))
    other_fen = models.PositiveIntegerField(_("otherwise (fen)"))
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("refund of a till ticket")
        verbose_name_plural = _("refunds of a till ticket")
        constraints = [
            models.UniqueConstraint(fields=["ticket", "refund_no"], name="mall_posrefund_once"),
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0) | Q(other_fen__gt=0),
                name="mall_posrefund_something",
            ),
        ]


class PosRefundLine(models.Model):
    """The part of a refund that went back into one account of one lot."""

    refund = models.ForeignKey(PosRefund, models.PROTECT, related_name="lines")
    tender = models.ForeignKey(PosTender, models.PROTECT)
    amount_fen = models.PositiveIntegerField(_("amount (fen)"))

    class Meta:
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        constraints = [
            models.UniqueConstraint(fields=["refund", "tender"], name="mall_posrefundline_once"),
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0), name="mall_posrefundline_positive"
            ),
        ]
