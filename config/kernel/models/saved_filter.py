from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class SavedFilter(models.Model):
    """A list of the admin as somebody likes to see it: filters, search words and order.

    ``query`` is the query string of the list at ``model`` (a model's label, lower case), without
    a page number. A ``shared`` one is offered to everybody who may open the list, who sees
    through it no more rows than without.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="saved_filters")
    model = models.CharField(_("list"), max_length=100)
    name = models.CharField(_("name"), max_length=40)
    query = models.CharField(_("query"), max_length=1024)
    shared = models.BooleanField(_("shared"), default=False)

    class Meta:
        verbose_name = _("saved filter")
        verbose_name_plural = _("saved filters")
        constraints = [
            # One cannot tell two chips of one name apart.
            models.UniqueConstraint(
                F("user"), F("model"), F("name"), name="kernel_savedfilter_once"
            ),
            models.CheckConstraint(name="kernel_savedfilter_filters", condition=~Q(query="")),
        ]
        indexes = [models.Index(fields=["model"], name="kernel_savedfilter_list")]

    def __str__(self) -> str:
        return self.name
