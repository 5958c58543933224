from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from members.models.member import Member


class MemberCode(models.Model):
    """What a member shows at a cash desk: lives a minute, is used once (``members.guards_code``).

    Only keyed hashes of it are kept: whoever reads the table can show nothing. Its use opens a
    ``visit``: what the desk says instead from then on, good for one payment within minutes, and
    only for ``used_by``, the terminal or the person that scanned it.
    """

    member = models.ForeignKey(
        Member, models.PROTECT, related_name="codes", verbose_name=_("member")
    )
    token_hash = models.CharField(_("hash of the token"), max_length=64, unique=True)
    digits_hash = models.CharField(_("hash of the digits"), max_length=64, unique=True)
    issued_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(_("expires at"))
    used_at = models.DateTimeField(_("used at"), null=True, blank=True)
    used_by = models.CharField(_("used by"), max_length=40, blank=True)
    visit = models.CharField(_("visit"), max_length=32, null=True, blank=True, unique=True)
    visit_until = models.DateTimeField(_("visit until"), null=True, blank=True)
    spent_at = models.DateTimeField(_("paid with at"), null=True, blank=True)

    class Meta:
        verbose_name = _("member code")
        verbose_name_plural = _("member codes")
        constraints = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("issued_at")), name="members_membercode_lives"
            ),
            models.CheckConstraint(
                # A visit belongs to the use of a code, and a payment to a visit.
                condition=Q(
                    used_at__isnull=True,
                    used_by="",
                    visit__isnull=True,
                    visit_until__isnull=True,
                    spent_at__isnull=True,
                )
                | Q(used_at__isnull=False, visit__isnull=False, visit_until__isnull=False)
                & ~Q(used_by=""),
                name="members_membercode_used_once",
            ),
        ]
        indexes = [models.Index(fields=["expires_at"], name="members_membercode_expires")]
