from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models.named import CalledByKind
from members.models.card import Card, CardProduct
from members.models.card_identity import CardIdentity
from members.models.member import Member
from members.states import ActivationState, PayerKind, PayWay
from stores.models import Account, Operator


class CardBatch(models.Model):
    """Cards sold together to a company or a person, handed out as codes (团购).

    The money is in a guarded account of the batch until a code is activated; that card's
    principal comes out of it. Named cards become their members'; unnamed ones expire by the day
    of the sale.
    """

    no = models.CharField(_("number"), max_length=32, unique=True)
    product = models.ForeignKey(CardProduct, models.PROTECT, verbose_name=_("product"))
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("issuer"))
    account = models.OneToOneField(Account, models.PROTECT, related_name="+")
    count = models.PositiveIntegerField(_("cards"))
    principal_fen = models.PositiveIntegerField(_("principal (fen)"), help_text=_("of each"))
    bonus_fen = models.PositiveIntegerField(_("bonus (fen)"), help_text=_("of each"))
    payer = models.CharField(_("payer"), max_length=10, choices=PayerKind.choices)
    way = models.CharField(_("paid by"), max_length=10, choices=PayWay.choices)
    identity = models.ForeignKey(
        CardIdentity, models.PROTECT, null=True, blank=True, verbose_name=_("identity")
    )
    reference = models.CharField(_("contract"), max_length=32)
    key = models.CharField(_("key"), max_length=80, unique=True)
    made = models.PositiveIntegerField(_("codes made"), default=0)
    sold_at = models.DateTimeField(_("sold at"))
    activate_until = models.DateTimeField(_("activate until"), null=True, blank=True)
    voided_at = models.DateTimeField(_("voided at"), null=True, blank=True)
    # What was left of a void batch has been transferred to its buyer.
    paid_at = models.DateTimeField(_("paid back at"), null=True, blank=True)
    paid_on = models.DateField(
        _("date of payment"), null=True, blank=True, help_text=_("as the receipt says")
    )
    paid_reference = models.CharField(_("reference of the payment"), max_length=64, blank=True)

    class Meta:
        verbose_name = _("batch of cards")
        verbose_name_plural = _("batches of cards")
        constraints = [
            models.CheckConstraint(
                condition=Q(count__gt=0, made__lte=F("count")),
                name="members_cardbatch_counts",
            ),
            models.CheckConstraint(
                condition=Q(paid_at__isnull=True)
                | Q(voided_at__isnull=False, paid_on__isnull=False) & ~Q(paid_reference=""),
                name="members_cardbatch_paid_when_void",
            ),
        ]

    def __str__(self) -> str:
        return self.no


class CardActivation(CalledByKind):
    """One code of a batch, known by its hash alone; used once, for one card."""

    batch = models.ForeignKey(CardBatch, models.PROTECT, related_name="activations")
    serial = models.PositiveIntegerField(_("serial"))
    code_hash = models.CharField(_("hash of the code"), max_length=64, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=ActivationState.choices)
    card = models.OneToOneField(
        Card, models.PROTECT, null=True, blank=True, related_name="activation"
    )
    member = models.ForeignKey(
        Member, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("member")
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("activation code")
        verbose_name_plural = _("activation codes")
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "serial"], name="members_cardactivation_serial"
            ),
            models.CheckConstraint(
                condition=Q(state="open", ended_at__isnull=True, member__isnull=True)
                | Q(state="used", ended_at__isnull=False, member__isnull=False)
                | Q(state="void", ended_at__isnull=False, member__isnull=True),
                name="members_cardactivation_ended",
            ),
        ]
