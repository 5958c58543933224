"""``/healthz`` touches nothing; ``/readyz`` names what is missing and answers 503."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from config import health
from config.kernel.models import Event


@pytest.fixture(autouse=True)
def _fresh_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the migrations check remembers must not leak from test to test."""
    monkeypatch.setitem(health.CHECKS, "migrations", health._Migrations())


def event(occurred_at: datetime, **fields: Any) -> Event:
    return Event.objects.create(
        kind="order.paid",
        subject_type="order",
        subject_id=1,
        actor_kind="system",
        occurred_at=occurred_at,
        **fields,
    )


def test_healthz_answers_without_the_database(client: Client) -> None:
    response = client.get("/healthz")

    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "no-store" in response["Cache-Control"]


@pytest.mark.django_db
def test_readyz_runs_every_check(client: Client) -> None:
    response = client.get("/readyz")

    answer = response.json()
    assert (response.status_code, answer["status"]) == (200, "ok")
    assert list(answer["checks"]) == ["database", "cache", "broker", "migrations", "relay"]
    assert all(check["ok"] for check in answer["checks"].values())
    assert answer["checks"]["relay"]["lag_seconds"] == 0


@pytest.mark.django_db
def test_events_that_wait_too_long_make_it_unready(client: Client, now: datetime) -> None:
    event(now - timedelta(seconds=300))

    response = client.get("/readyz")

    relay = response.json()["checks"]["relay"]
    assert response.status_code == 503
    assert not relay["ok"] and "events have been waiting for" in relay["error"]


@pytest.mark.django_db
def test_an_event_that_waits_for_its_next_attempt_is_no_lag(client: Client, now: datetime) -> None:
    event(now - timedelta(minutes=30), attempts=5, next_attempt_at=now + timedelta(minutes=10))
    event(now - timedelta(hours=3), relayed_at=now - timedelta(hours=3))

    assert client.get("/readyz").json()["checks"]["relay"]["lag_seconds"] == 0


@pytest.mark.django_db
def test_a_missing_migration_makes_it_unready(client: Client) -> None:
    MigrationRecorder.Migration.objects.filter(app="sessions").delete()

    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"]["migrations"]["error"] == "1 migrations are not applied"


@pytest.mark.django_db
def test_a_broker_that_is_away_is_named_without_its_address(
    client: Client, settings: Any, tmp_path: Any
) -> None:
    settings.CELERY_BROKER_URL = f"redis+socket://{tmp_path}/nothing.sock"

    response = client.get("/readyz")

    broker = response.json()["checks"]["broker"]
    assert response.status_code == 503
    assert not broker["ok"] and str(tmp_path) not in response.text
    assert response.json()["checks"]["database"]["ok"]


@pytest.mark.django_db
def test_a_database_that_is_away_makes_it_unready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise DatabaseError("server at 10.0.0.7 closed the connection")

    monkeypatch.setattr(connection, "cursor", refuse)
    monkeypatch.setattr(connection, "close", lambda: None)
    response = client.get("/readyz")
    monkeypatch.undo()

    assert response.status_code == 503
    assert response.json()["checks"]["database"]["error"] == "DatabaseError"
    assert "10.0.0.7" not in response.text


@pytest.mark.django_db
def test_a_cache_that_is_away_makes_it_unready(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(key: str) -> None:
        raise ConnectionError

    monkeypatch.setattr(cache, "get", refuse)
    response = client.get("/readyz")

    assert response.status_code == 503
    assert response.json()["checks"]["cache"]["error"] == "ConnectionError"
