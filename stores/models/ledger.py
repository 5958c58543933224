from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from stores.models.organisation import Operator
from stores.states import Unit


class Account(models.Model):
    """A place value can be. Balance = credits − debits, in fen or points.

    Only a guarded account (one that a person can spend) keeps a running balance; the others are
    summed from their transfers, so that no row is shared by different members' sales.
    Changed by ``stores.ledger`` alone.
    """

    code = models.CharField(_("code"), max_length=80, unique=True)
    unit = models.CharField(_("unit"), max_length=6, choices=Unit.choices, default=Unit.FEN)
    operator = models.ForeignKey(
        Operator, models.PROTECT, null=True, blank=True, verbose_name=_("operator")
    )
    guarded = models.BooleanField(_("guarded"), default=False)
    balance = models.BigIntegerField(_("balance"), default=0)
    held = models.BigIntegerField(_("held"), default=0)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        constraints = [
            models.CheckConstraint(
                # What a person spends must be there, and what is held is not spent twice.
                condition=Q(guarded=False, balance=0, held=0)
                | Q(guarded=True, held__gte=0, balance__gte=F("held")),
                name="stores_account_covers_holds",
            ),
        ]

    def __str__(self) -> str:
        return self.code


class Transfer(models.Model):
    """``amount`` moved from the debited to the credited account; insert-only (trigger)."""

    debit = models.ForeignKey(
        Account, models.PROTECT, related_name="debits", verbose_name=_("debit")
    )
    credit = models.ForeignKey(
        Account, models.PROTECT, related_name="credits", verbose_name=_("credit")
    )
    amount = models.BigIntegerField(_("amount"))
    code = models.CharField(_("code"), max_length=32)
    key = models.CharField(_("key"), max_length=120, unique=True)
    reference = models.CharField(_("reference"), max_length=40, blank=True, db_index=True)
    reverses = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="reversals",
        verbose_name=_("reverses"),
    )
    occurred_at = models.DateTimeField(_("occurred at"), db_index=True)

    class Meta:
        verbose_name = _("transfer")
        verbose_name_plural = _("transfers")
        constraints = [
            models.CheckConstraint(condition=Q(amount__gt=0), name="stores_transfer_positive"),
            models.CheckConstraint(
                condition=~Q(debit=F("credit")), name="stores_transfer_two_accounts"
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Seal(models.Model):
    """A closed day of the ledger: a hash over its transfers and the previous seal's hash."""

    period = models.DateField(_("period"), unique=True, help_text=_("day in Asia/Shanghai"))
    count = models.PositiveIntegerField(_("transfers"))
    hash = models.CharField(_("hash"), max_length=64)
    previous_hash = models.CharField(_("previous hash"), max_length=64, blank=True)
    sealed_at = models.DateTimeField(_("sealed at"))

    class Meta:
        verbose_name = _("seal")
        verbose_name_plural = _("seals")

    def __str__(self) -> str:
        return f"{self.period}"
