from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models import PolicyVersion
from config.kernel.models.named import CalledByKind
from members.models.member import Member, Tier
from members.states import TierCause


class GrowthEntry(CalledByKind):
    """Growth that a purchase earned, or that its refund took back: never changed.

    It counts from ``occurred_at``, when the purchase was paid, so that what a refund takes back
    leaves a window together with what was given.
    """

    member = models.ForeignKey(Member, models.PROTECT, related_name="growth_entries")
    reference = models.CharField(_("reference"), max_length=40, db_index=True)
    key = models.CharField(_("key"), max_length=120, unique=True)
    growth = models.IntegerField(_("growth"))
    occurred_at = models.DateTimeField(_("occurred at"))
    created_at = models.DateTimeField(_("created at"))

    class Meta:
        verbose_name = _("entry of growth")
        verbose_name_plural = _("entries of growth")
        constraints = [
            models.CheckConstraint(condition=~Q(growth=0), name="members_growthentry_not_zero"),
        ]
        indexes = [
            models.Index(
                fields=["member", "occurred_at"],
                include=["growth"],
                name="members_growthentry_window",
            )
        ]


class MemberTier(CalledByKind):
    """A period of a member in a tier: why, by which version of the rules, and until when.

    ``until`` is when the tier is reviewed, ``grace_until`` when it ends if growth has not reached
    it again by then; both are empty for a tier that nobody falls from. The live period has no
    ``ended_at`` and is what ``Member.tier`` says.
    """

    member = models.ForeignKey(Member, models.PROTECT, related_name="tier_periods")
    tier = models.ForeignKey(Tier, models.PROTECT, null=True, related_name="+")
    cause = models.CharField(_("cause"), max_length=10, choices=TierCause.choices)
    growth = models.PositiveIntegerField(_("growth"), help_text=_("in the window, at the time"))
    policy = models.ForeignKey(PolicyVersion, models.PROTECT, related_name="+")
    since = models.DateTimeField(_("since"))
    until = models.DateTimeField(_("until"), null=True, blank=True)
    grace_until = models.DateTimeField(_("grace until"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("period in a tier")
        verbose_name_plural = _("periods in a tier")
        constraints = [
            # Two changes at once cannot both be the one that counts.
            models.UniqueConstraint(
                fields=["member"],
                condition=Q(ended_at__isnull=True),
                name="members_membertier_one_live",
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True, grace_until__isnull=True)
                | Q(until__gt=F("since"), grace_until__gte=F("until")),
                name="members_membertier_period",
            ),
        ]
        indexes = [
            models.Index(
                fields=["until"],
                condition=Q(ended_at__isnull=True, until__isnull=False),
                name="members_membertier_review",
            )
        ]
