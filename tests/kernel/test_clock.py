"""The process clock follows the database's."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from config.kernel import clock


@pytest.fixture(autouse=True)
def _own_offset(monkeypatch):
    monkeypatch.setattr(clock, "_offset", timedelta(0))


def database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]


def calibrate() -> None:
    clock._calibrate(sender=None, connection=connection)


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [timedelta(hours=1), timedelta(hours=-1)])
def test_a_machine_that_is_an_hour_off_stamps_what_the_database_would(monkeypatch, wrong):
    right = timezone.now
    connection.ensure_connection()
    monkeypatch.setattr(timezone, "now", lambda: right() + wrong)

    calibrate()

    assert abs(clock.now() - database_time()) < timedelta(seconds=5)


@pytest.mark.django_db
def test_a_clock_that_agrees_is_left_alone():
    connection.ensure_connection()

    calibrate()

    assert clock._offset == timedelta(0)


@pytest.mark.django_db(transaction=True)
def test_a_new_connection_calibrates(monkeypatch):
    right = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: right() + timedelta(hours=1))
    connection.close()

    connection.ensure_connection()

    assert abs(clock._offset + timedelta(hours=1)) < timedelta(seconds=5)
