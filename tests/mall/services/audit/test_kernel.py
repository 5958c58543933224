"""The audit lines of events and of answers to keys see what is planted."""

from datetime import timedelta

import pytest

from config.kernel.models import Event, IdempotencyKey
from tests.mall.services.audit.planted import caught, plant

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


def test_an_event_that_nobody_delivers(sale, now):
    plant(
        "UPDATE kernel_event SET relayed_at = NULL, occurred_at = %s WHERE id = %s",
        now - timedelta(minutes=61),
        Event.objects.latest("pk").pk,
    )

    assert caught() == {"events.stuck"}


def test_an_event_that_waits_a_while_is_no_finding(sale, now):
    plant(
        "UPDATE kernel_event SET relayed_at = NULL, occurred_at = %s",
        now - timedelta(minutes=58),
    )

    assert caught() == set()


def test_an_event_that_a_consumer_applied_twice(sale):
    plant(
        "INSERT INTO kernel_eventdelivery (event_id, consumer, delivered_at)"
        " SELECT event_id, consumer, delivered_at FROM kernel_eventdelivery LIMIT 1",
        drop="kernel_eventdelivery_once",
    )

    assert caught() == {"events.applied_once"}


def answer(now, *, status: int = 201, body: str = "{}") -> IdempotencyKey:
    return IdempotencyKey(
        caller="user:1",
        endpoint="/api/v1/orders",
        key="key-00000001",
        request_hash="",
        status=status,
        body=body,
        created_at=now,
    )


def test_two_answers_to_one_key(now):
    answer(now).save()
    assert caught() == set()

    plant(
        "INSERT INTO kernel_idempotencykey (caller, endpoint, key, request_hash, status, body,"
        " created_at) SELECT caller, endpoint, key, request_hash, status, body, created_at"
        " FROM kernel_idempotencykey",
        drop="kernel_idempotencykey_once",
    )

    assert caught() == {"idempotency.one_answer"}


@pytest.mark.parametrize(("status", "body"), [(0, "{}"), (201, "")])
def test_a_key_left_in_progress(now, status, body):
    answer(now, status=status, body=body).save()

    assert caught() == {"idempotency.one_answer"}
