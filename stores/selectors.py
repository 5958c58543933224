"""Reads over the organisation: who may see which store."""

from django.db.models import Q

from config.kernel import clock
from stores.models import Assignment


def active_assignments(user):
    """The assignments of ``user`` in force now."""
    now = clock.now()
    return Assignment.objects.filter(
        Q(until__isnull=True) | Q(until__gt=now), user_id=user.pk, since__lte=now
    )


def staff_store_filter(user) -> Q:
    """Condition over Store: what ``user`` may see. Denies by default; superusers see all."""
    if not user.is_authenticated or not user.is_active:
        return Q(pk__in=[])
    if user.is_superuser:
        return Q()
    allowed = Q(pk__in=[])
    for store_id, operator_id in active_assignments(user).values_list("store_id", "operator_id"):
        if store_id:
            allowed |= Q(pk=store_id)
        elif operator_id:
            allowed |= Q(operator_id=operator_id)
        else:
            return Q()
    return allowed
