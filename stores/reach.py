"""Where a person holds a permission.

A permission holds where an assignment that grants it reaches: at its store, at the stores of its
operator, or (headquarters) everywhere. A manager at one store who is a clerk at another has a
manager's powers at the first alone. :func:`staff_reach` is the one place that decides this; lists,
pages, commands, exports, figures and the desk ask it.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.db.models import Model, Q

from config.kernel import clock
from stores.models import Assignment, Store
from stores.permissions import granted_by


@dataclass(frozen=True, slots=True)
class Place:
    """Paths from a model to the stores and to the operators that its rows belong to. Without any,
    its rows are the whole group's."""

    stores: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reach:
    """``everything``, or the stores of ``operator_ids`` and the ``store_ids``. Falsy: nowhere."""

    everything: bool = False
    operator_ids: frozenset[int] = frozenset()
    store_ids: frozenset[int] = frozenset()

    def __bool__(self) -> bool:
        return self.everything or bool(self.operator_ids or self.store_ids)

    def stores(self) -> Q:
        """Condition over Store."""
        if self.everything:
            return Q()
        allowed = Q(pk__in=self.store_ids)
        return allowed | Q(operator_id__in=self.operator_ids) if self.operator_ids else allowed

    def operators(self) -> Q:
        """Condition over Operator: those that are reached as a whole."""
        return Q() if self.everything else Q(pk__in=self.operator_ids)

    def rows(self, place: Place) -> Q:
        """Condition over the model that ``place`` is told of."""
        if self.everything:
            return Q()
        allowed = Q(pk__in=[])
        if not self:
            return allowed
        for path in place.stores:
            allowed |= Q(**{f"{path}__in": Store.objects.filter(self.stores())})
        if self.operator_ids:
            for path in place.operators:
                allowed |= Q(**{f"{path}__in": self.operator_ids})
        return allowed

    def contains(self, other: "Reach") -> bool:
        """Whether ``other`` leads nowhere that this does not; a store is not looked up."""
        if self.everything:
            return True
        return (
            not other.everything
            and other.operator_ids <= self.operator_ids
            and other.store_ids <= self.store_ids
        )


EVERYWHERE = Reach(everything=True)
NOWHERE = Reach()

_places: dict[type[Model], Place] = {}


def place_rows(model: type[Model], place: Place) -> None:
    """Say where rows of ``model`` belong. A model that nobody placed belongs to nobody in
    particular (brands, tiers): its permissions hold for all of it or not at all."""
    _places[model] = place


def active_assignments(user, now: datetime | None = None):
    """The assignments of ``user`` in force at ``now`` (default: now)."""
    now = now or clock.now()
    return Assignment.objects.filter(
        Q(until__isnull=True) | Q(until__gt=now), user_id=user.pk, since__lte=now
    )


def assigned_roles(user, now: datetime | None = None) -> list[tuple[str, int | None, int | None]]:
    """(role, store, operator) of each assignment in force.

    With ``now`` they are read; without, once for this instance of the user, which is what a
    request has.
    """
    if not user.is_active:
        return []
    if now is not None:
        return _read(user, now)
    known = getattr(user, "_assigned_roles", None)
    if known is None:
        known = user._assigned_roles = _read(user, None)
    return known


def _read(user, now: datetime | None) -> list[tuple[str, int | None, int | None]]:
    rows = active_assignments(user, now).order_by("pk")
    return list(rows.values_list("role", "store_id", "operator_id"))


def staff_reach(user, *permissions: str, now: datetime | None = None) -> Reach:
    """Where ``user`` holds at least one of ``permissions``; :data:`NOWHERE` by default.

    What was granted to the person or to a group of theirs holds at every place they are assigned
    to. A superuser holds everything everywhere. ``now`` as in :func:`assigned_roles`.
    """
    if not user.is_active:
        return NOWHERE
    if user.is_superuser:
        return EVERYWHERE
    assigned = assigned_roles(user, now)
    wanted = frozenset(permissions)
    granting = [row for row in assigned if wanted & granted_by(*row)]
    if len(granting) < len(assigned) and wanted & ModelBackend().get_all_permissions(user):
        granting = assigned
    return _union(granting)


def work_reach(user, permission: str, *, now: datetime) -> Reach:
    """Where somebody stands who does what ``permission`` allows, by a role and nothing else: a
    superuser without an assignment is nobody's staff. Read anew."""
    return _union([row for row in assigned_roles(user, now) if permission in granted_by(*row)])


def _union(assigned: list[tuple[str, int | None, int | None]]) -> Reach:
    stores = frozenset(store for _role, store, _operator in assigned if store)
    operators = frozenset(operator for _role, _store, operator in assigned if operator)
    if any(store is None and operator is None for _role, store, operator in assigned):
        return EVERYWHERE
    return Reach(False, operators, stores)


def staff_holds(user, *permissions: str, row: Any) -> bool:
    """Whether one of ``permissions`` holds for this very ``row``; at most one statement, asked
    once for this instance of the user."""
    if type(row) not in _places:
        return any(user.has_perm(permission) for permission in permissions)
    reach = staff_reach(user, *permissions)
    if not reach or reach.everything:
        return bool(reach)
    known = user.__dict__.setdefault("_rows_reached", {})
    key = (reach, type(row), row.pk)
    if key not in known:
        known[key] = reaches(reach, row)
    return known[key]


def reaches(reach: Reach, row: Any) -> bool:
    """Whether ``row``, as the database has it now, lies within ``reach``; one statement."""
    place = _places.get(type(row), Place())
    return type(row)._base_manager.filter(reach.rows(place), pk=row.pk).exists()
