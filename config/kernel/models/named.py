from django.db import models


class CalledByKind(models.Model):
    """A row without a name of its own: pages call it by its kind and its key, "order line 400",
    in the reader's language."""

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"
