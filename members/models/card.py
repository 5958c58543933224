from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models.named import CalledByKind
from members.models.card_identity import CardIdentity
from members.models.member import Member
from members.states import CardState, Consume, HoldState
from stores.models import Account, Operator


class CardProduct(models.Model):
    """A stored-value card on sale: pay ``price_fen`` of principal, get ``bonus_fen`` on top.

    With ``min_fen`` and ``max_fen`` the buyer chooses the principal between them, and ``price_fen``
    is what is proposed. Limits by 单用途商业预付卡管理办法: ¥5,000 on a named card, which never
    expires; ¥1,000 on an unnamed one, valid for three years or more.
    """

    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=80)
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("issuer"))
    named = models.BooleanField(_("named"), default=True)
    price_fen = models.PositiveIntegerField(_("principal (fen)"))
    bonus_fen = models.PositiveIntegerField(_("bonus (fen)"), default=0)
    limit_fen = models.PositiveIntegerField(_("limit on the card (fen)"), default=500_000)
    min_fen = models.PositiveIntegerField(_("least principal (fen)"), null=True, blank=True)
    max_fen = models.PositiveIntegerField(_("most principal (fen)"), null=True, blank=True)
    valid_days = models.PositiveIntegerField(
        _("valid for days"),
        null=True,
        blank=True,
        help_text=_("of an unnamed card; empty: what the policy says"),
    )
    # Codes, not keys: every spend looks here, and a code never changes.
    accepted_operators = ArrayField(
        models.CharField(max_length=32),
        verbose_name=_("accepted by operators"),
        default=list,
        blank=True,
        help_text=_("codes; empty: by all"),
    )
    accepted_stores = ArrayField(
        models.CharField(max_length=32),
        verbose_name=_("accepted at stores"),
        default=list,
        blank=True,
        help_text=_("codes; empty: at all"),
    )
    on_sale = models.BooleanField(_("on sale"), default=True)
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    class Meta:
        verbose_name = _("card product")
        verbose_name_plural = _("card products")
        constraints = [
            models.CheckConstraint(
                condition=Q(price_fen__gt=0), name="members_cardproduct_has_price"
            ),
            models.CheckConstraint(
                # What is on sale must be issuable once it has been paid for.
                condition=Q(limit_fen__gte=F("price_fen") + F("bonus_fen"))
                & (Q(named=True, limit_fen__lte=500_000) | Q(limit_fen__lte=100_000)),
                name="members_cardproduct_within_limit",
            ),
            models.CheckConstraint(
                condition=Q(min_fen__isnull=True, max_fen__isnull=True)
                | Q(
                    min_fen__isnull=False,
                    max_fen__isnull=False,
                    min_fen__gt=0,
                    min_fen__lte=F("price_fen"),
                    max_fen__gte=F("price_fen"),
                ),
                name="members_cardproduct_free_amount",
            ),
            models.CheckConstraint(
                # 单用途商业预付卡管理办法: named cards do not expire, others not within 3 years.
                condition=Q(valid_days__isnull=True) | Q(named=False, valid_days__gte=1_096),
                name="members_cardproduct_valid_long",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Card(models.Model):
    """A stored-value card (储值卡). Its value is that of its lots' accounts.

    The row is the holding: a replacement gives it another number, a gift another member; lots,
    holds and history stay where they are.
    """

    no = models.CharField(_("number"), max_length=32, unique=True)
    product = models.ForeignKey(CardProduct, models.PROTECT, verbose_name=_("product"))
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("issuer"))
    member = models.ForeignKey(
        Member, models.PROTECT, related_name="cards", verbose_name=_("member")
    )
    state = models.CharField(_("state"), max_length=10, choices=CardState.choices)
    issued_at = models.DateTimeField(_("issued at"))
    # What was spent before is the business of whoever held it then.
    held_since = models.DateTimeField(
        _("held since"), null=True, blank=True, help_text=_("empty: since it was issued")
    )
    expires_at = models.DateTimeField(_("expires at"), null=True, blank=True)

    class Meta:
        verbose_name = _("card")
        verbose_name_plural = _("cards")

    def __str__(self) -> str:
        return self.no


class CardLot(CalledByKind):
    """One purchase or top-up of a card: a principal and a bonus account, both guarded.

    ``limit_fen`` is what the card could hold at that moment, ``identity`` who was on record.
    ``source`` is a hash of where it came from (a device, an address), where that is known.
    """

    card = models.ForeignKey(Card, models.PROTECT, related_name="lots")
    principal = models.OneToOneField(
        Account, models.PROTECT, related_name="+", verbose_name=_("principal")
    )
    bonus = models.OneToOneField(Account, models.PROTECT, related_name="+", verbose_name=_("bonus"))
    reference = models.CharField(_("order number"), max_length=32)
    key = models.CharField(_("key"), max_length=120, unique=True)
    limit_fen = models.PositiveIntegerField(_("limit (fen)"))
    identity = models.ForeignKey(
        CardIdentity, models.PROTECT, null=True, blank=True, verbose_name=_("identity")
    )
    source = models.CharField(_("source"), max_length=64, blank=True)
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("lot of a card")
        verbose_name_plural = _("lots of a card")
        indexes = [
            models.Index(fields=["created_at"], name="members_cardlot_created"),
        ]


class CardHold(CalledByKind):
    """Value of a card set aside for an order until it is captured, released or expires.

    ``consume`` is the policy its lines were taken by, and a part of them is captured by;
    ``acceptor_code`` the operator it was made for (empty: not said). ``captured_fen`` is null
    while nothing was captured, and when everything was.
    """

    card = models.ForeignKey(Card, models.PROTECT, related_name="holds")
    reference = models.CharField(_("order number"), max_length=32, unique=True)
    state = models.CharField(_("state"), max_length=10, choices=HoldState.choices)
    consume = models.CharField(
        _("consumption"), max_length=16, choices=Consume.choices, default=Consume.PROPORTIONAL
    )
    acceptor_code = models.CharField(_("accepting operator"), max_length=32, blank=True)
    captured_fen = models.PositiveIntegerField(_("captured (fen)"), null=True, blank=True)
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("card hold")
        verbose_name_plural = _("card holds")
        constraints = [
            models.CheckConstraint(
                condition=Q(state="open", ended_at__isnull=True)
                | (~Q(state="open") & Q(ended_at__isnull=False)),
                name="members_cardhold_ended_stamped",
            ),
            models.CheckConstraint(
                condition=Q(captured_fen__isnull=True) | Q(state="captured", captured_fen__gt=0),
                name="members_cardhold_captured_part",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=Q(state="open"), name="members_cardhold_open"
            )
        ]


class CardHoldLine(models.Model):
    """What a hold sets aside on one account of one lot."""

    hold = models.ForeignKey(CardHold, models.CASCADE, related_name="lines")
    lot = models.ForeignKey(CardLot, models.PROTECT)
    account = models.ForeignKey(Account, models.PROTECT)
    amount_fen = models.PositiveIntegerField(_("amount (fen)"))

    class Meta:
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        constraints = [
            models.UniqueConstraint(fields=["hold", "account"], name="members_cardholdline_once"),
            models.CheckConstraint(
                condition=Q(amount_fen__gt=0), name="members_cardholdline_positive"
            ),
        ]
