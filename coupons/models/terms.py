"""What a discount is worth and when: the columns that coupons and promotions share."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel import conditions
from config.kernel.errors import DomainError
from config.kernel.money import BASIS_POINTS
from coupons.states import Span
from coupons.terms import MIDNIGHT, hours_read

MOST_STEPS = 10


class Terms(models.Model):
    """Abstract. The least threshold is a column, ``steps`` are those above it: ``[[threshold,
    value], …]`` in the threshold's unit (fen, or pieces where it counts pieces) and the value's.

    ``pieces`` is how many make one set (every N-th, N for a price); ``times`` how many pieces or
    sets it works on at most, empty for all.
    """

    threshold_pieces = models.PositiveSmallIntegerField(_("threshold (pieces)"), default=0)
    steps = models.JSONField(
        _("further steps"),
        default=list,
        blank=True,
        help_text=_("[[threshold, value], …], each above the one before"),
    )
    span = models.CharField(_("span"), max_length=10, choices=Span.choices, default=Span.ORDER)
    pieces = models.PositiveSmallIntegerField(
        _("pieces of a set"), default=1, help_text=_("every N-th piece, N for a price")
    )
    times = models.PositiveSmallIntegerField(
        _("at most so many times"), null=True, blank=True, help_text=_("empty: as often as it fits")
    )
    excludes = models.JSONField(
        _("excludes"),
        default=list,
        blank=True,
        help_text=_("stacking groups that it does not go with"),
    )
    priority = models.PositiveSmallIntegerField(_("priority"), default=100)
    weekdays = models.JSONField(
        _("weekdays"), default=list, blank=True, help_text=_("1 (Monday) to 7; [] = every day")
    )
    hours = models.JSONField(
        _("hours"),
        default=list,
        blank=True,
        help_text=_('[["10:00", "14:00"]] in Shanghai, the end excluded; [] = all day'),
    )

    class Meta:
        abstract = True

    def clean(self) -> None:
        """What the database cannot say about a form's JSON. Raises ValidationError per field."""
        if errors := terms_errors(self):
            raise ValidationError(errors)


def terms_errors(row: Any) -> dict[str, Any]:
    """Field → what is wrong with it, of a coupon's template or a promotion."""
    errors: dict[str, Any] = {}
    try:
        conditions.validate(row.scope)
    except DomainError as error:
        errors["scope"] = str(error)
    if not _are_steps(row):
        errors["steps"] = _("pairs of a threshold and a value, both rising from the first step on")
    if not _are_words(row.excludes):
        errors["excludes"] = _("a list of stacking groups")
    if not isinstance(row.weekdays, list) or any(
        type(day) is not int or not 1 <= day <= 7 for day in row.weekdays
    ):
        errors["weekdays"] = _("a list of days from 1 (Monday) to 7")
    if not _are_hours(row.hours):
        errors["hours"] = _(
            'pairs of times as "10:00", at most to "24:00"; what ends earlier ends the next day'
        )
    return errors


def constraints(table: str) -> list[models.BaseConstraint]:
    """The rules over these columns as CHECKs of ``table``; ``kind`` and ``value`` are its own."""
    return [
        models.CheckConstraint(
            # A threshold counts one thing, and the steps above it the same.
            condition=Q(threshold_fen=0) | Q(threshold_pieces=0),
            name=f"{table}_one_threshold",
        ),
        models.CheckConstraint(
            # One piece is no set; what is not sold in sets counts single pieces.
            condition=Q(kind__in=["nth", "multi"], pieces__gt=1)
            | (~Q(kind__in=["nth", "multi"]) & Q(pieces=1)),
            name=f"{table}_set",
        ),
        models.CheckConstraint(
            condition=Q(times__isnull=True) | Q(times__gt=0), name=f"{table}_times"
        ),
        models.CheckConstraint(
            # Only what takes a sum off can take more from a higher threshold on.
            condition=Q(kind__in=["amount", "percent"]) | Q(steps=[], span="order"),
            name=f"{table}_steps",
        ),
    ]


def _are_steps(row: Any) -> bool:
    if not isinstance(row.steps, list) or len(row.steps) > MOST_STEPS:
        return False
    threshold, value = row.threshold_pieces or row.threshold_fen, row.value
    most = BASIS_POINTS if row.kind == "percent" else 2_147_483_647
    for step in row.steps:
        if not isinstance(step, list) or len(step) != 2 or any(type(x) is not int for x in step):
            return False
        if step[0] <= threshold or not value < step[1] <= most:
            return False
        threshold, value = step
    return True


def _are_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(x, str) and x for x in value)


def _are_hours(value: Any) -> bool:
    if not isinstance(value, list):
        return False
    for pair in value:
        if not _are_words(pair) or len(pair) != 2:
            return False
        try:
            start, end = hours_read(pair)
        except ValueError:
            return False
        # Nothing is from ten to ten; the whole day is from 00:00 to 24:00.
        if start.tzinfo or end.tzinfo or (start == end and pair[1] != MIDNIGHT):
            return False
    return True
