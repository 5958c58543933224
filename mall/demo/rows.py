"""Rows of the demo mall: inserted where they are missing, never changed."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db.models import Model

from config.kernel.actors import SYSTEM
from config.kernel.clock import day_start
from config.kernel.models import PolicyVersion
from config.kernel.policies import policy_draft, policy_publish

# The demo mall has been open for so long: a simulation may begin anywhere in it.
OPEN_DAYS = 400
M = TypeVar("M", bound=Model)


def ensure(model: type[M], rows: Sequence[dict[str, Any]], key: str = "code") -> dict[str, M]:
    """Insert the rows whose ``key`` is missing, in their order; returns all of them by key."""
    wanted = [row[key] for row in rows]
    query = model._default_manager.filter(**{f"{key}__in": wanted})
    have = set(query.values_list(key, flat=True))
    model._default_manager.bulk_create([model(**row) for row in rows if row[key] not in have])
    return {getattr(row, key): row for row in query.all()}


def opened_at(now: datetime) -> datetime:
    """The midnight in Shanghai at which the demo mall opened, seen from ``now``."""
    return day_start(now) - timedelta(days=OPEN_DAYS)


def policy(*, kind: str, body: dict[str, Any], now: datetime) -> None:
    """Publish ``body`` for the whole group unless some version of the kind has been."""
    if PolicyVersion.objects.filter(kind=kind, scope="", published_at__isnull=False).exists():
        return
    draft = policy_draft(kind=kind, body=body, note="demo", now=now)
    policy_publish(policy=draft, effective_from=opened_at(now), actor=SYSTEM, now=now)
