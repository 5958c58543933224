"""Each line of stored value and points sees the corruption it is there for, and it alone."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from members.cards import card_split
from members.guards import card_capture, card_hold, card_spend
from members.guards_points import points_hold, points_spend
from members.selectors import card_lots
from members.services.points_refund import points_refund
from members.services.points_settle import PointsTarget, points_settle
from stores.ledger import AccountSpec, Draft, accounts_ensure, post
from tests.factories import make_card, make_member, make_operator, publish_policy
from tests.planting import fired, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture
def card(now):
    """¥100 + ¥10 of the issuer, of which ¥11 is spent, ¥11 held and ¥11 was captured."""
    card = make_card(
        make_member(),
        principal_fen=10_000,
        bonus_fen=1_000,
        operator=make_operator(code="issuer"),
    )

    def parts():
        return card_split(card_lots(member_id=card.member_id), 1_100)

    card_spend(parts=parts(), reference="SO1", acceptor_code="shop", now=now)
    later = {"expires_at": now + timedelta(minutes=15), "actor": SYSTEM, "now": now}
    card_hold(card_id=card.pk, parts=parts(), reference="SO2", **later)
    card_capture(reference="SO2", acceptor_code="shop", actor=SYSTEM, now=now)
    card_hold(card_id=card.pk, parts=parts(), reference="SO3", **later)
    assert fired() == []
    return card


@pytest.fixture
def saver(now):
    """A member who earned 100 points, and one who owes 100."""
    publish_policy(
        kind="points",
        body={"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30},
    )
    member, debtor = make_member(), make_member()

    def settle(who, reference, base_fen):
        points_settle([PointsTarget(who.pk, who.no, reference, base_fen, now)], now=now)

    settle(member, "SO1", 10_000)
    settle(debtor, "SO2", 10_000)
    plant(
        f"UPDATE members_pointlot SET expires_at = now() - interval '1 day', remaining_points = 0"
        f" WHERE member_id = {debtor.pk}",
        table="members_pointlot",
    )
    ids = accounts_ensure(
        [
            AccountSpec(f"points:{debtor.no}", "points", guarded=True),
            AccountSpec("points.issued", "points"),
        ]
    )
    lost = Draft(ids[f"points:{debtor.no}"], ids["points.issued"], 100, "points.expire", "e1")
    post([lost], now=now)
    settle(debtor, "SO2", 0)
    assert fired() == []
    return member


def test_an_account_of_another_operator(card):
    stranger = make_operator()
    plant(
        f"UPDATE stores_account SET operator_id = {stranger.pk} WHERE code LIKE 'card.p:%'",
        table="stores_account",
    )
    assert fired() == ["card.accounts"]


def test_more_issued_than_the_law_allows(card):
    plant(
        "UPDATE stores_transfer SET amount = 500001 WHERE code = 'card.issue'",
        table="stores_transfer",
    )
    plant(
        "UPDATE stores_account SET balance = balance + 490001 WHERE code LIKE 'card.p:%'",
        table="stores_account",
    )
    assert fired() == ["card.limit"]


def test_a_limit_that_the_law_does_not_know(card):
    plant(
        "UPDATE members_cardproduct SET named = false",
        table="members_cardproduct",
        drop="members_cardproduct_within_limit",
    )
    assert fired() == ["card.limit"]


@pytest.mark.parametrize("what", ["frozen", "expired"])
def test_value_that_left_a_stopped_card(card, what):
    if what == "frozen":
        plant("UPDATE members_card SET state = 'frozen'", table="members_card")
        plant(
            "INSERT INTO kernel_event (kind, subject_type, subject_id, from_state, to_state,"
            " reason, actor_kind, actor_id, payload, occurred_at, relayed_at, attempts, last_error)"
            " SELECT kind, 'card', subject_id, 'active', 'frozen', '', 'system', '', '{}',"
            " occurred_at - interval '1 minute', occurred_at, 0, '' FROM kernel_event"
            " WHERE subject_type = 'card'",
            table="kernel_event",
        )
    else:
        plant(
            "UPDATE members_card SET expires_at = issued_at - interval '1 minute'",
            table="members_card",
        )
    assert fired() == ["card.nothing_leaves"]


def test_value_set_aside_for_nobody(card):
    plant(
        "UPDATE stores_account SET held = held + 1 WHERE code LIKE 'card.p:%'",
        table="stores_account",
    )
    assert fired() == ["card.held"]


def test_a_hold_that_outlives_its_order(card):
    plant(
        "UPDATE members_cardhold SET expires_at = now() - interval '61 minutes'"
        " WHERE reference = 'SO3'",
        table="members_cardhold",
    )
    assert fired() == ["card.hold_expiry"]


def test_a_hold_of_another_cards_value(card):
    other = make_card(card.member, operator=card.operator)
    plant(
        f"UPDATE members_cardhold SET card_id = {other.pk} WHERE reference = 'SO3'",
        table="members_cardhold",
    )
    assert fired() == ["card.hold_lines"]


def test_a_captured_hold_that_was_never_spent(card):
    plant(
        "UPDATE stores_transfer SET reference = 'SO9' WHERE reference = 'SO2'",
        table="stores_transfer",
    )
    assert fired() == ["card.hold_lines"]


def test_value_booked_under_another_name(card):
    plant(
        "UPDATE stores_transfer SET code = 'tip' WHERE reference = 'SO1'", table="stores_transfer"
    )
    assert fired() == ["card.outstanding"]


def test_card_sales_in_another_issuers_books(card):
    plant(
        "UPDATE stores_account SET code = 'sales.card:other:shop'"
        " WHERE code = 'sales.card:issuer:shop'",
        table="stores_account",
    )
    assert fired() == ["card.sales_by_issuer"]


def test_card_sales_that_no_card_paid(card, now):
    ids = accounts_ensure([AccountSpec("test:funding"), AccountSpec("sales.card:issuer:shop")])
    draft = Draft(ids["test:funding"], ids["sales.card:issuer:shop"], 1, "x", "x")
    post([draft], now=now)
    assert fired() == ["card.sales_by_issuer"]


def test_a_card_frozen_behind_our_back(card):
    plant("UPDATE members_card SET state = 'frozen'", table="members_card")
    assert fired() == ["card.states"]


def test_a_hold_ended_behind_our_back(card):
    plant(
        "UPDATE members_cardhold SET state = 'released' WHERE reference = 'SO2'",
        table="members_cardhold",
    )
    assert fired() == ["card_hold.states"]


@pytest.mark.parametrize("subject", ["card", "card_hold"])
def test_a_row_without_its_history(card, subject):
    plant(f"DELETE FROM kernel_event WHERE subject_type = '{subject}'", table="kernel_event")
    assert fired() == [f"{subject}.states"]


def test_points_without_lots(saver):
    plant(
        f"UPDATE members_pointlot SET remaining_points = 99 WHERE member_id = {saver.pk}",
        table="members_pointlot",
    )
    assert fired() == ["points.lots"]


def test_a_debt_in_credit(saver):
    plant(
        "UPDATE stores_transfer SET code = 'points.repay', debit_id = credit_id,"
        " credit_id = debit_id WHERE code = 'points.debt'",
        table="stores_transfer",
    )
    assert fired() == ["points.debt"]


@pytest.fixture
def spender(saver, now):
    """The member of 100 points: 20 were spent, 5 of them given back, 30 are set aside."""
    actor = {"actor": SYSTEM, "now": now}
    points_spend(member_id=saver.pk, points=20, reference="SO3", **actor)
    points_refund(reference="SO3", points=5, key="RF1", **actor)
    later = now + timedelta(minutes=15)
    points_hold(member_id=saver.pk, points=30, reference="SO4", expires_at=later, **actor)
    assert fired() == []
    return saver


@pytest.mark.parametrize(
    ("sql", "table", "code"),
    [
        (
            "UPDATE members_pointlot SET held_points = 29 WHERE held_points = 30",
            "members_pointlot",
            "points.held",
        ),
        (
            "UPDATE stores_account SET held = 29 WHERE code LIKE 'points:%' AND held = 30",
            "stores_account",
            "points.held",
        ),
        (
            "UPDATE members_pointlot SET expires_at = now() - interval '1 day'"
            " WHERE held_points = 30",
            "members_pointlot",
            "points.spent_in_time",
        ),
        (
            "UPDATE stores_transfer SET reference = 'SO9' WHERE code = 'points.spend'",
            "stores_transfer",
            "points.spent",
        ),
        (
            "UPDATE members_pointhold SET refunded_points = 6 WHERE reference = 'SO3'",
            "members_pointhold",
            "points.returned",
        ),
        (
            "UPDATE kernel_event SET from_state = '' WHERE subject_type = 'point_hold'"
            " AND to_state = 'captured'",
            "kernel_event",
            "point_hold.states",
        ),
    ],
)
def test_points_set_aside_spent_or_given_back_otherwise(spender, sql, table, code):
    plant(sql, table=table)
    assert fired() == [code]
