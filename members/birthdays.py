"""Birthdays: which day they are, and what rules may ask about them. Pure.

Who was born on 29 February has their birthday on the 28th in years that have no 29th: it stays
within its month, as rules of a month of birthdays expect.
"""

from calendar import isleap
from dataclasses import dataclass
from datetime import date, datetime

from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.errors import DomainError

# What the fact "birthday" holds for somebody: on the day both, in the month around it the second.
DAY, MONTH = "day", "month"
FIRST_YEAR = 1900
LEAP_DAY = (2, 29)


class BirthdayInvalid(DomainError):
    code = "birthday_invalid"
    message = _("This is no birthday.")


@dataclass(frozen=True, slots=True)
class Birthday:
    """A month and a day; the year where somebody told it."""

    month: int
    day: int
    year: int | None = None

    @classmethod
    def read(cls, month: int, day: int, year: int | None, *, today: date) -> "Birthday":
        """Raises BirthdayInvalid for a day that no calendar has, or that is still to come."""
        try:
            # Any leap year will do for who keeps theirs to themselves.
            told = date(2000 if year is None else year, month, day)
        except (ValueError, OverflowError):
            raise BirthdayInvalid() from None
        if year is not None and not (year >= FIRST_YEAR and told <= today):
            raise BirthdayInvalid()
        return cls(month, day, year)

    def in_year(self, year: int) -> date:
        if (self.month, self.day) == LEAP_DAY and not isleap(year):
            return date(year, 2, 28)
        return date(year, self.month, self.day)


def born_on(day: date) -> list[tuple[int, int]]:
    """(month, day) of those whose birthday ``day`` is."""
    days = [(day.month, day.day)]
    if days[0] == (2, 28) and not isleap(day.year):
        days.append(LEAP_DAY)
    return days


def birthday_fact(birthday: Birthday | None, moment: datetime) -> frozenset[str]:
    """What holds at ``moment``, by the calendar of Shanghai."""
    if birthday is None:
        return frozenset()
    today = clock.local_date(moment)
    if today.month != birthday.month:
        return frozenset()
    return frozenset({MONTH, DAY} if birthday.in_year(today.year) == today else {MONTH})
