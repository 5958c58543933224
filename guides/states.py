"""Choices of the guides' world."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


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

    SENT = "sent", _("sent")
    OPENED = "opened", _("opened")
    ORDERED = "ordered", _("ordered")
    PAID = "paid", _("paid")
    EXPIRED = "expired", _("expired")
    WITHDRAWN = "withdrawn", _("withdrawn")
