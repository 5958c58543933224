"""Approvals: one person asks for an action, another decides, and approving runs it.

The app that owns an action registers an :class:`ApprovalKind` in ``ready()``. Who may decide up to
what amount is said by one registered judge (``stores`` knows roles). A service that finds its
caller's own limit too low files :func:`approval_request` instead of acting.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import SYSTEM, Actor
from config.kernel.errors import Conflict, Forbidden, NotFound
from config.kernel.events import EventBase, record
from config.kernel.models import Approval
from config.kernel.money import yuan
from config.kernel.numbers import new_no
from config.kernel.states import APPROVAL_MACHINE, ApprovalState, compare_and_set
from config.kernel.tasks import nudge

SUBJECT = "approval"
Limits = Mapping[str, Any]


class ApprovalUnknown(NotFound):
    code = "approval_unknown"


class ApprovalPending(Conflict):
    code = "approval_pending"
    message = _("Somebody has asked for this already; it waits for a decision.")


class ApprovalEnded(Conflict):
    code = "approval_ended"
    message = _("This request is not waiting any more.")


class ApprovalExpired(Conflict):
    code = "approval_expired"
    message = _("This request has waited for too long. It has to be made again.")


class ApprovalOwn(Forbidden):
    code = "approval_own"
    message = _("Nobody decides on what they asked for themselves.")


class ApprovalNotMaker(Forbidden):
    code = "approval_not_maker"
    message = _("Only whoever asked for it withdraws it.")


class ApprovalNotYours(Forbidden):
    code = "approval_not_yours"
    message = _("Your role does not decide on this here.")


class ApprovalOverLimit(Forbidden):
    code = "approval_over_limit"
    message = _("{amount} is more than you may approve: up to {limit}.")


class ApprovalNeedsPerson(Forbidden):
    code = "approval_needs_person"
    message = _("Only a person asks for an approval.")


@dataclass(frozen=True, kw_only=True)
class ApprovalChanged(EventBase):
    """A step of a request. ``action`` is its kind; ``about_type`` and ``about_id`` its subject."""

    kind = "kernel.approval_changed"
    subject_type = SUBJECT
    action: str
    about_type: str
    about_id: int
    amount_fen: int


class Run(Protocol):
    def __call__(self, approval: Approval, *, actor: Actor, now: datetime) -> Any: ...


@dataclass(frozen=True, kw_only=True)
class ApprovalKind:
    """An action that may need a second person.

    ``permission``: what a checker's role must grant at the place of the request. ``run(approval,
    actor=, now=)`` does it, in the transaction of the decision, with the checker as ``actor``; it
    makes no network call, re-checks what it relies on and raises a DomainError when that is gone.
    ``describe(approval)`` says in words what it will do. ``limits`` stand while no policy says
    otherwise: ``{"alone": {role: fen}, "check": {role: fen}}``, see ``stores.approvals``.
    """

    code: str
    label: Any
    permission: str
    run: Run
    describe: Callable[[Approval], str]
    limits: Limits = field(default_factory=dict)
    lasts: timedelta = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Authority:
    """In which role somebody decides, and up to how many fen (None: without limit)."""

    role: str
    limit_fen: int | None

    def covers(self, amount_fen: int) -> bool:
        return self.limit_fen is None or amount_fen <= self.limit_fen


class Judge(Protocol):
    def __call__(
        self,
        *,
        user: Any,
        kind: ApprovalKind,
        operator_id: int | None,
        store_id: int | None,
        now: datetime,
    ) -> Authority | None: ...


_kinds: dict[str, ApprovalKind] = {}
_judges: list[Judge] = []


def register_kind(kind: ApprovalKind) -> None:
    _kinds[kind.code] = kind


def approval_kind(code: str) -> ApprovalKind:
    """Raises KeyError for a kind that no app has registered."""
    return _kinds[code]


def approval_kinds() -> list[ApprovalKind]:
    return sorted(_kinds.values(), key=lambda kind: kind.code)


def judge(read: Judge) -> None:
    """``read`` says by which role and up to what a person decides. One app knows; without it
    nobody decides on anything."""
    _judges[:] = [read]


def approval_request(
    *,
    kind: str,
    subject_type: str,
    subject_id: int,
    reason: str,
    actor: Actor,
    now: datetime,
    params: Mapping[str, Any] | None = None,
    amount_fen: int = 0,
    operator_id: int | None = None,
    store_id: int | None = None,
) -> Approval:
    """Ask for an action of ``kind`` about a row (the label of its model, its primary key).

    ``params``: ids, numbers and codes that ``run`` needs. A request of a store names its operator
    too. Raises ApprovalPending while another waits, ApprovalNeedsPerson.
    """
    known = approval_kind(kind)
    if actor.kind != "user":
        raise ApprovalNeedsPerson()
    with transaction.atomic():
        same = Approval.objects.filter(kind=kind, subject_type=subject_type, subject_id=subject_id)
        _expire(same, now)
        _look_first(same)
        try:
            with transaction.atomic():
                approval = Approval.objects.create(
                    no=new_no("AP"),
                    kind=kind,
                    subject_type=subject_type,
                    subject_id=subject_id,
                    params=dict(params or {}),
                    amount_fen=amount_fen,
                    operator_id=operator_id,
                    store_id=store_id,
                    maker_id=int(actor.id),
                    reason=reason[:200],
                    state=ApprovalState.PENDING,
                    created_at=now,
                    expires_at=now + known.lasts,
                )
        except IntegrityError:
            if same.filter(state=ApprovalState.PENDING).exists():
                raise ApprovalPending() from None
            raise
        record([_event(approval, "", reason)], actor=actor, now=now)
        nudge()
    return approval


def approval_decide(
    *, approval_id: int, approve: bool, user: Any, now: datetime, note: str = ""
) -> Approval:
    """Approve, which runs the action in this transaction, or refuse.

    ``user`` is the checker and the actor of the action. Raises ApprovalUnknown, ApprovalEnded,
    ApprovalExpired, ApprovalOwn, ApprovalNotYours, ApprovalOverLimit, and whatever the action
    raises: the request then waits on.
    """
    actor = Actor.user(user)
    with transaction.atomic():
        approval = _waiting(approval_id)
        if approval.maker_id == user.pk:
            raise ApprovalOwn()
        if approval.expires_at <= now:
            raise ApprovalExpired()
        kind = approval_kind(approval.kind)
        authority = _authority(user, kind, approval, now)
        if authority is None:
            raise ApprovalNotYours()
        if not authority.covers(approval.amount_fen):
            raise ApprovalOverLimit(
                amount=yuan(approval.amount_fen), limit=yuan(authority.limit_fen or 0)
            )
        approval_transition(
            approval=approval,
            to_state=ApprovalState.APPROVED if approve else ApprovalState.REFUSED,
            actor=actor,
            now=now,
            reason=note,
            checker=user,
            checker_role=authority.role,
            limit_fen=authority.limit_fen,
            note=note[:200],
        )
        if approve:
            kind.run(approval, actor=actor, now=now)
        nudge()
    return approval


def approval_withdraw(*, approval_id: int, user: Any, now: datetime, note: str = "") -> Approval:
    """The maker takes the request back. Raises ApprovalUnknown, ApprovalEnded, ApprovalNotMaker."""
    with transaction.atomic():
        approval = _waiting(approval_id)
        if approval.maker_id != user.pk:
            raise ApprovalNotMaker()
        approval_transition(
            approval=approval,
            to_state=ApprovalState.WITHDRAWN,
            actor=Actor.user(user),
            now=now,
            reason=note,
            note=note[:200],
        )
        nudge()
    return approval


def approvals_expire(*, now: datetime, limit: int = 200) -> int:
    """End requests that have waited for too long; returns how many."""
    return _expire(Approval.objects.all(), now, limit)


def approvals_close(
    *, subject_type: str, subject_ids: Iterable[int], reason: str, now: datetime
) -> int:
    """End what still waits about rows for which it was decided otherwise; returns how many.

    For handlers: within the action itself it would wait for whoever decides on the request.
    """
    about = Approval.objects.filter(subject_type=subject_type, subject_id__in=list(subject_ids))
    return _end(about.filter(state=ApprovalState.PENDING), now, reason)


def approval_transition(
    *,
    approval: Approval,
    to_state: ApprovalState,
    actor: Actor,
    now: datetime,
    reason: str = "",
    **fields: Any,
) -> None:
    """End a waiting request by compare-and-set and write the event.

    Raises ApprovalEnded when somebody else was faster. Runs in the caller's transaction.
    """
    try:
        from_state, _to = compare_and_set(
            approval, APPROVAL_MACHINE, to_state, decided_at=now, **fields
        )
    except Conflict:
        raise ApprovalEnded() from None
    record([_event(approval, from_state, reason)], actor=actor, now=now)


def _look_first(same: Any) -> None:
    """Raise ApprovalPending before the index would make us wait: whoever decides on the request
    that waits may, at this moment, be waiting for what our caller has locked."""
    if same.filter(state=ApprovalState.PENDING).exists():
        raise ApprovalPending()


def _event(approval: Approval, from_state: str, reason: str) -> ApprovalChanged:
    return ApprovalChanged(
        subject_id=approval.pk,
        from_state=from_state,
        to_state=approval.state,
        reason=reason,
        action=approval.kind,
        about_type=approval.subject_type,
        about_id=approval.subject_id,
        amount_fen=approval.amount_fen,
    )


def _waiting(approval_id: int) -> Approval:
    approval = Approval.objects.filter(pk=approval_id).first()
    if approval is None:
        raise ApprovalUnknown()
    if approval.state != ApprovalState.PENDING:
        raise ApprovalEnded()
    return approval


def _authority(
    user: Any, kind: ApprovalKind, approval: Approval, now: datetime
) -> Authority | None:
    if not _judges:
        return None
    return _judges[0](
        user=user,
        kind=kind,
        operator_id=approval.operator_id,
        store_id=approval.store_id,
        now=now,
    )


def _expire(rows: Any, now: datetime, limit: int = 200) -> int:
    due = rows.filter(state=ApprovalState.PENDING, expires_at__lte=now)
    return _end(due.order_by("expires_at", "pk")[:limit], now)


def _end(waiting: Iterable[Approval], now: datetime, reason: str = "") -> int:
    ended = 0
    for approval in waiting:
        try:
            with transaction.atomic():
                approval_transition(
                    approval=approval,
                    to_state=ApprovalState.EXPIRED,
                    actor=SYSTEM,
                    now=now,
                    reason=reason,
                )
        except ApprovalEnded:
            # Decided while we came to it.
            continue
        ended += 1
    return ended
