"""A birthday comes once a year, however many notice it; and moves once, however often asked."""

import time
from datetime import datetime, timedelta
from functools import partial

import pytest
from django.db import transaction
from django.db.models import Q
from django.db.utils import IntegrityError

from config.kernel.actors import SYSTEM
from config.kernel.clock import SHANGHAI
from config.kernel.models import Event
from members import guards_birthday
from members.models import Member, MemberBirthday
from members.services import birthday_set as service
from members.services.birthday_set import BirthdayFixed, birthday_set
from members.services.birthdays_notice import birthdays_notice
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_member

# Ahead of the clock: an event of the past that waits would be one that is stuck.
TODAY = datetime(2050, 5, 6, 12, tzinfo=SHANGHAI)


@pytest.fixture
def member(transactional_db):
    member = make_member()
    tell(member, 6, TODAY - timedelta(days=2))
    return member


def tell(member, day, now):
    return birthday_set(member_id=member.pk, month=5, day=day, actor=SYSTEM, now=now)


def at_once(calls):
    """Each commits a while after it is done, so that they overlap."""

    def slow(call):
        with transaction.atomic():
            result = call()
            time.sleep(0.3)
        return result

    return race([partial(slow, call) for call in calls])


def come():
    return Event.objects.filter(kind="members.birthday").count()


def test_however_many_notice_it_a_birthday_comes_once(member):
    results = at_once([partial(birthdays_notice, now=TODAY)] * 3)
    assert sorted(succeeded(results)) == [0, 0, 1]
    assert (MemberBirthday.objects.count(), come()) == (1, 1)


def test_control_without_the_guard_its_twin_fails(member, monkeypatch):
    unguarded = guards_birthday._COME.replace(guards_birthday.ONCE, "")
    monkeypatch.setattr(guards_birthday, "_COME", unguarded)
    results = at_once([partial(birthdays_notice, now=TODAY)] * 2)
    # The unique key behind it: one of them, and whoever else had their birthday with it, waits.
    assert [type(e) for e in failed(results)] == [IntegrityError]
    assert come() == 1


def test_of_two_changes_at_once_one_counts(member):
    later = TODAY + timedelta(days=400)
    results = at_once([partial(tell, member, day, later) for day in (20, 21)])
    assert [type(e) for e in failed(results)] == [BirthdayFixed]
    assert Event.objects.filter(kind="members.birthday_changed").count() == 2


def test_control_without_its_condition_both_changes_count(member, monkeypatch):
    def write(member_id, birthday, free, reason, actor, now):
        if not Member.objects.filter(free, pk=member_id).exists():
            return False
        time.sleep(0.3)
        return real(member_id, birthday, Q(), reason, actor, now)

    real = service._write
    monkeypatch.setattr(service, "_write", write)
    later = TODAY + timedelta(days=400)
    results = at_once([partial(tell, member, day, later) for day in (20, 21)])
    assert failed(results) == []
    assert Event.objects.filter(kind="members.birthday_changed").count() == 3
