"""Policy versions: draft → published, immutable, in force from a moment on.

A kind is registered by the app that obeys it, with a function that validates its body.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zlib import crc32

from django.db import transaction
from django.db.models import Max, Q
from django.utils.translation import gettext_lazy as _

from config.kernel import locks
from config.kernel.actors import Actor
from config.kernel.errors import Conflict, DomainError
from config.kernel.events import EventBase, record
from config.kernel.models import PolicyVersion

# What a body would change: (words, how many) per line of the answer.
Simulation = Sequence[tuple[str, int]]
Simulate = Callable[[dict[str, Any], datetime], Simulation]

_validators: dict[str, Callable[[dict[str, Any]], None]] = {}
_simulators: dict[str, Simulate] = {}


class PolicyInvalid(DomainError):
    code = "policy_invalid"
    message = _("The policy cannot be published: {problem}")


@dataclass(frozen=True, kw_only=True)
class PolicyPublished(EventBase):
    kind = "kernel.policy_published"
    subject_type = "policy"


class PolicyNotSimulated(Conflict):
    code = "policy_not_simulated"
    message = _("What a policy of this kind would change cannot be said beforehand.")


def register_kind(
    kind: str, validate: Callable[[dict[str, Any]], None], simulate: Simulate | None = None
) -> None:
    """``validate(body)`` raises PolicyInvalid for a body its app could not evaluate;
    ``simulate(body, now)`` says what it would change, and changes nothing."""
    _validators[kind] = validate
    if simulate is not None:
        _simulators[kind] = simulate


def policy_validate(*, kind: str, body: dict[str, Any]) -> None:
    """Raise PolicyInvalid for a body that ``kind`` could not evaluate, or an unknown kind."""
    if kind not in _validators:
        raise PolicyInvalid(problem=f"there is no kind {kind!r}")
    _validators[kind](body)


def policy_simulates(kind: str) -> bool:
    """Whether what a policy of ``kind`` would change can be said beforehand."""
    return kind in _simulators


def policy_simulate(*, policy: PolicyVersion, now: datetime) -> Simulation:
    """What would change if ``policy``, a draft or not, came into force at ``now``. Writes nothing.

    Raises PolicyInvalid, PolicyNotSimulated for a kind that does not know.
    """
    _validators[policy.kind](policy.body)
    if policy.kind not in _simulators:
        raise PolicyNotSimulated()
    return _simulators[policy.kind](policy.body, now)


def policy_draft(
    *, kind: str, body: dict[str, Any], scope: str = "", note: str = "", now: datetime
) -> PolicyVersion:
    """A new draft with the next version number of (kind, scope). Raises PolicyInvalid."""
    policy_validate(kind=kind, body=body)
    with transaction.atomic():
        _one_at_a_time(kind, scope)
        last = PolicyVersion.objects.filter(kind=kind, scope=scope).aggregate(n=Max("version"))["n"]
        return PolicyVersion.objects.create(
            kind=kind, scope=scope, version=(last or 0) + 1, body=body, note=note, created_at=now
        )


def policy_publish(
    *, policy: PolicyVersion, effective_from: datetime, actor: Actor, now: datetime, user=None
) -> PolicyVersion:
    """Put a draft into force from ``effective_from`` on, ending the version before it.

    Raises Conflict when it is published already, PolicyInvalid when a later version is.
    """
    _validators[policy.kind](policy.body)
    with transaction.atomic():
        # Two at once would not see each other, and both be in force.
        _one_at_a_time(policy.kind, policy.scope)
        peers = PolicyVersion.objects.filter(
            kind=policy.kind, scope=policy.scope, published_at__isnull=False
        )
        if peers.filter(effective_from__gte=effective_from).exists():
            raise PolicyInvalid(problem="a version with a later start is in force already")
        peers.filter(Q(effective_to__isnull=True) | Q(effective_to__gt=effective_from)).update(
            effective_to=effective_from
        )
        published = PolicyVersion.objects.filter(pk=policy.pk, published_at__isnull=True).update(
            published_at=now, effective_from=effective_from, published_by=user
        )
        if not published:
            raise Conflict()
        record([PolicyPublished(subject_id=policy.pk)], actor=actor, now=now)
    policy.refresh_from_db()
    return policy


def _one_at_a_time(kind: str, scope: str) -> None:
    locks.advisory("kernel.policy", [crc32(f"{kind}:{scope}".encode())])


def policies_at(*, kind: str, scopes: set[str], moment: datetime) -> dict[str, PolicyVersion]:
    """The version in force at ``moment`` per scope; a scope without its own gets the group's.

    A scope for which there is none at all is missing from the answer. One statement.
    """
    rows = PolicyVersion.objects.filter(
        Q(effective_to__isnull=True) | Q(effective_to__gt=moment),
        kind=kind,
        scope__in=scopes | {""},
        published_at__isnull=False,
        effective_from__lte=moment,
    )
    by_scope = {row.scope: row for row in rows}
    found = {scope: by_scope.get(scope) or by_scope.get("") for scope in scopes}
    return {scope: row for scope, row in found.items() if row is not None}


def policy_at(*, kind: str, moment: datetime, scope: str = "") -> PolicyVersion | None:
    """The version of (kind, scope) in force at ``moment``, or the group's, or None."""
    return policies_at(kind=kind, scopes={scope}, moment=moment).get(scope)


def policies_in_force(*, kind: str, moment: datetime) -> dict[str, PolicyVersion]:
    """Every scope's own version of ``kind`` in force at ``moment``. One statement."""
    rows = PolicyVersion.objects.filter(
        Q(effective_to__isnull=True) | Q(effective_to__gt=moment),
        kind=kind,
        published_at__isnull=False,
        effective_from__lte=moment,
    )
    return {row.scope: row for row in rows}
