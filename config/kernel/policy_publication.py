"""Publishing a rule of business takes two people: one asks, another's approval puts it in force.

The limits of approvals are such a rule themselves, so nobody widens their own alone. A superuser,
who may do anything, publishes at once.
"""

from collections.abc import Mapping
from datetime import datetime

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.actors import Actor
from config.kernel.approvals import ApprovalKind, approval_request
from config.kernel.clock import SHANGHAI
from config.kernel.errors import Conflict
from config.kernel.models import Approval, PolicyVersion, User
from config.kernel.policies import policy_publish

PUBLICATION = "kernel.policy"


def policy_publication_request(
    *, policy: PolicyVersion, effective_from: datetime, reason: str, actor: Actor, now: datetime
) -> Approval:
    """Ask for ``policy`` to be put in force from ``effective_from`` on, or from the approval on
    when that is later. Raises Conflict when it is published, ApprovalPending."""
    if policy.published_at is not None:
        raise Conflict()
    return approval_request(
        kind=PUBLICATION,
        subject_type=PolicyVersion._meta.label_lower,
        subject_id=policy.pk,
        params={"effective_from": effective_from.isoformat()},
        reason=reason,
        actor=actor,
        now=now,
    )


def publication_kind(*, check: Mapping[str, int | None]) -> ApprovalKind:
    """The action; ``check`` says which roles decide on it."""
    return ApprovalKind(
        code=PUBLICATION,
        label=gettext_lazy("publication of a rule"),
        permission="kernel.change_policyversion",
        run=_run,
        describe=_describe,
        limits={"alone": {}, "check": dict(check)},
    )


def _start(approval: Approval) -> datetime:
    start = parse_datetime(approval.params["effective_from"])
    assert start is not None  # written by policy_publication_request
    return start


def _run(approval: Approval, *, actor: Actor, now: datetime) -> None:
    policy_publish(
        policy=PolicyVersion.objects.get(pk=approval.subject_id),
        effective_from=max(_start(approval), now),
        actor=actor,
        now=now,
        user=User.objects.get(pk=actor.id),
    )


def _describe(approval: Approval) -> str:
    policy = PolicyVersion.objects.get(pk=approval.subject_id)
    return _("{policy} is in force from {start} on and can never be changed after that.").format(
        policy=policy, start=f"{_start(approval).astimezone(SHANGHAI):%Y-%m-%d %H:%M}"
    )
