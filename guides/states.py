"""Choices of the guides' world."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class GuideRole(TextChoices):
    OPENING = "opening", _("opening guide")
    SERVING = "serving", _("serving guide")


class AllowancePeriod(TextChoices):
    """How often a guide's allowance begins anew: at midnight, on Mondays, on the first."""

    DAY = "day", _("day")
    WEEK = "week", _("week")
    MONTH = "month", _("month")


class BasketState(TextChoices):
    """What became of a basket that a guide prepared; derived, see PreparedBasket.with_state."""

    SENT = "sent", pgettext_lazy("basket", "sent")
    OPENED = "opened", pgettext_lazy("basket", "opened")
    ORDERED = "ordered", pgettext_lazy("basket", "ordered")
    PAID = "paid", pgettext_lazy("basket", "paid")
    EXPIRED = "expired", pgettext_lazy("basket", "expired")
    WITHDRAWN = "withdrawn", pgettext_lazy("basket", "withdrawn")
