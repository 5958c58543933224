"""When people shop: weekdays, hours, festivals. Percentages are of an ordinary day. Pure."""

import random
from bisect import bisect_right
from datetime import date, datetime, time, timedelta
from itertools import accumulate

from config.kernel.clock import SHANGHAI

# Monday first; the sum is seven ordinary days.
_WEEKDAYS = (80, 78, 82, 88, 110, 136, 126)
_HOLIDAY_WEEKDAY = 124

# Festivals that follow the moon, from the tables of the Purple Mountain Observatory.
_SPRING = ("2025-01-29", "2026-02-17", "2027-02-06", "2028-01-26", "2029-02-13", "2030-02-03")
_DRAGON_BOAT = ("2025-05-31", "2026-06-19", "2027-06-09", "2028-05-28", "2029-06-16", "2030-06-05")
_QIXI = ("2025-08-29", "2026-08-19", "2027-08-08", "2028-08-26", "2029-08-16", "2030-08-05")
_MID_AUTUMN = ("2025-10-06", "2026-09-25", "2027-09-15", "2028-10-03", "2029-09-22", "2030-09-12")

# (first day before it, last day after it, percent); the first that fits counts.
_Window = tuple[int, int, int]
_MOVING: tuple[tuple[tuple[str, ...], tuple[_Window, ...]], ...] = (
    (_SPRING, ((0, 2, 55), (3, 7, 115), (-2, -1, 85), (-14, -3, 140))),
    (_MID_AUTUMN, ((0, 2, 125), (-10, -1, 120))),
    (_DRAGON_BOAT, ((0, 2, 115), (-5, -1, 108))),
    (_QIXI, ((-1, 0, 125),)),
)
# (month, first day, last day, percent)
_FIXED = (
    (11, 11, 11, 190),
    (11, 1, 12, 106),
    (12, 12, 12, 150),
    (6, 18, 18, 180),
    (6, 1, 17, 110),
    (10, 1, 7, 130),
    (5, 1, 5, 130),
    (1, 1, 3, 120),
    (12, 24, 25, 118),
    (4, 4, 6, 104),
)
_FREE = ((1, 1, 1), (4, 4, 6), (5, 1, 5), (10, 1, 7))

# Visits per hour from six in the morning; mini-programs never close.
_HOURS = (1, 2, 3, 5, 7, 9, 11, 8, 7, 7, 7, 8, 9, 12, 13, 10, 5, 2)
_WEEKEND_HOURS = (1, 1, 2, 5, 8, 10, 11, 10, 11, 11, 10, 9, 9, 11, 12, 9, 5, 2)
_FIRST_HOUR = 6

# Shelf (a prefix of its code) → percent, by month and by festival ahead.
_SEASONS: dict[int, dict[str, int]] = {
    1: {"wear-top": 130, "home-bed": 120},
    3: {"food-tea": 150},
    4: {"food-tea": 180},
    6: {"home-bed": 120, "kitchen-cup": 130},
    7: {"kitchen-cup": 140, "care-skin": 130},
    8: {"care-skin": 130},
    11: {"wear-top": 140, "home-bed": 140, "care-skin": 120},
    12: {"wear-sock": 140, "kitchen-pot": 130},
}


def visits_expected(day: date, *, per_day: int) -> int:
    """How many orders an average ``day`` of its kind sees where ordinary days see ``per_day``."""
    weekday = _HOLIDAY_WEEKDAY if _is_free(day) else _WEEKDAYS[day.weekday()]
    return max(1, per_day * weekday * festival_percent(day) // 10_000)


def festival_percent(day: date) -> int:
    for dates, windows in _MOVING:
        for text in dates:
            distance = (day - date.fromisoformat(text)).days
            for first, last, percent in windows:
                if first <= distance <= last:
                    return percent
    for month, first, last, percent in _FIXED:
        if day.month == month and first <= day.day <= last:
            return percent
    return 100


def _is_free(day: date) -> bool:
    if any(day.month == month and first <= day.day <= last for month, first, last in _FREE):
        return True
    springs = (date.fromisoformat(text) for text in _SPRING)
    return any(0 <= (day - spring).days <= 6 for spring in springs)


def shelf_percent(day: date, shelf: str) -> int:
    """How much more of a category is wanted in this season."""
    if shelf == "food-gift":
        for dates in (_SPRING, _MID_AUTUMN):
            if any(-16 <= (day - date.fromisoformat(text)).days <= 0 for text in dates):
                return 500
        return 60
    return _SEASONS.get(day.month, {}).get(shelf, 100)


def midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=SHANGHAI)


def visit_moment(day: date, rng: random.Random) -> datetime:
    """A second of ``day`` at which somebody opens the mini-program."""
    hours = _WEEKEND_HOURS if day.weekday() >= 5 or _is_free(day) else _HOURS
    return midnight(day) + timedelta(
        hours=_FIRST_HOUR + weighted(rng, list(accumulate(hours))), seconds=rng.randrange(3600)
    )


def weighted(rng: random.Random, sums: list[int]) -> int:
    """An index, drawn by weights given as their running sums."""
    return bisect_right(sums, rng.randrange(sums[-1]))
