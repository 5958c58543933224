"""A tag is on a member once, whoever puts it there at the same moment."""

import time
from functools import partial

import pytest
from django.db import IntegrityError, transaction

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from members.models import MemberTag, Tag
from members.services.member_tag import member_tag
from tests.concurrency.race import failed, race
from tests.factories import make_member


def slow(call):
    """Commits a while after it is done, so that two overlap."""
    with transaction.atomic():
        result = call()
        time.sleep(0.3)
    return result


@pytest.fixture
def two(transactional_db, now):
    Tag.objects.create(code="tea", name="爱茶")
    given = {"member_id": make_member().pk, "tag_code": "tea", "reason": "", "actor": SYSTEM}
    return [partial(slow, partial(member_tag, **given, now=now)) for _n in range(2)]


def told():
    return MemberTag.objects.count(), Event.objects.filter(kind="members.tagged").count()


def test_of_two_at_once_one_gives_it_and_the_other_finds_it(two):
    assert sorted(race(two)) == [False, True]
    assert told() == (1, 1)


def test_without_looking_again_the_second_fails(two, monkeypatch):
    """The control: both look, neither finds it, and only the constraint is left."""

    def looked_once(*, defaults, **wanted):
        found = MemberTag.objects.filter(**wanted).first()
        return (found, False) if found else (MemberTag.objects.create(**wanted, **defaults), True)

    monkeypatch.setattr(MemberTag.objects, "get_or_create", looked_once)
    [error] = failed(race(two))
    assert isinstance(error, IntegrityError)
    assert told() == (1, 1)
