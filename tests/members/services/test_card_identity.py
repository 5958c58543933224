from datetime import timedelta

import pytest
from django.db import connection

from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import NotFound
from config.kernel.models import Event
from members import identity
from members.identity import CardIdentityInvalid
from members.models import CardIdentity
from members.services.card_identity import (
    card_identities_erase,
    card_identity_record,
    card_identity_reveal,
)
from tests.factories import make_member, make_user

pytestmark = pytest.mark.django_db
ZHANG = {"name": "张三丰", "number": "11010519491231002X"}
OTHER = {"name": "张三丰", "number": "440308199901101512"}
COMPANY = {"name": "申悦百货有限公司", "number": "91350100M000100Y43", "kind": "company"}


def enter(member, now, **fields):
    return card_identity_record(
        member_id=member and member.pk, actor=SYSTEM, now=now, **{**ZHANG, **fields}
    )


def test_a_person_is_entered_sealed_and_shown_masked(now):
    row = enter(make_member(), now)
    assert (row.masked, str(row)) == ("张** ****002X", "张** ****002X")
    assert row.keep_until == now + timedelta(days=5 * 366)
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(i)::text FROM members_cardidentity i")
        stored = cursor.fetchone()[0]
    assert "三丰" not in stored and "11010519491231" not in stored
    assert Event.objects.get(kind="members.card_identity_recorded").payload == {}


def test_the_same_document_again_changes_nothing(now):
    member = make_member()
    first = enter(member, now)
    assert enter(member, now + timedelta(days=1), number="11010519491231002x") == first
    assert Event.objects.filter(kind="members.card_identity_recorded").count() == 1


def test_another_document_replaces_it_and_the_old_entry_stays(now):
    member = make_member()
    first = enter(member, now)
    second = enter(member, now + timedelta(days=1), **OTHER)
    first.refresh_from_db()
    assert (first.replaced_at, second.replaced_at) == (now + timedelta(days=1), None)
    assert first.fingerprint != second.fingerprint


def test_one_document_of_two_members_has_one_fingerprint(now):
    assert enter(make_member(), now).fingerprint == enter(make_member(), now).fingerprint


def test_a_company_needs_no_member(now):
    row = enter(None, now, **COMPANY)
    assert (row.kind, row.member, row.masked) == ("company", None, "申** ****0Y43")
    with pytest.raises(NotFound):
        enter(None, now)


@pytest.mark.parametrize(
    "wrong",
    [
        {"number": "110105194912310021"},
        {"number": "11010519491231002"},
        {"number": ""},
        {"name": " "},
        {"name": "张" * 81},
        {"kind": "company"},
        {"kind": "company", "number": "91350100M000100Y44"},
    ],
)
def test_what_cannot_be_right_is_refused(now, wrong):
    member = make_member()
    with pytest.raises(CardIdentityInvalid) as refused:
        enter(member, now, **wrong)
    assert refused.value.code == "card_identity_invalid"
    assert not CardIdentity.objects.exists()


def test_who_looks_at_it_is_on_record(now):
    row = enter(make_member(), now)
    looker = make_user()
    seen = card_identity_reveal(
        identity_id=row.pk, reason="refund", actor=Actor.user(looker), now=now
    )
    assert seen == ("张三丰", "11010519491231002X")
    event = Event.objects.get(kind="members.card_identity_revealed")
    assert (event.subject_id, event.reason, event.actor_id) == (row.pk, "refund", str(looker.pk))
    with pytest.raises(NotFound):
        card_identity_reveal(identity_id=0, reason="x", actor=SYSTEM, now=now)


def test_a_new_key_goes_in_front_and_the_old_one_still_opens(now, settings):
    settings.CARD_IDENTITY_KEYS = ["old"]
    row = enter(make_member(), now)
    settings.CARD_IDENTITY_KEYS = ["new", "old"]
    assert identity.unseal(row.name_sealed) == "张三丰"
    assert identity.fingerprint(ZHANG["number"]) == row.fingerprint
    settings.CARD_IDENTITY_KEYS = ["new"]
    with pytest.raises(CardIdentityInvalid):
        identity.unseal(row.name_sealed)


def test_when_the_law_no_longer_wants_it_the_person_goes_and_the_row_stays(now):
    member = make_member()
    row = enter(member, now)
    bought = enter(make_member(), now)
    end = row.keep_until
    bought.keep_until = end + timedelta(days=30)
    bought.save()

    assert card_identities_erase(actor=SYSTEM, now=end - timedelta(seconds=1)) == 0
    assert card_identities_erase(actor=SYSTEM, now=end) == 1
    assert card_identities_erase(actor=SYSTEM, now=end) == 0

    row.refresh_from_db()
    assert (row.member, row.replaced_at) == (member, end)
    assert {row.name_sealed, row.number_sealed, row.fingerprint, row.masked} == {""}
    bought.refresh_from_db()
    assert bought.masked == "张** ****002X"
    assert Event.objects.get(kind="members.card_identity_erased").subject_id == row.pk
    with pytest.raises(NotFound):
        card_identity_reveal(identity_id=row.pk, reason="?", actor=SYSTEM, now=end)
    # And they may be entered again.
    assert enter(member, end).masked == "张** ****002X"
