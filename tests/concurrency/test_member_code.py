"""A member's code is used at one desk, and its visit pays for one ticket."""

import time
from functools import partial

import pytest

from members import guards_code
from members.guards_code import MemberCodeUsed, Visit, VisitOver, member_code_use, visit_spend
from members.member_codes import keyed_hash
from members.models import MemberCode
from members.services.member_code_issue import member_code_issue
from tests.concurrency.race import failed, race, succeeded
from tests.factories import make_member

pytestmark = pytest.mark.django_db(transaction=True)
DESKS = [f"terminal:TM{n}" for n in range(6)]


def look_then_write(sql, **values):
    """How it is done without a guard: read whether it is free, then write it down."""
    if sql == guards_code._USE:
        row = MemberCode.objects.get(token_hash=values["hash"])
        if row.used_at is not None:
            return None
        time.sleep(0.3)
        MemberCode.objects.filter(pk=row.pk).update(
            used_at=values["now"],
            used_by=values["by"],
            visit=values["visit"],
            visit_until=values["until"],
        )
        return (row.member_id,)
    row = MemberCode.objects.get(visit=values["visit"])
    if row.spent_at is not None:
        return None
    time.sleep(0.3)
    MemberCode.objects.filter(pk=row.pk).update(spent_at=values["now"])
    return (row.member_id,)


def uses(code, now):
    return [partial(member_code_use, scanned=code.token, by=by, now=now) for by in DESKS]


def test_one_code_at_several_desks_at_once(now):
    code = member_code_issue(member_id=make_member().pk, now=now)

    results = race(uses(code, now))

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {MemberCodeUsed}
    row = MemberCode.objects.get(token_hash=keyed_hash(code.token))
    assert row.visit == succeeded(results)[0].visit
    assert row.used_by == DESKS[results.index(succeeded(results)[0])]


def test_control_without_the_guard_one_code_is_used_at_several_desks(now, monkeypatch):
    code = member_code_issue(member_id=make_member().pk, now=now)
    monkeypatch.setattr(guards_code, "_row", look_then_write)

    results = race(uses(code, now))

    assert len([r for r in results if isinstance(r, Visit)]) > 1


def spends(now):
    code = member_code_issue(member_id=make_member().pk, now=now)
    visit = member_code_use(scanned=code.token, by=DESKS[0], now=now).visit
    return [partial(visit_spend, visit=visit, by=DESKS[0], now=now)] * 6


def test_one_visit_pays_once(now):
    results = race(spends(now))

    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {VisitOver}


def test_control_without_the_guard_one_visit_pays_several_times(now, monkeypatch):
    calls = spends(now)
    monkeypatch.setattr(guards_code, "_row", look_then_write)

    assert len(succeeded(race(calls))) > 1
