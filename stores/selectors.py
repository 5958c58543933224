"""Reads over the organisation: who may see which store."""

from datetime import datetime

from django.db.models import Q

from config.kernel import clock
from stores.models import Assignment, Pickup, Store


def active_assignments(user, now: datetime | None = None):
    """The assignments of ``user`` in force at ``now`` (default: now)."""
    now = now or clock.now()
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


def staff_at_store(user, *, store: Store, now: datetime) -> bool:
    """Whether ``user`` is assigned to ``store`` at ``now``: to it, to its operator or to
    headquarters. Stricter than seeing it: a superuser without an assignment is nobody's staff."""
    if not user.is_active:
        return False
    scope = Q(store=store) | Q(store__isnull=True, operator_id=store.operator_id)
    everywhere = Q(store__isnull=True, operator__isnull=True)
    return active_assignments(user, now).filter(scope | everywhere).exists()


def pickup_of(*, order_no: str) -> Pickup | None:
    """The pickup of an order, if it has one."""
    return Pickup.objects.filter(order_no=order_no).select_related("store").first()
