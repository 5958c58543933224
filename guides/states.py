"""Choices of the guides' world."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class GuideRole(TextChoices):
    OPENING = "opening", _("opening guide")
    SERVING = "serving", _("serving guide")
