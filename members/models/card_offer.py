from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models.named import CalledByKind
from members.card_offers import steps_check
from members.models.card import CardProduct
from members.models.member import Member, Tier
from stores.models import Operator, Store


class TopUpOffer(models.Model):
    """Pay this much onto a card, get that much on top (充值优惠), within a period.

    ``steps`` is ``[{"from_fen": 100000, "bonus_fen": 10000}, …]``: the highest step that the
    principal reaches counts, once. Empty products, stores or tiers mean all of the operator's.
    """

    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=80)
    operator = models.ForeignKey(Operator, models.PROTECT, verbose_name=_("issuer"))
    steps = models.JSONField(_("steps"), validators=[steps_check])
    products = models.ManyToManyField(CardProduct, blank=True, verbose_name=_("products"))
    stores = models.ManyToManyField(Store, blank=True, verbose_name=_("stores"))
    tiers = models.ManyToManyField(Tier, blank=True, verbose_name=_("tiers"))
    once_per_member = models.BooleanField(_("once per member"), default=False)
    starts_at = models.DateTimeField(_("starts at"))
    ends_at = models.DateTimeField(_("ends at"), null=True, blank=True)
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    class Meta:
        verbose_name = _("top-up offer")
        verbose_name_plural = _("top-up offers")
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_at__isnull=True) | Q(ends_at__gt=F("starts_at")),
                name="members_topupoffer_period",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class TopUpOfferUse(CalledByKind):
    """A member has taken an offer for the purchase with this key; its bonus is frozen here.

    ``key`` will be that of the lot. An order that is never paid returns its use.
    """

    offer = models.ForeignKey(TopUpOffer, models.PROTECT, related_name="uses")
    member = models.ForeignKey(Member, models.PROTECT, related_name="+")
    key = models.CharField(_("key"), max_length=120)
    principal_fen = models.PositiveIntegerField(_("principal (fen)"))
    bonus_fen = models.PositiveIntegerField(_("bonus (fen)"))
    once = models.BooleanField(_("once per member"))
    taken_at = models.DateTimeField(_("taken at"))
    returned_at = models.DateTimeField(_("returned at"), null=True, blank=True)

    class Meta:
        verbose_name = _("use of a top-up offer")
        verbose_name_plural = _("uses of top-up offers")
        constraints = [
            models.UniqueConstraint(
                fields=["offer", "member"],
                condition=Q(once=True, returned_at__isnull=True),
                name="members_topupofferuse_once",
            ),
            models.UniqueConstraint(
                # A purchase has one bonus.
                fields=["key"],
                condition=Q(returned_at__isnull=True),
                name="members_topupofferuse_key",
            ),
        ]
