"""What becomes of a card: new numbers and dates, gifts, money paid back, alerts."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from members.models.card import Card, CardLot
from members.models.member import Member
from members.states import AlertKind, GiftState, PaybackState, PayWay


class CardReplacement(models.Model):
    """A card's number until ``replaced_at``. It belongs to nobody any more and never returns."""

    card = models.ForeignKey(Card, models.PROTECT, related_name="replacements")
    old_no = models.CharField(_("old number"), max_length=32, unique=True)
    new_no = models.CharField(_("new number"), max_length=32, unique=True)
    reason = models.CharField(_("reason"), max_length=200)
    replaced_at = models.DateTimeField(_("replaced at"))

    class Meta:
        verbose_name = _("replaced card")
        verbose_name_plural = _("replaced cards")


class CardReactivation(models.Model):
    """An expired card lives again: it was dead from ``expired_at`` to ``reactivated_at``."""

    card = models.ForeignKey(Card, models.PROTECT, related_name="reactivations")
    expired_at = models.DateTimeField(_("expired at"))
    reactivated_at = models.DateTimeField(_("reactivated at"))
    expires_at = models.DateTimeField(_("expires at"))
    reason = models.CharField(_("reason"), max_length=200)

    class Meta:
        verbose_name = _("reactivated card")
        verbose_name_plural = _("reactivated cards")
        constraints = [
            models.UniqueConstraint(
                fields=["card", "expired_at"], name="members_cardreactivation_once"
            ),
            models.CheckConstraint(
                condition=Q(reactivated_at__gte=F("expired_at"), expires_at__gt=F("expired_at")),
                name="members_cardreactivation_order",
            ),
        ]


class CardGift(models.Model):
    """A card offered to whoever opens the link first; its token is a code of the kernel."""

    no = models.CharField(_("number"), max_length=32, unique=True)
    card = models.ForeignKey(Card, models.PROTECT, related_name="gifts")
    giver = models.ForeignKey(
        Member, models.PROTECT, related_name="gifts_given", verbose_name=_("given by")
    )
    taker = models.ForeignKey(
        Member,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="gifts_taken",
        verbose_name=_("accepted by"),
    )
    token = models.CharField(_("token"), max_length=32, unique=True)
    greeting = models.CharField(_("greeting"), max_length=80, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=GiftState.choices)
    value_fen = models.PositiveIntegerField(_("value (fen)"))
    offered_at = models.DateTimeField(_("offered at"))
    expires_at = models.DateTimeField(_("expires at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("gift of a card")
        verbose_name_plural = _("gifts of cards")
        constraints = [
            models.UniqueConstraint(
                fields=["card"], condition=Q(state="offered"), name="members_cardgift_one_open"
            ),
            models.CheckConstraint(
                condition=Q(state="offered", ended_at__isnull=True)
                | (~Q(state="offered") & Q(ended_at__isnull=False)),
                name="members_cardgift_ended_stamped",
            ),
            models.CheckConstraint(
                condition=Q(state="accepted", taker__isnull=False)
                | (~Q(state="accepted") & Q(taker__isnull=True)),
                name="members_cardgift_taker",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(state="offered"), name="members_cardgift_open"
            )
        ]

    def __str__(self) -> str:
        return self.no


class CardPayback(models.Model):
    """A card was closed and its principal is to be paid back; one more when an order's refund
    reaches a card that is closed already."""

    no = models.CharField(_("number"), max_length=32, unique=True)
    card = models.ForeignKey(Card, models.PROTECT, related_name="paybacks")
    member = models.ForeignKey(Member, models.PROTECT, related_name="+")
    reason = models.CharField(_("reason"), max_length=200)
    rule = models.CharField(_("rule of the bonus"), max_length=16)
    amount_fen = models.PositiveIntegerField(_("to be paid back (fen)"))
    withdrawn_fen = models.PositiveIntegerField(_("bonus withdrawn (fen)"))
    charged_fen = models.PositiveIntegerField(
        _("charged (fen)"), help_text=_("bonus that was spent, taken out of the principal")
    )
    returned_fen = models.PositiveIntegerField(
        _("charge given back (fen)"),
        default=0,
        help_text=_("charged by an earlier payback for bonus that came back since"),
    )
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("payback of a card")
        verbose_name_plural = _("paybacks of cards")

    def __str__(self) -> str:
        return self.no


class CardPaybackLine(models.Model):
    """One lot's part: ``amount_fen`` goes ``way``, for the purchase ``reference``.

    ``returned_fen`` of it was charged by an earlier payback. A line of nothing is paid at once.
    """

    payback = models.ForeignKey(CardPayback, models.PROTECT, related_name="lines")
    lot = models.ForeignKey(CardLot, models.PROTECT, related_name="+")
    way = models.CharField(_("way"), max_length=10, choices=PayWay.choices)
    reference = models.CharField(_("order number"), max_length=32)
    amount_fen = models.PositiveIntegerField(_("to be paid back (fen)"))
    withdrawn_fen = models.PositiveIntegerField(_("bonus withdrawn (fen)"))
    charged_fen = models.PositiveIntegerField(_("charged (fen)"))
    returned_fen = models.PositiveIntegerField(_("charge given back (fen)"), default=0)
    state = models.CharField(
        _("state"), max_length=10, choices=PaybackState.choices, default=PaybackState.WAITING
    )
    paid_at = models.DateTimeField(_("paid back at"), null=True, blank=True)
    paid_on = models.DateField(
        _("date of payment"), null=True, blank=True, help_text=_("as the receipt says")
    )
    paid_reference = models.CharField(
        _("reference of the payment"),
        max_length=64,
        blank=True,
        help_text=_("of the bank transfer, the cash receipt, or the refund"),
    )
    paid_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("paid by"),
    )

    class Meta:
        verbose_name = _("line of a payback")
        verbose_name_plural = _("lines of a payback")
        constraints = [
            models.UniqueConstraint(fields=["payback", "lot"], name="members_cardpaybackline_once"),
            models.CheckConstraint(
                condition=Q(state="paid", paid_at__isnull=False)
                | Q(state="waiting", paid_at__isnull=True),
                name="members_cardpaybackline_paid_stamped",
            ),
        ]
        indexes = [
            models.Index(
                fields=["way"],
                condition=Q(state="waiting"),
                name="members_cardpaybackline_open",
            )
        ]

    def __str__(self) -> str:
        return self.reference


class CardAlert(models.Model):
    """Something about a card or its member that a person should look at. Found by a task, once
    per ``key``; it changes nothing by itself."""

    kind = models.CharField(_("kind"), max_length=16, choices=AlertKind.choices)
    key = models.CharField(_("key"), max_length=120, unique=True)
    card = models.ForeignKey(
        Card, models.PROTECT, null=True, blank=True, related_name="alerts", verbose_name=_("card")
    )
    member = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("member")
    )
    figure = models.BigIntegerField(_("figure"), help_text=_("fen, times or days, by the kind"))
    found_at = models.DateTimeField(_("found at"))
    settled_at = models.DateTimeField(_("settled at"), null=True, blank=True)
    note = models.CharField(_("note"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("card alert")
        verbose_name_plural = _("card alerts")
        indexes = [
            models.Index(
                fields=["found_at"],
                condition=Q(settled_at__isnull=True),
                name="members_cardalert_open",
            )
        ]

    def __str__(self) -> str:
        return self.key
