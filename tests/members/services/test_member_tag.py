"""Tags on members: given once, taken off, on record; and for whom coupons are."""

import pytest
from django.db import IntegrityError, transaction

from config.kernel.actors import SYSTEM
from config.kernel.errors import NotFound
from config.kernel.models import Event
from members.models import Member, MemberTag, Tag
from members.selectors_tags import member_tags
from members.services.member_tag import TagUnknown, member_tag, member_untag
from tests.factories import make_member

pytestmark = pytest.mark.django_db


@pytest.fixture
def tea():
    return Tag.objects.create(code="tea", name="爱茶")


@pytest.fixture
def said(now):
    def of(member, code="tea"):
        known = {"member_id": member.pk, "tag_code": code, "reason": "问卷"}
        return {**known, "actor": SYSTEM, "now": now}

    return of


def events():
    found = Event.objects.filter(kind__in=["members.tagged", "members.untagged"]).order_by("pk")
    return list(found.values_list("kind", "subject_id", "reason", "payload"))


def test_a_tag_is_given_once_taken_off_and_given_again(tea, said, now):
    member = make_member()

    assert member_tag(**said(member)) is True
    assert member_tag(**said(member)) is False
    assert member_tags(member_id=member.pk) == ["tea"]
    assert member_untag(**said(member)) is True
    assert member_untag(**said(member)) is False
    assert member_tags(member_id=member.pk) == []
    assert member_tag(**said(member)) is True

    rows = MemberTag.objects.order_by("pk").values_list("since", "ended_at", "reason")
    assert list(rows) == [(now, now, "问卷"), (now, None, "问卷")]
    told = [(member.pk, "问卷", {"tag_id": tea.pk})] * 3
    kinds = ["members.tagged", "members.untagged", "members.tagged"]
    assert events() == [(kind, *rest) for kind, rest in zip(kinds, told, strict=True)]


def test_an_archived_tag_is_not_given_but_stays_and_comes_off(tea, said, now):
    has, other = make_member(), make_member()
    member_tag(**said(has))
    Tag.objects.update(archived_at=now)

    with pytest.raises(TagUnknown):
        member_tag(**said(other))

    assert member_tags(member_id=has.pk) == ["tea"]
    assert (member_tags(member_id=other.pk), len(events())) == ([], 1)
    assert member_untag(**said(has)) is True


def test_what_is_not_there_is_refused(tea, said, now):
    member = make_member()
    Member.objects.filter(pk=member.pk).update(archived_at=now)

    with pytest.raises(NotFound):
        member_tag(**said(member))
    for service in (member_tag, member_untag):
        with pytest.raises(TagUnknown):
            service(**said(member, "none"))

    assert (MemberTag.objects.count(), events()) == (0, [])


def test_a_member_has_a_tag_once(tea, now):
    member = make_member()
    MemberTag.objects.create(member=member, tag=tea, since=now)
    with pytest.raises(IntegrityError, match="members_membertag_one_live"), transaction.atomic():
        MemberTag.objects.create(member=member, tag=tea, since=now)
