"""Tags on the operations site: on a member's page, for many at once, and whose tags they are."""

import pytest
from django.urls import reverse

from config.kernel.models import Batch
from members.models import MemberTag, Tag
from members.selectors_tags import member_tags
from tests.factories import make_member, make_staff, make_store, staff_client

pytestmark = pytest.mark.django_db
LIST = "/admin/members/member/"


def command(member, name):
    return reverse("admin:members_member_command", args=[member.pk, name])


def client_of(role, now, **bound):
    return staff_client(make_staff(role=role, since=now, **bound))


def test_a_tag_is_given_seen_and_taken_off_on_the_page(now):
    member = make_member()
    Tag.objects.create(code="tea", name="爱茶的人")
    client = client_of("service", now)

    answer = client.post(command(member, "tag"), {"tag": "tea", "reason": "门店问卷"})

    assert answer.status_code == 302
    row = MemberTag.objects.get()
    assert (row.member, row.reason, row.ended_at) == (member, "门店问卷", None)
    page = client.get(reverse("admin:members_member_change", args=[member.pk])).content.decode()
    assert "爱茶的人" in page and "门店问卷" in page
    client.post(command(member, "untag"), {"tag": "tea", "reason": "记错"})
    assert member_tags(member_id=member.pk) == []


def test_many_are_tagged_at_once(now):
    members = [make_member() for _n in range(3)]
    Tag.objects.create(code="tea", name="爱茶")
    client = client_of("headquarters", now)
    rows = {"_selected_action": [m.pk for m in members[:2]]}
    chosen = {**rows, "action": "bulk-tag", "index": 0, "select_across": "0"}
    dialog = client.post(LIST, chosen)
    said = {**rows, "select_across": "0", "seen": dialog.context_data["seen"]}

    answer = client.post(f"{LIST}bulk/tag/", {**said, "tag": "tea", "reason": "茶会"})

    assert answer.status_code == 302
    assert Batch.objects.get().summary == {"done": 2, "refused": 0}
    assert [member_tags(member_id=m.pk) for m in members] == [["tea"], ["tea"], []]


def test_tags_of_other_operators_are_neither_shown_nor_taken(now):
    store = make_store()
    Tag.objects.create(code="ours", name="本店", operator=store.operator)
    Tag.objects.create(code="group", name="集团")
    Tag.objects.create(code="theirs", name="别家", operator=make_store().operator)
    Tag.objects.create(code="old", name="旧", archived_at=now)
    member = make_member(home_store=store)
    client = client_of("service", now, operator=store.operator)

    shown = client.get(command(member, "tag")).context_data["form"].fields["tag"].choices
    answer = client.post(command(member, "tag"), {"tag": "theirs", "reason": "越"})

    assert [code for code, _name in shown] == ["group", "ours"]
    assert (answer.status_code, MemberTag.objects.count()) == (200, 0)
    client.post(command(member, "tag"), {"tag": "ours", "reason": "常客"})
    assert member_tags(member_id=member.pk) == ["ours"]


@pytest.mark.parametrize("role", ["finance", "auditor"])
def test_not_everybody_tags(now, role):
    member = make_member()
    Tag.objects.create(code="tea", name="爱茶")
    answer = client_of(role, now).post(command(member, "tag"), {"tag": "tea", "reason": "茶"})
    assert (answer.status_code, MemberTag.objects.count()) == (403, 0)
