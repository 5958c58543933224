"""Arithmetic of top-up offers: pure. Amounts in fen."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

_NAMES = {"from_fen", "bonus_fen"}


def steps_check(steps: Any) -> None:
    """Raise ValidationError unless ``steps`` is a list of ``{"from_fen", "bonus_fen"}`` that
    rises in both."""
    sound = (
        isinstance(steps, list)
        and bool(steps)
        and all(isinstance(step, dict) and set(step) == _NAMES for step in steps)
        and all(type(step[name]) is int and step[name] > 0 for step in steps for name in _NAMES)
        and all(low[name] < high[name] for low, high in pairwise(steps) for name in _NAMES)
    )
    if not sound:
        raise ValidationError(
            _('Steps are a rising list of {"from_fen": …, "bonus_fen": …}.'), code="steps"
        )


def bonus_of(steps: Sequence[dict[str, int]], principal_fen: int) -> int:
    """The bonus of the highest step that ``principal_fen`` reaches; 0 below the first."""
    return max((s["bonus_fen"] for s in steps if principal_fen >= s["from_fen"]), default=0)
