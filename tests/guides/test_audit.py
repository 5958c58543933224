"""Each audit line of the guides sees the corruption it is for."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection

from config.kernel import audit
from config.kernel.money import yuan
from tests.factories import make_binding, make_guide, make_member, make_store
from tests.guides.sales import guide_findings, handle, paid_event, paid_order, touched

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture
def sale(rules, store, member, guide, colleague, now):
    """A line of ¥100.00 that two guides share; everything is as it should be."""
    make_binding(member=member, guide=colleague, since=now - timedelta(days=9))
    touched(member=member, guide=guide, now=now - timedelta(days=1))
    order = paid_order(member=member, store=store, paid_at=now)
    handle(paid_event(order), now=now)
    assert yuan(sum(e.amount_fen for e in guide.entries.all())) == "¥1.80"
    assert guide_findings() == []
    return order


@pytest.fixture
def plant() -> Callable[..., None]:
    """Run SQL that the database's guards would refuse."""

    def run(statement: str, *parameters) -> None:
        tables = ["attribution", "touch", "commissionentry"]
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in tables:
                cursor.execute(f"ALTER TABLE guides_{table} DISABLE TRIGGER USER")
            cursor.execute(statement, parameters)
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            for table in tables:
                cursor.execute(f"ALTER TABLE guides_{table} ENABLE TRIGGER USER")

    return run


def found() -> dict[str, int]:
    return {finding.line.code: finding.violations for finding in guide_findings()}


def test_shares_sum(sale, plant):
    plant("UPDATE guides_attribution SET basis_points = 5999 WHERE role = 'opening'")

    assert found()["guides.shares_sum"] == 1


def test_shares_sum_sees_shares_the_policy_does_not_have(sale, plant):
    plant("UPDATE guides_attribution SET basis_points = 5000")

    assert found()["guides.shares_sum"] == 1


def test_one_level(sale, plant, colleague):
    recruiter = make_guide(store=colleague.assignments.get().store)

    plant("UPDATE guides_attribution SET guide_id = %s WHERE role = 'serving'", recruiter.pk)

    assert found()["guides.one_level"] == 1


def test_one_level_wants_evidence(sale, plant):
    plant("UPDATE guides_attribution SET evidence = evidence - 'touch' WHERE role = 'opening'")

    assert found() == {"guides.one_level": 1}


def test_commission_target(sale, plant):
    plant("UPDATE guides_commissionentry SET amount_fen = amount_fen + 1 WHERE amount_fen = 180")

    assert found() == {"guides.commission_target": 1}


def test_commission_target_sees_a_refund_that_nobody_settled(sale):
    sale.lines.update(refunded_fen=5_000)

    assert found() == {"guides.commission_target": 2}


def test_commission_target_waits_for_events_on_their_way(sale):
    sale.lines.update(refunded_fen=5_000)

    paid_event(sale)

    assert found() == {}


def test_commission_rate(sale, plant):
    plant(
        "UPDATE guides_attribution SET evidence = jsonb_set(evidence, '{rule}', '0')"
        " WHERE role = 'opening'"
    )

    assert found() == {"guides.commission_rate": 1}


@pytest.mark.parametrize("table", ["commissionentry", "attribution", "touch"])
def test_entries_append_only(sale, table):
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(f"ALTER TABLE guides_{table} DISABLE TRIGGER guides_{table}_append_only")

    assert found() == {"guides.entries_append_only": 1}


def test_owed(sale, plant, guide, colleague):
    plant(
        "UPDATE guides_commissionentry SET guide_id = %s WHERE guide_id = %s",
        colleague.pk,
        guide.pk,
    )

    assert found() == {"guides.owed": 1}


def test_owed_sees_a_pot_that_its_base_does_not_yield(sale, plant):
    plant("UPDATE guides_commissionentry SET pot_fen = pot_fen + 1")

    assert found() == {"guides.owed": 2}


def test_frozen_at_payment(sale, plant):
    plant("UPDATE guides_attribution SET frozen_at = frozen_at + interval '1 second'")

    assert found() == {"guides.frozen_at_payment": 2}


def test_frozen_at_payment_sees_a_touch_outside_the_window(sale, plant):
    plant("UPDATE guides_touch SET occurred_at = occurred_at - interval '7 days'")

    assert found() == {"guides.frozen_at_payment": 1}


def test_active(sale, plant, guide, now):
    plant("UPDATE guides_guide SET active_until = %s WHERE id = %s", now, guide.pk)

    assert found() == {"guides.active": 1}


def test_in_scope(sale, plant):
    plant("UPDATE mall_order SET operator_id = %s", make_store().operator_id)

    assert found() == {"guides.in_scope": 2}


def test_not_the_buyer(sale, plant, guide, member):
    plant("UPDATE guides_guide SET member_id = %s WHERE id = %s", member.pk, guide.pk)

    assert found() == {"guides.not_the_buyer": 1}


def test_not_the_buyer_by_user_either(sale, plant, guide, member):
    plant("UPDATE guides_guide SET user_id = %s WHERE id = %s", member.user_id, guide.pk)

    assert found() == {"guides.not_the_buyer": 1}


def test_every_line_is_planted():
    planted = {
        "guides.shares_sum",
        "guides.one_level",
        "guides.commission_target",
        "guides.commission_rate",
        "guides.entries_append_only",
        "guides.owed",
        "guides.frozen_at_payment",
        "guides.active",
        "guides.in_scope",
        "guides.not_the_buyer",
        # In test_audit_handouts.
        "guides.handouts",
        # In test_audit_baskets.
        "guides.baskets",
    }

    assert {x.code for x in audit.lines() if x.code.startswith("guides.")} == planted
    assert make_member().pk
