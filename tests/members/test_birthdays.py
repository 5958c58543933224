"""Which day a birthday is, and what rules may ask about it."""

from datetime import date, datetime

import pytest

from config.kernel.clock import SHANGHAI
from members.birthdays import Birthday, BirthdayInvalid, birthday_fact, born_on

TODAY = date(2026, 11, 22)


def at(*moment):
    return datetime(*moment, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    "told", [(2, 29, None), (2, 29, 2024), (12, 31, 1900), (11, 22, 2026), (1, 31, None)]
)
def test_a_day_of_the_calendar_is_a_birthday(told):
    month, day, year = told
    assert Birthday.read(*told, today=TODAY) == Birthday(month, day, year)


@pytest.mark.parametrize(
    "told",
    [
        (2, 30, None),
        (4, 31, None),
        (13, 1, None),
        (0, 1, None),
        (1, 0, None),
        (2, 29, 2025),
        (12, 31, 1899),
        (11, 23, 2026),
        (1, 1, 10_000),
        (1, 1, 2**70),
        (-1, 5, None),
    ],
)
def test_what_no_calendar_has_or_is_still_to_come_is_none(told):
    with pytest.raises(BirthdayInvalid):
        Birthday.read(*told, today=TODAY)


def test_the_leap_day_is_the_28th_in_years_without_it():
    born = Birthday(2, 29)
    assert [born.in_year(y) for y in (2024, 2026)] == [date(2024, 2, 29), date(2026, 2, 28)]
    assert born_on(date(2026, 2, 28)) == [(2, 28), (2, 29)]
    assert born_on(date(2024, 2, 28)) == [(2, 28)]
    assert born_on(date(2024, 2, 29)) == [(2, 29)]
    assert born_on(date(2026, 3, 1)) == [(3, 1)]


@pytest.mark.parametrize(
    ("born", "moment", "holds"),
    [
        (Birthday(11, 22), at(2026, 11, 22, 0, 0), {"day", "month"}),
        (Birthday(11, 22), at(2026, 11, 22, 23, 59), {"day", "month"}),
        (Birthday(11, 22), at(2026, 11, 23, 0, 0), {"month"}),
        (Birthday(11, 22), at(2026, 12, 1, 0, 0), set()),
        (Birthday(2, 29), at(2026, 2, 28, 12, 0), {"day", "month"}),
        (Birthday(2, 29), at(2026, 3, 1, 12, 0), set()),
        (None, at(2026, 11, 22, 12, 0), set()),
    ],
)
def test_what_rules_may_ask(born, moment, holds):
    assert birthday_fact(born, moment) == holds
