from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from members.models.member import Member
from members.states import PayerKind


class CardIdentity(models.Model):
    """Who bought stored value: the register that the law demands (实名登记).

    Kept until ``keep_until`` even when the member is erased: five years after the last purchase
    by 单用途商业预付卡管理办法 art. 15. Name and number are encrypted (``members.identity``); the
    fingerprint finds the same document again without opening it.
    """

    member = models.ForeignKey(
        Member,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="card_identities",
        verbose_name=_("member"),
    )
    kind = models.CharField(_("kind"), max_length=10, choices=PayerKind.choices)
    name_sealed = models.TextField(_("name"))
    number_sealed = models.TextField(_("document number"))
    fingerprint = models.CharField(_("fingerprint"), max_length=64)
    masked = models.CharField(_("shown as"), max_length=60)
    recorded_at = models.DateTimeField(_("recorded at"))
    keep_until = models.DateTimeField(_("kept until"))
    replaced_at = models.DateTimeField(_("replaced at"), null=True, blank=True)

    class Meta:
        verbose_name = _("card identity")
        verbose_name_plural = _("card identities")
        constraints = [
            models.UniqueConstraint(
                # What counts today; an earlier entry stays as evidence of its purchases.
                fields=["member"],
                condition=Q(replaced_at__isnull=True),
                name="members_cardidentity_one_live",
            ),
            models.CheckConstraint(
                condition=Q(kind="company") | Q(member__isnull=False),
                name="members_cardidentity_person_is_member",
            ),
        ]
        indexes = [
            models.Index(fields=["fingerprint"], name="members_cardidentity_print"),
        ]

    def __str__(self) -> str:
        return self.masked
