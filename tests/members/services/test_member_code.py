"""The code a member shows: a minute, one use, one payment, by who scanned it."""

from datetime import timedelta

import pytest

from members.guards_code import (
    MemberCodeInvalid,
    MemberCodeUsed,
    VisitOver,
    member_code_use,
    visit_spend,
)
from members.member_codes import code_read, digits_new
from members.models import MemberCode
from members.services.member_code_issue import member_code_issue
from members.services.visit_find import visit_find
from tests.factories import api_client, make_member

pytestmark = pytest.mark.django_db
TILL = "terminal:TM1"


def test_either_form_leads_to_the_member_once(now):
    member = make_member()
    for form in ("token", "digits"):
        code = member_code_issue(member_id=member.pk, now=now)
        visit = member_code_use(scanned=getattr(code, form), by=TILL, now=now)
        assert visit.member_id == member.pk
        assert visit.until == now + timedelta(minutes=10)
        for again in (code.token, code.digits):
            with pytest.raises(MemberCodeUsed):
                member_code_use(scanned=again, by=TILL, now=now)


def test_a_code_lives_for_sixty_seconds(now):
    code = member_code_issue(member_id=make_member().pk, now=now)
    assert code.expires_at == now + timedelta(seconds=60)

    with pytest.raises(MemberCodeInvalid):
        member_code_use(scanned=code.token, by=TILL, now=now + timedelta(seconds=60))
    assert MemberCode.objects.get().used_at is None
    assert member_code_use(scanned=code.token, by=TILL, now=now + timedelta(seconds=59))


def test_a_code_is_read_however_a_scanner_types_it(now):
    code = member_code_issue(member_id=make_member().pk, now=now)
    shown = " ".join(code.digits[i : i + 4] for i in range(0, 16, 4))

    assert code_read(f" {shown}\n") == code.digits
    assert code_read(code.token.lower()) == code.token
    assert len(code.token) == 26
    assert len(code.digits) == 16
    assert code.digits[0] == "9"


def test_every_mistyped_digit_and_every_swap_of_neighbours_is_refused():
    digits = digits_new()
    for place in range(16):
        for other in set("0123456789") - {digits[place]}:
            assert code_read(digits[:place] + other + digits[place + 1 :]) is None
    for place in range(15):
        swapped = digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
        assert code_read(swapped) == (digits if swapped == digits else None)


@pytest.mark.parametrize("nonsense", ["", "0", "9" * 15, "９" * 16, "IIIIIIIIIIIIIIIIIIIIIIIIII"])
def test_what_is_no_code_is_refused(nonsense, now):
    with pytest.raises(MemberCodeInvalid):
        member_code_use(scanned=nonsense, by=TILL, now=now)


def test_nothing_of_a_code_is_kept_that_could_be_shown(now):
    code = member_code_issue(member_id=make_member().pk, now=now)

    kept = " ".join(str(v) for v in MemberCode.objects.values().get().values())
    assert code.token not in kept
    assert code.digits not in kept


def test_a_visit_pays_once_where_the_code_was_scanned_and_in_time(now):
    member = make_member()
    code = member_code_issue(member_id=member.pk, now=now)
    visit = member_code_use(scanned=code.token, by=TILL, now=now).visit

    for by, moment in (("terminal:TM2", now), (TILL, now + timedelta(minutes=10))):
        for ask in (visit_find, visit_spend):
            with pytest.raises(VisitOver):
                ask(visit=visit, by=by, now=moment)
    assert visit_find(visit=visit, by=TILL, now=now) == member.pk
    assert visit_spend(visit=visit, by=TILL, now=now) == member.pk
    for ask in (visit_find, visit_spend):
        with pytest.raises(VisitOver):
            ask(visit=visit, by=TILL, now=now)


def test_who_has_gone_has_no_code(now):
    member = make_member()
    code = member_code_issue(member_id=member.pk, now=now)
    type(member).objects.filter(pk=member.pk).update(archived_at=now)

    with pytest.raises(MemberCodeInvalid):
        member_code_use(scanned=code.token, by=TILL, now=now)


def test_what_nobody_can_use_any_more_is_cleared_away(now):
    member = make_member()
    old = member_code_issue(member_id=member.pk, now=now - timedelta(hours=2))
    kept = member_code_issue(member_id=member.pk, now=now - timedelta(seconds=30))
    fresh = member_code_issue(member_id=member.pk, now=now)

    assert MemberCode.objects.count() == 2
    with pytest.raises(MemberCodeInvalid):
        member_code_use(scanned=old.token, by=TILL, now=now)
    for code in (kept, fresh):
        assert member_code_use(scanned=code.token, by=TILL, now=now)


def test_members_ask_for_their_code(now, django_assert_num_queries):
    member = make_member()
    client = api_client(member)

    with django_assert_num_queries(2):
        answer = client.post("/api/v1/me/code")
    assert answer.status_code == 201
    assert set(answer.json()) == {"token", "digits", "expires_at"}
    assert member_code_use(scanned=answer.json()["digits"], by=TILL, now=now).member_id == member.pk
    assert api_client().post("/api/v1/me/code").status_code == 401
