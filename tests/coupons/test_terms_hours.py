"""Hours of discounts: when they begin and end, past midnight too, and what cannot be hours."""

from datetime import datetime

import pytest
from django.core.exceptions import ValidationError

from config.kernel.clock import SHANGHAI
from coupons.terms import DiscountTerms, days_touched, terms_read
from tests.factories import make_template

# 2026-11-20 is a Friday.
FRIDAY, SATURDAY, SUNDAY, MONDAY = 20, 21, 22, 23


def terms(hours: list[list[str]], weekdays: tuple[int, ...] = ()) -> DiscountTerms:
    return terms_read((0, [], "order", 1, None, [], 100, weekdays, hours))


def at(day: int, clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day}T{clock}").replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("hours", "clock", "is_open"),
    [
        (["10:00", "24:00"], "09:59:59", False),
        (["10:00", "24:00"], "10:00:00", True),
        (["10:00", "24:00"], "23:59:59.999999", True),
        (["10:00", "24:00"], "00:00:00", False),
        (["10:00", "00:00"], "23:59:59", True),
        (["00:00", "24:00"], "00:00:00", True),
        (["00:00", "24:00"], "23:59:59", True),
        (["22:00", "02:00"], "21:59:59", False),
        (["22:00", "02:00"], "22:00:00", True),
        (["22:00", "02:00"], "00:00:00", True),
        (["22:00", "02:00"], "01:59:59", True),
        (["22:00", "02:00"], "02:00:00", False),
        (["10:00", "14:00"], "13:59:59", True),
        (["10:00", "14:00"], "14:00:00", False),
    ],
)
def test_hours_hold_to_their_end(hours, clock, is_open):
    assert terms([hours]).open_at(at(FRIDAY, clock)) is is_open


@pytest.mark.parametrize(
    ("day", "clock", "is_open"),
    [
        (FRIDAY, "01:00", False),  # Thursday's night
        (FRIDAY, "22:30", True),
        (SATURDAY, "01:00", True),  # Friday's night
        (SATURDAY, "22:30", False),
        (SUNDAY, "22:30", True),
        (MONDAY, "01:59", True),  # Sunday's night: the week goes on
        (MONDAY, "22:30", False),
    ],
)
def test_a_night_belongs_to_the_day_on_which_it_begins(day, clock, is_open):
    assert terms([["22:00", "02:00"]], weekdays=(5, 7)).open_at(at(day, clock)) is is_open


def test_a_night_touches_the_day_after_it():
    assert days_touched([7], [["22:00", "02:00"]]) == {7, 1}
    assert days_touched([7], [["22:00", "24:00"]]) == {7}
    assert days_touched([], [["10:00", "14:00"]]) == set(range(1, 8))


@pytest.mark.django_db
@pytest.mark.parametrize(
    "hours",
    [[["10:00", "10:00"]], [["00:00", "00:00"]], [["24:00", "02:00"]], [["10:00", "25:00"]]],
)
def test_what_cannot_be_hours_is_refused(hours):
    template = make_template()
    template.hours = hours

    with pytest.raises(ValidationError) as raised:
        template.full_clean()

    assert list(raised.value.message_dict) == ["hours"]


@pytest.mark.django_db
@pytest.mark.parametrize("hours", [[["10:00", "24:00"], ["22:00", "02:00"]], [["00:00", "24:00"]]])
def test_midnight_and_nights_are_hours(hours):
    template = make_template()
    template.hours = hours

    template.full_clean()
