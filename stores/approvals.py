"""Who may act alone, and who may approve for others, up to how much: limits by role.

The policy ``approval_limits`` (of the group, or of an operator by its code):

    {"v": 1, "kinds": {"mall.refund": {
        "alone": {"manager": 50000, "headquarters": null},
        "check": {"finance": null},
        "share_bp": 2000}}}

``alone``: up to this many fen a role acts without another person; ``check``: up to this many it
approves what others asked for. A role that is not named never does; null is without limit.
``share_bp``: a change of at most this share needs nobody, whatever its amount. A kind that the
policy does not name keeps the limits its app registered it with.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from config.kernel import approvals
from config.kernel.approvals import (
    ApprovalKind,
    Authority,
    Limits,
    approval_kind,
    approval_kinds,
    judge,
)
from config.kernel.money import BASIS_POINTS, share_down
from config.kernel.policies import PolicyInvalid, policies_in_force, register_kind
from config.kernel.policy_publication import publication_kind
from config.kernel.states import ApprovalState
from stores.models import Operator, Store
from stores.permissions import granted_by
from stores.reach import assigned_roles
from stores.states import Role

POLICY = "approval_limits"
ALONE, CHECK, SHARE = "alone", "check", "share_bp"
SUPERUSER = "superuser"

# (role, store, operator) of assignments in force.
Assigned = list[tuple[str, int | None, int | None]]


def register() -> None:
    register_kind(POLICY, limits_validate)
    approvals.register_kind(publication_kind(check={Role.HEADQUARTERS: None}))
    judge(checker_authority)


def limits_validate(body: dict[str, Any]) -> None:
    """Raises PolicyInvalid unless ``body`` is as the module describes."""
    if body.get("v") != 1 or set(body) != {"v", "kinds"} or not isinstance(body["kinds"], dict):
        raise PolicyInvalid(problem='it must be {"v": 1, "kinds": {…}}')
    known = {kind.code for kind in approval_kinds()}
    for code, limits in body["kinds"].items():
        if code not in known:
            raise PolicyInvalid(problem=f"nothing called {code!r} is approved")
        if not isinstance(limits, dict) or set(limits) - {ALONE, CHECK, SHARE}:
            raise PolicyInvalid(problem=f"{code}: only alone, check and share_bp are known")
        for part in (ALONE, CHECK):
            _roles_validate(f"{code}.{part}", limits.get(part, {}))
        share = limits.get(SHARE, 0)
        if not _whole(share) or share > BASIS_POINTS:
            raise PolicyInvalid(problem=f"{code}: share_bp is a whole number up to {BASIS_POINTS}")


def _roles_validate(where: str, limits: Any) -> None:
    if not isinstance(limits, dict):
        raise PolicyInvalid(problem=f"{where} maps roles to fen")
    for role, limit in limits.items():
        if role not in Role.values:
            raise PolicyInvalid(problem=f"{where}: there is no role {role!r}")
        if limit is not None and not _whole(limit):
            raise PolicyInvalid(problem=f"{where}: {role} needs a whole number of fen, or null")


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


@dataclass(frozen=True)
class LimitsInForce:
    """The limits of every operator at one moment: its own version's, or the group's."""

    group: Mapping[str, Any]
    own: Mapping[int, Mapping[str, Any]]

    @classmethod
    def at(cls, moment: datetime) -> "LimitsInForce":
        """One statement; one more where operators have versions of their own."""
        by_scope = {
            scope: policy.body["kinds"]
            for scope, policy in policies_in_force(kind=POLICY, moment=moment).items()
        }
        group = by_scope.pop("", {})
        if not by_scope:
            return cls(group, {})
        codes = Operator.objects.filter(code__in=by_scope).values_list("pk", "code")
        return cls(group, {pk: by_scope[code] for pk, code in codes})

    def operators_of(self, store_ids: Iterable[int | None]) -> dict[int, int]:
        """Store to operator, asked only where an operator has limits of its own."""
        if not self.own:
            return {}
        stores = Store.objects.filter(pk__in=[pk for pk in store_ids if pk is not None])
        return dict(stores.values_list("pk", "operator_id"))

    def of(self, kind: ApprovalKind, operator_id: int | None) -> Limits:
        kinds = self.own.get(operator_id or 0, self.group)
        return kinds.get(kind.code, kind.limits)


def _highest(limits: Mapping[str, int | None], roles: Iterable[str]) -> Authority | None:
    found = [Authority(role, limits[role]) for role in roles if role in limits]
    return max(found, key=lambda a: (a.limit_fen is None, a.limit_fen or 0), default=None)


def _reaching(assigned: Assigned, *, operator_id: int | None, store_id: int | None) -> Assigned:
    """Those assignments that reach the place: it, its operator, or headquarters."""
    return [
        (role, store, operator)
        for role, store, operator in assigned
        if (store is None and operator is None)
        or (store is not None and store == store_id)
        or (operator is not None and operator == operator_id)
    ]


def checker_authority(
    *,
    user: Any,
    kind: ApprovalKind,
    operator_id: int | None,
    store_id: int | None,
    now: datetime,
) -> Authority | None:
    """By which of their roles there ``user`` approves most; None when by none. A superuser does
    without limit."""
    if not user.is_active:
        return None
    if user.is_superuser:
        return Authority(SUPERUSER, None)
    assigned = assigned_roles(user, now)
    there = _reaching(assigned, operator_id=operator_id, store_id=store_id)
    roles = [row[0] for row in there if kind.permission in granted_by(*row)]
    limits = LimitsInForce.at(now).of(kind, operator_id) if roles else {}
    return _highest(limits.get(CHECK, {}), roles)


@dataclass(frozen=True)
class Alone:
    """What ``user`` does without another person: limits and assignments are read once, for as
    many questions as a page has."""

    user: Any
    limits: LimitsInForce
    assigned: Assigned

    @classmethod
    def at(cls, user: Any, now: datetime) -> "Alone":
        """At most three statements; none for a superuser."""
        if user.is_active and user.is_superuser:
            return cls(user, LimitsInForce({}, {}), [])
        return cls(user, LimitsInForce.at(now), assigned_roles(user, now))

    def needs_another(
        self,
        *,
        kind: str,
        amount_fen: int,
        operator_id: int | None = None,
        store_id: int | None = None,
        base_fen: int | None = None,
    ) -> bool:
        """See :func:`approval_needed`."""
        if self.user.is_active and self.user.is_superuser:
            return False
        limits = self.limits.of(approval_kind(kind), operator_id)
        if base_fen is not None and amount_fen <= share_down(base_fen, limits.get(SHARE, 0)):
            return False
        there = _reaching(self.assigned, operator_id=operator_id, store_id=store_id)
        own = _highest(limits.get(ALONE, {}), (row[0] for row in there))
        return own is None or not own.covers(amount_fen)


def approval_needed(
    *,
    user: Any,
    kind: str,
    amount_fen: int,
    now: datetime,
    operator_id: int | None = None,
    store_id: int | None = None,
    base_fen: int | None = None,
) -> bool:
    """Whether ``user`` needs another person for ``amount_fen`` at this place.

    ``base_fen``: what the amount is a change of, for a kind whose limits have a ``share_bp``. That
    the user may do it at all is for the caller to ask. A superuser needs nobody.
    """
    return Alone.at(user, now).needs_another(
        kind=kind,
        amount_fen=amount_fen,
        operator_id=operator_id,
        store_id=store_id,
        base_fen=base_fen,
    )


def to_decide(user: Any, now: datetime) -> Q | None:
    """What waits for ``user``, within their places and limits and not their own, as a condition
    over Approval; None for whoever approves nothing anywhere."""
    decidable = _decidable(user, now)
    if decidable is None:
        return None
    waiting = Q(state=ApprovalState.PENDING, expires_at__gt=now) & ~Q(maker_id=user.pk)
    return waiting & decidable


def _decidable(user: Any, now: datetime) -> Q | None:
    """Those that :func:`checker_authority` would let ``user`` approve."""
    if not user.is_active:
        return None
    if user.is_superuser:
        return Q()
    # A list for the eye: as the rest of its page, by assignments read once per request.
    assigned = assigned_roles(user)
    if not assigned:
        return None
    limits = LimitsInForce.at(now)
    operators = limits.operators_of(store for _role, store, _operator in assigned)
    found: Q | None = None
    for role, store_id, operator_id in assigned:
        granted = granted_by(role, store_id, operator_id)
        for kind in approval_kinds():
            if kind.permission not in granted:
                continue
            if store_id is not None:
                places = [(Q(store_id=store_id), limits.of(kind, operators.get(store_id)))]
            elif operator_id is not None:
                places = [(Q(operator_id=operator_id), limits.of(kind, operator_id))]
            else:
                places = list(_everywhere(limits, kind))
            for place, of_kind in places:
                if role in of_kind.get(CHECK, {}):
                    one = place & Q(kind=kind.code) & _within(of_kind[CHECK][role])
                    found = one if found is None else found | one
    return found


def _everywhere(limits: LimitsInForce, kind: ApprovalKind) -> Iterator[tuple[Q, Limits]]:
    """The group falls into operators with limits of their own, and the rest."""
    for operator_id in limits.own:
        yield Q(operator_id=operator_id), limits.of(kind, operator_id)
    rest = ~Q(operator_id__in=list(limits.own)) if limits.own else Q()
    yield rest, limits.of(kind, None)


def _within(limit_fen: int | None) -> Q:
    return Q() if limit_fen is None else Q(amount_fen__lte=limit_fen)
