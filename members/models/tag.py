from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from config.kernel.models.named import CalledByKind
from members.models.member import Member
from stores.models import Operator


class Tag(models.Model):
    """A word that staff put on members; rules of coupons and promotions ask for its ``code``.

    Without an ``operator`` it is the group's and anybody who tags may give it. One that is archived
    is given to nobody any more; whoever has it keeps it, so that rules in force mean the same.
    """

    code = models.CharField(_("code"), max_length=32, unique=True)
    name = models.CharField(_("name"), max_length=80)
    operator = models.ForeignKey(
        Operator,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("operator"),
        help_text=_("empty: of the group"),
    )
    archived_at = models.DateTimeField(_("archived at"), null=True, blank=True)

    class Meta:
        verbose_name = _("tag")
        verbose_name_plural = _("tags")

    def __str__(self) -> str:
        return self.name


class MemberTag(CalledByKind):
    """A member has a tag, from ``since`` until it was taken off; ``reason`` is why it was given.

    Who gave and who took it stands in the events.
    """

    member = models.ForeignKey(Member, models.PROTECT, related_name="tags")
    tag = models.ForeignKey(Tag, models.PROTECT, related_name="members")
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    since = models.DateTimeField(_("since"))
    ended_at = models.DateTimeField(_("ended at"), null=True, blank=True)

    class Meta:
        verbose_name = _("tag of a member")
        verbose_name_plural = _("tags of members")
        constraints = [
            # Two at once cannot both give it.
            models.UniqueConstraint(
                fields=["member", "tag"],
                condition=Q(ended_at__isnull=True),
                name="members_membertag_one_live",
            ),
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("since")),
                name="members_membertag_period",
            ),
        ]
