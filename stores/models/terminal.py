from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from stores.models.organisation import Store
from stores.states import TerminalScope


class Terminal(models.Model):
    """A cash desk, or a partner's system, that calls ``/api/v1/pos/`` for one store.

    Of its key only a hash is kept; the key itself is shown once. Its store never changes: what it
    has booked was booked there.
    """

    no = models.CharField(_("number"), max_length=16, unique=True)
    store = models.ForeignKey(
        Store, models.PROTECT, related_name="terminals", verbose_name=_("store")
    )
    name = models.CharField(_("name"), max_length=40)
    key_hash = models.CharField(_("hash of the key"), max_length=64)
    scopes = ArrayField(
        models.CharField(max_length=10, choices=TerminalScope.choices),
        verbose_name=_("scopes"),
        default=list,
    )
    created_at = models.DateTimeField(_("created at"))
    rotated_at = models.DateTimeField(_("key since"))
    last_seen_at = models.DateTimeField(_("last seen"), null=True, blank=True)
    disabled_at = models.DateTimeField(_("disabled at"), null=True, blank=True)

    class Meta:
        verbose_name = _("terminal")
        verbose_name_plural = _("terminals")
        constraints = [
            models.CheckConstraint(
                # A terminal without a scope could do nothing: it is disabled instead.
                condition=models.Q(scopes__len__gt=0),
                name="stores_terminal_has_scope",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.no} {self.name}"
