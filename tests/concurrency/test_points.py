"""Points are spent, taken back and ended once, whoever does it at the same moment."""

from datetime import timedelta
from functools import partial

import pytest
from django.db import transaction

from config.kernel import locks
from config.kernel.actors import SYSTEM
from members import guards_points
from members.guards_points import (
    PointsHoldNotOpen,
    PointsShort,
    points_capture,
    points_hold,
    points_holds_expire,
    points_release,
    points_spend,
)
from members.models import PointLot
from members.selectors import points_balance
from members.services import points_refund as refunding
from members.services.points_expire import points_expire
from members.services.points_refund import points_refund
from members.services.points_settle import PointsTarget, points_settle
from stores.ledger import AccountSpec, DuplicateTransfer, accounts_ensure
from stores.models import Account
from tests.concurrency.race import failed, in_flight, race, succeeded, without_constraint
from tests.factories import make_member, publish_policy
from tests.planting import fired

BODY = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}


@pytest.fixture
def member(transactional_db, now):
    """100 points of a purchase that was paid a year ago but ten days."""
    publish_policy(kind="points", body=BODY, effective_from=now - timedelta(days=500))
    accounts_ensure(
        [AccountSpec("points.spent", "points"), AccountSpec("points.expired", "points")]
    )
    member = make_member()
    earn(member, 10_000, now)
    return member


def earn(member, fen, now, reference="SO0"):
    moment = now - timedelta(days=355)
    return points_settle([PointsTarget(member.pk, member.no, reference, fen, moment)], now=now)


def spends(member, points, now, references):
    return [
        partial(
            points_spend,
            member_id=member.pk,
            points=points,
            reference=reference,
            actor=SYSTEM,
            now=now,
        )
        for reference in references
    ]


def held(member, points, now, reference="SO1", minutes=15):
    return points_hold(
        member_id=member.pk,
        points=points,
        reference=reference,
        expires_at=now + timedelta(minutes=minutes),
        actor=SYSTEM,
        now=now,
    )


def unlocked(monkeypatch):
    monkeypatch.setattr(guards_points, "points_lock", lambda **member: None)
    monkeypatch.setattr(guards_points, "points_lock_holder", lambda **reference: None)


def test_two_orders_do_not_spend_the_last_points(member, now):
    results = race(spends(member, 60, now, [f"SO{n}" for n in range(1, 7)]))
    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {PointsShort}
    assert points_balance(member.pk) == (40, 0)


@pytest.mark.corrupts
def test_control_without_the_guard_two_orders_are_given_the_last_points(member, now, monkeypatch):
    """The lock, the account's cover and the lot's are one guard three times over."""
    unlocked(monkeypatch)

    monkeypatch.setattr(guards_points, "hold", lambda amounts: None)
    with without_constraint("members_pointlot", "members_pointlot_covers_holds"):
        results = in_flight(
            partial(held, member, 60, now, "SO1"), partial(held, member, 60, now, "SO2")
        )
        assert len(succeeded(results)) == 2
        assert PointLot.objects.get().held_points == 120


def test_one_order_spends_points_once(member, now):
    results = race(spends(member, 10, now, ["SO1"] * 5))
    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {DuplicateTransfer}
    assert points_balance(member.pk) == (90, 0)


def test_a_hold_of_points_ends_once_whoever_ends_it(member, now):
    held(member, 60, now, minutes=-1)
    end = {"reference": "SO1", "actor": SYSTEM, "now": now}
    capture, release = partial(points_capture, **end), partial(points_release, **end)
    expire = partial(points_holds_expire, now=now, limit=10, actor=SYSTEM)
    results = race([capture, release, expire, capture, release])
    assert {type(e) for e in failed(results)} <= {DuplicateTransfer, PointsHoldNotOpen}
    ended = [r for r in succeeded(results) if r]
    assert len(ended) == 1
    captured = 60 in (results[0], results[3])
    assert points_balance(member.pk) == ((40, 0) if captured else (100, 0))
    assert Account.objects.get(code=f"points:{member.no}").held == 0


def test_odoo_257854_a_clawback_waits_for_a_spend_and_what_is_gone_is_owed(member, now):
    (spend,) = spends(member, 60, now, ["SO1"])
    results = in_flight(spend, partial(earn, member, 0, now))
    assert failed(results) == []
    assert points_balance(member.pk) == (0, 60)


@pytest.mark.corrupts
def test_odoo_257854_control_without_the_lock_a_clawback_does_not_see_the_spend(
    member, now, monkeypatch
):
    monkeypatch.setattr(locks, "advisory", lambda namespace, ids: None)
    (spend,) = spends(member, 60, now, ["SO1"])
    results = in_flight(spend, partial(earn, member, 0, now))
    # It takes for free what was spent while it waited for the row: only the CHECK stops it.
    assert len(failed(results)) == 1
    assert points_balance(member.pk) == (40, 0)


def test_points_that_end_while_they_are_set_aside(member, now):
    later = now + timedelta(days=10)
    with transaction.atomic():
        held(member, 60, now, minutes=60 * 24 * 11)
    release = partial(points_release, reference="SO1", actor=SYSTEM, now=later)
    results = race([release, partial(points_expire, now=later)])
    assert failed(results) == []
    points_expire(now=later)
    assert points_balance(member.pk) == (0, 0)


def refunds(now):
    return [
        partial(points_refund, reference="SO1", points=40, key=f"RF{n}", actor=SYSTEM, now=now)
        for n in range(3)
    ]


def test_refunds_do_not_give_more_points_back_than_were_spent(member, now):
    spends(member, 60, now, ["SO1"])[0]()
    results = race(refunds(now))
    assert len(succeeded(results)) == 1
    assert {type(e) for e in failed(results)} == {refunding.PointsRefundTooLarge}
    assert points_balance(member.pk) == (80, 0)


@pytest.mark.corrupts
def test_control_without_the_lock_refunds_run_into_what_the_books_allow(member, now, monkeypatch):
    monkeypatch.setattr(refunding, "points_lock_holder", lambda **reference: None)
    spends(member, 60, now, ["SO1"])[0]()
    results = race(refunds(now))
    refused = {type(e) for e in failed(results)}
    # Judged on what was read before the other wrote: what refuses is the constraint behind it.
    assert refused
    assert refused != {refunding.PointsRefundTooLarge}
    assert fired() == []
