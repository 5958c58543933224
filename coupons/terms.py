"""A discount's terms as values, read from a row of a template or a promotion."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from config.kernel import clock

# The columns of ``models.terms.Terms`` in the order that :func:`terms_read` takes them; {t} is
# the table's alias.
TERMS_SQL = (
    "jsonb_build_array({t}.threshold_pieces, {t}.steps, {t}.span, {t}.pieces, {t}.times,"
    " {t}.excludes, {t}.priority, {t}.weekdays, {t}.hours)"
)


@dataclass(frozen=True, slots=True)
class DiscountTerms:
    """``steps`` are (threshold, value) above the least; ``weekdays`` 1 (Monday) to 7 and
    ``hours`` (from, before) in Shanghai, empty for always."""

    threshold_pieces: int
    steps: tuple[tuple[int, int], ...]
    span: str
    pieces: int
    times: int | None
    excludes: frozenset[str]
    priority: int
    weekdays: frozenset[int]
    hours: tuple[tuple[time, time], ...]

    def open_at(self, now: datetime) -> bool:
        """Whether it may be used on this day at this hour."""
        if not self.weekdays and not self.hours:
            return True
        local = now.astimezone(clock.SHANGHAI)
        if self.weekdays and local.isoweekday() not in self.weekdays:
            return False
        moment = local.time()
        return not self.hours or any(start <= moment < end for start, end in self.hours)


def terms_read(values: Sequence[Any]) -> DiscountTerms:
    """From the array of TERMS_SQL."""
    threshold_pieces, steps, span, pieces, times, excludes, priority, weekdays, hours = values
    return DiscountTerms(
        threshold_pieces=threshold_pieces,
        steps=tuple((threshold, value) for threshold, value in steps),
        span=span,
        pieces=pieces,
        times=times,
        excludes=frozenset(excludes),
        priority=priority,
        weekdays=frozenset(weekdays),
        hours=tuple((time.fromisoformat(a), time.fromisoformat(b)) for a, b in hours),
    )
