"""Probes: ``/healthz`` says the process serves, ``/readyz`` that what it needs is there."""

import time
from collections.abc import Callable
from typing import Any, Final

from django.conf import settings
from django.core.cache import cache
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Q
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from kombu import Connection

from config.kernel import clock
from config.kernel.models import Event

# A database that lacks migrations gets them by a deployment, so asking now and then is enough.
_MIGRATIONS_SECONDS: Final = 10.0
_BROKER_TIMEOUT: Final = 2.0

Check = Callable[[], dict[str, Any]]


class Unready(Exception):
    """A check found something that keeps this process from doing its work."""


@never_cache
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers; touches nothing else, so it never kills a process
    for the fault of another."""
    return JsonResponse({"status": "ok"})


@never_cache
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 or 503 and, for each check, whether it holds, since when it lags, how long it took.

    Errors are named by their class only: the probe is public, addresses of servers are not.
    """
    checks = {name: _run(check) for name, check in CHECKS.items()}
    ready = all(result["ok"] for result in checks.values())
    return JsonResponse(
        {"status": "ok" if ready else "unready", "checks": checks}, status=200 if ready else 503
    )


def _run(check: Check) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        result = {"ok": True, **check()}
    except Unready as reason:
        result = {"ok": False, "error": str(reason)}
    except Exception as error:  # whatever a driver raises means "not there"
        result = {"ok": False, "error": type(error).__name__}
    result["ms"] = round((time.perf_counter() - began) * 1000)
    return result


def _database() -> dict[str, Any]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        # A connection that broke stays broken until closed; the next probe opens a new one.
        connection.close()
        raise
    return {}


def _cache() -> dict[str, Any]:
    cache.get("health")
    return {}


def _broker() -> dict[str, Any]:
    options = {"socket_timeout": _BROKER_TIMEOUT, "socket_connect_timeout": _BROKER_TIMEOUT}
    with Connection(settings.CELERY_BROKER_URL, transport_options=options) as broker:
        broker.ensure_connection(max_retries=1, timeout=_BROKER_TIMEOUT)
    return {}


class _Migrations:
    """How many migrations the database lacks, remembered for a few seconds; none is final."""

    def __init__(self) -> None:
        self._pending: int | None = None
        self._until = 0.0

    def __call__(self) -> dict[str, Any]:
        if self._pending is None or (self._pending and time.monotonic() > self._until):
            executor = MigrationExecutor(connection)
            self._pending = len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
            self._until = time.monotonic() + _MIGRATIONS_SECONDS
        if self._pending:
            raise Unready(f"{self._pending} migrations are not applied")
        return {"pending": 0}


def _relay() -> dict[str, Any]:
    """Seconds for which the oldest event that is due has been waiting for its handlers.

    An event whose handler failed waits for its next attempt: one bad event must not take every
    web process out of service.
    """
    now = clock.now()
    oldest = (
        Event.objects.filter(relayed_at__isnull=True)
        .filter(Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now))
        .order_by("id")
        .values_list("occurred_at", "next_attempt_at")
        .first()
    )
    lag = max(0, round((now - (oldest[1] or oldest[0])).total_seconds())) if oldest else 0
    if lag > settings.EVENT_LAG_ALERT_SECONDS:
        raise Unready(f"events have been waiting for {lag} s")
    return {"lag_seconds": lag}


CHECKS: Final[dict[str, Check]] = {
    "database": _database,
    "cache": _cache,
    "broker": _broker,
    "migrations": _Migrations(),
    "relay": _relay,
}
