"""Points set aside, spent, released, given back."""

from datetime import timedelta

import pytest
from django.db import transaction

from config.kernel.actors import SYSTEM
from config.kernel.errors import NotFound
from config.kernel.models import Event
from members.guards_points import (
    PointsHoldNotOpen,
    PointsShort,
    points_capture,
    points_hold,
    points_release,
    points_spend,
)
from members.models import PointHold, PointLot
from members.selectors import points_balance
from members.services.points_expire import points_expire
from members.services.points_refund import PointsRefundTooLarge, points_refund
from members.services.points_settle import PointsTarget, points_settle
from members.tasks import point_holds_expire
from stores.ledger import DuplicateTransfer
from stores.models import Account, Transfer
from tests.factories import make_member, publish_policy

pytestmark = pytest.mark.django_db
BODY = {"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30}


@pytest.fixture
def member(now):
    """100 points that end in ten days, 50 that end in a hundred, 70 that end in a year."""
    publish_policy(kind="points", body=BODY, effective_from=now - timedelta(days=500))
    member = make_member()
    earn(member, 5_000, now, "B", ends_in=100)
    earn(member, 10_000, now, "A", ends_in=10)
    earn(member, 7_000, now, "C", ends_in=365)
    return member


def earn(member, fen, now, reference, ends_in=365):
    moment = now - timedelta(days=365 - ends_in)
    points_settle([PointsTarget(member.pk, member.no, reference, fen, moment)], now=now)


def hold(member, points, now, reference="SO1", minutes=15):
    return points_hold(
        member_id=member.pk,
        points=points,
        reference=reference,
        expires_at=now + timedelta(minutes=minutes),
        actor=SYSTEM,
        now=now,
    )


def spend(member, points, now, reference="SO1"):
    points_spend(member_id=member.pk, points=points, reference=reference, actor=SYSTEM, now=now)


def refund(points, now, key="RF1", reference="SO1"):
    return points_refund(reference=reference, points=points, key=key, actor=SYSTEM, now=now)


def lots(member):
    """(reference, remaining, held), the first to end first."""
    rows = PointLot.objects.filter(member=member).order_by("expires_at", "pk")
    return [(x.reference, x.remaining_points, x.held_points) for x in rows]


def account(member):
    row = Account.objects.get(code=f"points:{member.no}")
    return row.balance, row.held


def test_what_ends_first_is_set_aside_first(member, now, django_assert_num_queries):
    with django_assert_num_queries(3):
        pk = hold(member, 120, now)
    assert lots(member) == [("A", 100, 100), ("B", 50, 20), ("C", 70, 0)]
    assert account(member) == (220, 120)
    row = PointHold.objects.get(pk=pk)
    assert (row.state, row.points, row.reference) == ("open", 120, "SO1")
    event = Event.objects.get(kind="members.point_hold_changed")
    assert (event.subject_id, event.from_state, event.to_state, event.payload) == (
        pk,
        "",
        "open",
        {"member_id": member.pk, "points": 120},
    )


def test_what_is_captured_leaves_its_lots(member, now):
    hold(member, 120, now)
    assert points_capture(reference="SO1", actor=SYSTEM, now=now) == 120
    assert lots(member) == [("A", 0, 0), ("B", 30, 0), ("C", 70, 0)]
    assert account(member) == (100, 0)
    row = Transfer.objects.get(code="points.spend")
    assert (row.credit.code, row.amount, row.reference) == ("points.spent", 120, "SO1")
    with pytest.raises(DuplicateTransfer), transaction.atomic():
        points_capture(reference="SO1", actor=SYSTEM, now=now)


def test_what_is_released_is_the_members_again_once(member, now):
    hold(member, 120, now)
    assert points_release(reference="SO1", actor=SYSTEM, now=now) == 120
    assert points_release(reference="SO1", actor=SYSTEM, now=now) == 0
    assert points_release(reference="SO9", actor=SYSTEM, now=now) == 0
    assert lots(member) == [("A", 100, 0), ("B", 50, 0), ("C", 70, 0)]
    assert account(member) == (220, 0)


@pytest.mark.parametrize("end", ["released", "never held"])
def test_what_is_not_set_aside_is_not_captured(member, now, end):
    if end == "released":
        hold(member, 120, now)
        points_release(reference="SO1", actor=SYSTEM, now=now)
    with pytest.raises(PointsHoldNotOpen), transaction.atomic():
        points_capture(reference="SO1", actor=SYSTEM, now=now)
    assert account(member) == (220, 0)


def test_more_than_there_is_changes_nothing(member, now):
    with pytest.raises(PointsShort), transaction.atomic():
        hold(member, 221, now)
    with pytest.raises(PointsShort), transaction.atomic():
        hold(make_member(), 1, now)
    with pytest.raises(ValueError, match="above zero"):
        hold(member, 0, now)
    assert (lots(member)[0], account(member)) == (("A", 100, 0), (220, 0))
    assert not PointHold.objects.exists()


def test_what_is_set_aside_is_not_there_for_another(member, now):
    hold(member, 200, now)
    with pytest.raises(PointsShort), transaction.atomic():
        hold(member, 21, now, "SO2")
    hold(member, 20, now, "SO3")
    with pytest.raises(DuplicateTransfer), transaction.atomic():
        hold(member, 1, now, "SO3")
    assert account(member) == (220, 220)


def test_what_has_expired_is_not_spent(member, now):
    later = now + timedelta(days=10)
    with pytest.raises(PointsShort), transaction.atomic():
        hold(member, 121, later)
    hold(member, 120, later)
    assert lots(member) == [("A", 100, 0), ("B", 50, 50), ("C", 70, 70)]


def test_a_hold_that_nobody_ended_ends_by_itself(member, now, clock_at):
    hold(member, 120, now, "SO1", minutes=15)
    hold(member, 10, now, "SO2", minutes=30)
    clock_at(now + timedelta(minutes=15))
    point_holds_expire()
    assert account(member) == (220, 10)
    assert dict(PointHold.objects.values_list("reference", "state")) == {
        "SO1": "expired",
        "SO2": "open",
    }


def test_a_lot_ends_but_for_what_is_set_aside_of_it(member, now):
    hold(member, 60, now)
    later = now + timedelta(days=10)
    assert points_expire(now=later) == 1
    assert points_expire(now=later) == 0
    assert lots(member) == [("A", 60, 60), ("B", 50, 0), ("C", 70, 0)]
    points_release(reference="SO1", actor=SYSTEM, now=later)
    assert points_expire(now=later) == 1
    assert lots(member) == [("A", 0, 0), ("B", 50, 0), ("C", 70, 0)]
    amounts = Transfer.objects.filter(code="points.expire").order_by("pk")
    assert list(amounts.values_list("amount", "credit__code")) == [
        (40, "points.expired"),
        (60, "points.expired"),
    ]


def test_a_clawback_leaves_what_is_set_aside(member, now):
    hold(member, 220, now)
    earn(member, 0, now, "A", ends_in=10)
    assert points_balance(member.pk) == (220, 100)
    points_release(reference="SO1", actor=SYSTEM, now=now)
    earn(member, 0, now, "C")
    assert lots(member) == [("A", 100, 0), ("B", 50, 0), ("C", 0, 0)]
    assert points_balance(member.pk) == (150, 100)


def test_points_come_back_into_their_lots_the_last_taken_first(member, now):
    spend(member, 190, now)
    assert lots(member) == [("A", 0, 0), ("B", 0, 0), ("C", 30, 0)]
    assert refund(60, now, "RF1") == 60
    assert lots(member) == [("A", 0, 0), ("B", 20, 0), ("C", 70, 0)]
    assert account(member) == (90, 0)
    row = Transfer.objects.get(code="points.return")
    assert (row.amount, row.reverses.key) == (60, "points.spend:SO1")
    assert refund(30, now, "RF2") == 30
    assert lots(member) == [("A", 0, 0), ("B", 50, 0), ("C", 70, 0)]


def test_points_that_would_end_soon_live_thirty_days_more(member, now):
    spend(member, 100, now)
    assert refund(100, now) == 100
    again = PointLot.objects.latest("pk")
    assert (again.reference, again.remaining_points) == ("A", 100)
    assert again.expires_at == now + timedelta(days=30)
    # The refund of what earned them takes them first.
    earn(member, 0, now, "A", ends_in=10)
    assert points_balance(member.pk) == (120, 0)


def test_points_that_come_back_repay_a_debt_first(member, now):
    spend(member, 220, now)
    earn(member, 0, now, "C")
    assert points_balance(member.pk) == (0, 70)
    assert refund(100, now) == 30
    assert points_balance(member.pk) == (30, 0)
    repaid = Transfer.objects.get(code="points.repay")
    assert (repaid.debit.code, repaid.amount) == ("points.spent", 70)


def test_no_more_comes_back_than_was_spent_and_each_refund_once(member, now):
    spend(member, 100, now)
    refund(60, now, "RF1")
    with pytest.raises(PointsRefundTooLarge):
        refund(41, now, "RF2")
    with pytest.raises(DuplicateTransfer):
        refund(10, now, "RF1")
    with pytest.raises(ValueError, match="above zero"):
        refund(0, now, "RF3")
    with pytest.raises(NotFound):
        refund(1, now, "RF3", reference="SO9")
    assert PointHold.objects.get().refunded_points == 60
    assert account(member) == (180, 0)


def test_what_is_only_set_aside_is_not_given_back(member, now):
    hold(member, 100, now)
    with pytest.raises(NotFound):
        refund(1, now)
    assert account(member) == (220, 100)
