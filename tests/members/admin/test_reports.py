"""What is owed on cards and points, and between operators: exact figures, for whoever may see."""

from datetime import timedelta
from functools import partial

import pytest
from django.urls import reverse

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from members.cards import card_split
from members.guards import card_spend
from members.guards_points import points_spend
from members.models import CardLot, PointLot
from members.selectors import card_lots
from members.selectors_reports import (
    Issuer,
    Pair,
    PointsDebt,
    PointsFlow,
    PointsOwed,
    card_clearing,
    card_issuers,
    card_liability,
    points_debt,
    points_flows,
    points_liability,
    quarter_start,
)
from members.services.card_close import card_close_refund
from members.services.card_identity import card_identity_record
from members.services.points_settle import PointsTarget, points_settle
from tests.factories import (
    make_card,
    make_member,
    make_operator,
    make_staff,
    make_topup,
    make_user,
    publish_policy,
    staff_client,
)

pytestmark = pytest.mark.django_db

STATEMENTS = 16


@pytest.fixture
def east():
    return make_operator(code="east", name="东区公司", kind="direct")


@pytest.fixture
def west():
    return make_operator(code="west", name="西区公司", kind="brand")


def spend(card, amount, at, now, reference):
    parts = card_split(card_lots(member_id=card.member_id), amount)
    card_spend(parts=parts, reference=reference, acceptor_code=at.code, now=now)


def report(name):
    return reverse("admin:members_report", args=[name])


def test_what_is_owed_by_issuer_product_and_age(east, west, now):
    card = make_card(make_member(), operator=east, principal_fen=50_000, bonus_fen=5_000, now=now)
    make_topup(card, principal_fen=10_000, bonus_fen=1_000, now=now)
    CardLot.objects.filter(pk=card.lots.first().pk).update(created_at=now - timedelta(days=400))
    make_card(make_member(), operator=west, principal_fen=20_000, bonus_fen=0, now=now)

    owed = card_liability(now=now, operator_ids=None)
    assert [(x.operator, x.age, x.lots, x.principal_fen, x.bonus_fen) for x in owed] == [
        ("东区公司", "90d", 1, 10_000, 1_000),
        ("东区公司", "3y", 1, 50_000, 5_000),
        ("西区公司", "90d", 1, 20_000, 0),
    ]
    assert [x.operator for x in card_liability(now=now, operator_ids=[west.pk])] == ["西区公司"]


def test_custody_is_of_the_principal_when_the_quarter_began(east, west, now):
    """No policy: 30% of a group's issuer, 40% of a brand's."""
    before = quarter_start(now) - timedelta(days=1)
    old = make_card(make_member(), operator=east, principal_fen=50_001, bonus_fen=0, now=before)
    new = make_card(make_member(), operator=west, principal_fen=20_000, bonus_fen=2_000, now=now)
    spend(old, 10_000, east, now, "SO1")
    card_identity_record(
        member_id=new.member_id, name="张三丰", number="11010519491231002X", actor=SYSTEM, now=now
    )
    card_close_refund(card_id=new.pk, reason="moving", actor=SYSTEM, now=now)

    asked = {"now": now, "operator_ids": None}
    issuers = card_issuers(
        owed=card_liability(**asked),
        since=quarter_start(now),
        until=now + timedelta(days=1),
        **asked,
    )
    assert issuers == [
        Issuer("东区公司", 40_001, 0, 50_001, 3_000, 15_000, 0, 0),
        Issuer("西区公司", 0, 0, 0, 4_000, 0, 20_000, 20_000),
    ]
    assert [x.invoiceable_fen for x in issuers] == [0, 0]


def test_operators_owe_each_other_the_difference(east, west, now):
    ours = make_card(make_member(), operator=east, principal_fen=50_000, bonus_fen=0, now=now)
    theirs = make_card(make_member(), operator=west, principal_fen=50_000, bonus_fen=0, now=now)
    spend(ours, 12_000, west, now, "SO1")
    spend(ours, 5_000, east, now, "SO2")
    spend(theirs, 30_000, east, now, "SO3")
    spend(ours, 900, west, now + timedelta(days=2), "SO4")

    asked = {"since": now, "until": now + timedelta(days=1)}
    [pair] = card_clearing(**asked, operator_ids=None)
    assert pair == Pair("东区公司", "西区公司", 12_000, 30_000)
    assert pair.net_fen == -18_000
    assert card_clearing(**asked, operator_ids=[make_operator().pk]) == []


@pytest.mark.corrupts
def test_points_by_the_month_they_expire_in(now):
    member = make_member()
    for n, (points, held, days) in enumerate([(100, 10, 1), (50, 0, 1), (70, 0, -1)]):
        PointLot.objects.create(
            member=member,
            reference=f"SO{n}",
            key=f"lot{n}",
            earned_points=100,
            remaining_points=points,
            held_points=held,
            earned_at=now,
            expires_at=now + timedelta(days=days),
        )
    month = f"{now + timedelta(days=1, hours=8):%Y-%m}"
    assert points_liability(now=now) == [PointsOwed(month, 1, 150, 10, 0)]


