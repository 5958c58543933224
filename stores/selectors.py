"""Reads over the organisation."""

from datetime import datetime

from stores.models import Pickup, Store
from stores.permissions import DESK
from stores.reach import work_reach


def staff_at_store(user, *, store: Store, now: datetime) -> bool:
    """Whether ``user`` works at the desk of ``store`` at ``now``: by a role that does desk work at
    it, at its operator or at headquarters. Stricter than seeing it: auditors and finance see a
    store and hand nothing over, and a superuser without an assignment is nobody's staff."""
    reach = work_reach(user, DESK, now=now)
    if reach.everything:
        return True
    return store.pk in reach.store_ids or store.operator_id in reach.operator_ids


def pickup_of(*, order_no: str) -> Pickup | None:
    """The pickup of an order, if it has one."""
    return Pickup.objects.filter(order_no=order_no).select_related("store").first()
