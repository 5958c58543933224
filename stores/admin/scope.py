"""What of a list its reader may see: rows of their stores or of their operators, else nothing."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Q
from django.http import HttpRequest

from stores.models import Store
from stores.selectors import active_assignments


@dataclass(frozen=True)
class StaffScope:
    """``everything`` for superusers and headquarters; otherwise the operators and, for the rest,
    the stores a person is assigned to now."""

    everything: bool
    operator_ids: frozenset[int]
    stores: Any


def staff_scope(request: HttpRequest) -> StaffScope:
    """The scope of the request's user; read from the database once per request."""
    found = getattr(request, "_staff_scope", None)
    if found is None:
        user = request.user
        everything, operators = user.is_active and user.is_superuser, set()
        if user.is_active and not everything:
            for store_id, operator_id in active_assignments(user).values_list(
                "store_id", "operator_id"
            ):
                if operator_id:
                    operators.add(operator_id)
                elif not store_id:
                    everything = True
        found = StaffScope(everything, frozenset(operators), Store.objects.for_staff(user))
        request._staff_scope = found  # type: ignore[attr-defined]
    return found


class StaffScoped:
    """Mixed into a ModelAdmin: ``store_paths`` and ``operator_paths`` lead to what a row belongs
    to; it is seen by whoever is assigned there. Without either, headquarters alone see rows."""

    store_paths: tuple[str, ...] = ()
    operator_paths: tuple[str, ...] = ()

    def staff_filter(self, request: HttpRequest) -> Q | None:
        """Condition over the model; None for everything."""
        scope = staff_scope(request)
        if scope.everything:
            return None
        allowed = Q(pk__in=[])
        for path in self.store_paths:
            allowed |= Q(**{f"{path}__in": scope.stores})
        if scope.operator_ids:
            for path in self.operator_paths:
                allowed |= Q(**{f"{path}__in": scope.operator_ids})
        return allowed

    def get_queryset(self, request: HttpRequest):
        queryset = super().get_queryset(request)  # type: ignore[misc]
        condition = self.staff_filter(request)
        return queryset if condition is None else queryset.filter(condition)
