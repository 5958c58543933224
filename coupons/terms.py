"""A discount's terms as values, read from a row of a template or a promotion."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any

from config.kernel import clock

# An end of hours that a clock does not show.
MIDNIGHT = "24:00"

# The columns of ``models.terms.Terms`` in the order that :func:`terms_read` takes them; {t} is
# the table's alias.
TERMS_SQL = (
    "jsonb_build_array({t}.threshold_pieces, {t}.steps, {t}.span, {t}.pieces, {t}.times,"
    " {t}.excludes, {t}.priority, {t}.weekdays, {t}.hours)"
)


@dataclass(frozen=True, slots=True)
class DiscountTerms:
    """``steps`` are (threshold, value) above the least; ``weekdays`` 1 (Monday) to 7 and
    ``hours`` (from, before) in Shanghai, empty for always. Hours that end no later than they
    begin go on past midnight, and belong to the day on which they begin."""

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
        moment = local.time()
        today = not self.weekdays or local.isoweekday() in self.weekdays
        if not self.hours:
            return today
        yesterday = not self.weekdays or (local - timedelta(days=1)).isoweekday() in self.weekdays
        return any(
            (today and start <= moment < end)
            if start < end
            else (today and moment >= start) or (yesterday and moment < end)
            for start, end in self.hours
        )


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
        hours=tuple(hours_read(pair) for pair in hours),
    )


def hours_read(pair: Sequence[str]) -> tuple[time, time]:
    """("10:00", "24:00") as times; an end of "24:00" is midnight. Raises ValueError."""
    start, end = pair
    return time.fromisoformat(start), time.fromisoformat("00:00" if end == MIDNIGHT else end)


def hours_are_overnight(pair: Sequence[str]) -> bool:
    """Whether hours reach into the next day."""
    start, end = hours_read(pair)
    return end <= start and end != time.min


def days_touched(weekdays: Sequence[int], hours: Sequence[Sequence[str]]) -> set[int]:
    """The days of the week on which something may be used at some hour."""
    days = set(weekdays or range(1, 8))
    if any(map(hours_are_overnight, hours)):
        days |= {day % 7 + 1 for day in days}
    return days