def test_points_that_are_owed_and_what_moved(now):
    publish_policy(
        kind="points",
        body={"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30},
    )
    spender, saver = make_member(), make_member()
    target = partial(PointsTarget, spender.pk, spender.no, "SO1")
    points_settle([target(10_000, now)], now=now)
    points_settle([PointsTarget(saver.pk, saver.no, "SO2", 5_000, now)], now=now)
    points_spend(member_id=spender.pk, points=80, reference="SO3", actor=SYSTEM, now=now)
    # given back after they were spent: 20 are taken, 80 are owed
    points_settle([target(0, now)], now=now)
    assert points_debt() == PointsDebt(1, 80)
    day = {"since": now - timedelta(hours=1), "until": now + timedelta(hours=1)}
    assert points_flows(**day) == [
        PointsFlow("points.clawback", 0, 20),
        PointsFlow("points.debt", 0, 80),
        PointsFlow("points.earn", 150, 0),
        PointsFlow("points.spend", 0, 80),
    ]
    # the next earnings repay it
    points_settle([PointsTarget(spender.pk, spender.no, "SO4", 3_000, now)], now=now)
    assert points_debt() == PointsDebt(1, 50)
    assert PointsFlow("points.repay", 30, 0) in points_flows(**day)
    assert points_flows(since=day["until"], until=day["until"] + timedelta(days=1)) == []

    client = staff_client(make_user(superuser=True))
    assert client.get(report("points")).status_code == 200
    answer = client.post(report("points"), {"format": "csv", "sheet": "totals"})
    assert answer.content.decode().strip().splitlines()[1] == "50,0,0.00,0,1,50,0"
    answer = client.post(report("points"), {"format": "csv", "sheet": "flows"})
    assert "积分欠额抵还,30,0" in answer.content.decode()


@pytest.mark.parametrize("name", ["liability", "clearing", "points"])
def test_a_report_costs_the_same_however_much_there_is(
    east, west, now, name, django_assert_max_num_queries
):
    client = staff_client(make_user(superuser=True))
    make_card(make_member(), operator=east, now=now)
    client.get(report(name))
    with django_assert_max_num_queries(STATEMENTS) as used:
        assert client.get(report(name)).status_code == 200
    for n in range(4):
        card = make_card(make_member(), operator=east, now=now)
        spend(card, 1_000, west, now, f"SO{n}")
    with django_assert_max_num_queries(len(used)):
        assert client.get(report(name)).status_code == 200


def test_finance_sees_its_operators_and_takes_them_away_on_record(east, west, now):
    make_card(make_member(), operator=east, principal_fen=50_000, bonus_fen=5_000, now=now)
    make_card(make_member(), operator=west, principal_fen=20_000, bonus_fen=0, now=now)
    client = staff_client(make_staff(role="finance", operator=east, since=now))
    page = client.get(report("liability")).content.decode()
    assert "东区公司" in page and "西区公司" not in page and "¥500.00" in page
    assert client.get(report("points")).status_code == 403

    answer = client.post(report("liability"), {"format": "csv", "sheet": "lots"})
    lines = answer.content.decode().strip().splitlines()
    assert len(lines) == 2
    assert lines[1].endswith(",1,500.00,50000,50.00,5000")
    taken = Event.objects.get(kind="kernel.exported").payload
    assert (taken["count"], taken["filters"]["report"]) == (1, ["liability"])
    answer = client.post(report("liability"), {"format": "xlsx", "sheet": "issuers"})
    assert answer["Content-Disposition"].endswith('.xlsx"')
    assert b"".join(answer.streaming_content).startswith(b"PK")
    for wrong in ({"format": "pdf", "sheet": "lots"}, {"format": "csv", "sheet": "x"}):
        assert client.post(report("liability"), wrong).status_code == 404
    for period in ("?since=2026-02-30", "?since=2026-03-02&until=2026-03-01"):
        assert client.get(report("clearing") + period).status_code == 404
    assert client.get(report("nothing")).status_code == 404


@pytest.mark.parametrize("role", ["service", "manager", "clerk"])
def test_the_books_are_not_everybodys(east, now, role):
    client = staff_client(make_staff(role=role, operator=east, since=now))
    for name in ("liability", "clearing", "points"):
        assert client.get(report(name)).status_code == 403
        assert client.post(report(name), {"format": "csv", "sheet": "lots"}).status_code == 403


def test_an_auditor_of_the_group_sees_points(now):
    client = staff_client(make_staff(role="auditor", since=now))
    assert client.get(report("points")).status_code == 200
