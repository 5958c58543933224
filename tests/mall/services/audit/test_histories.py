"""The audit lines of pickups and of the histories of states see what is planted."""

from datetime import timedelta

import pytest

from tests.factories import make_user
from tests.mall.services.audit.planted import caught, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


def test_a_parcel_of_an_order_that_is_not_completed(sale, now):
    hand_over_silently(now)

    assert caught() == {"pickup.of_paid_order"}


def hand_over_silently(now) -> None:
    plant(
        "UPDATE stores_pickup SET state = 'collected', ready_at = %s, expires_at = %s,"
        " collected_at = %s, collected_by_id = %s",
        *[now] * 3,
        make_user().pk,
    )


def test_a_parcel_handed_over_during_an_after_sale(sale, now):
    # the states of order and after-sale are changed without their events, which is caught too
    plant(
        "UPDATE mall_aftersale SET state = 'requested', decided_at = NULL, created_at = %s",
        now - timedelta(minutes=1),
    )
    plant("UPDATE mall_order SET state = 'completed', completed_at = %s", now)
    hand_over_silently(now)

    assert caught() == {"pickup.of_paid_order", "order.history", "after_sale.history"}


# Histories


@pytest.mark.parametrize(
    ("code", "sql"),
    [
        ("order.history", "UPDATE mall_order SET state = 'completed', completed_at = now()"),
        ("payment.history", "UPDATE mall_payment SET state = 'failed' WHERE state = 'created'"),
        (
            "refund.history",
            "UPDATE mall_refund SET state = 'failed', done_at = NULL WHERE payment_id IS NULL",
        ),
        ("after_sale.history", "UPDATE mall_aftersale SET state = 'refused'"),
        ("fulfilment.history", "UPDATE mall_fulfilment SET state = 'collected'"),
    ],
)
def test_a_state_without_its_event(sale, waiting, code, sql):
    # given that unpaid orders stay out of it
    if code == "order.history":
        sql += " WHERE state = 'paid'"

    plant(sql)

    assert caught() == {code}


@pytest.mark.parametrize(
    "sql",
    [
        # a step that the machine does not have
        "UPDATE kernel_event SET from_state = 'closed' WHERE to_state = 'paid'",
        # a gap
        "UPDATE kernel_event SET to_state = 'completed' WHERE subject_type = 'order'"
        " AND to_state = 'placed'",
        # an end that is not where the order is
        "UPDATE kernel_event SET to_state = 'expired' WHERE subject_type = 'order'"
        " AND to_state = 'paid'",
        # no beginning
        "UPDATE kernel_event SET from_state = 'placed' WHERE subject_type = 'order'"
        " AND to_state = 'placed'",
        # nothing at all
        "UPDATE kernel_event SET subject_id = 0 WHERE subject_type = 'order'",
    ],
)
def test_a_history_that_is_no_path(sale, sql):
    plant(sql)

    assert caught() == {"order.history"}


def test_a_jump_over_a_state(sale):
    # placed → completed, at both ends as it should be
    plant("UPDATE mall_order SET state = 'completed', completed_at = now()")
    plant(
        "UPDATE kernel_event SET to_state = 'completed' WHERE subject_type = 'order'"
        " AND to_state = 'paid'"
    )

    assert caught() == {"order.history"}
