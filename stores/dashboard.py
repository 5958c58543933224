"""What of the dashboard a person may see: for each figure the stores where they may see it."""

from typing import Any

from config.kernel.dashboard import StoreChoice, Visible
from stores.models import Store
from stores.reach import Reach, staff_reach


def visible(user: Any) -> Visible:
    """By default nothing; two statements at most."""
    reach = staff_reach(user, "stores.view_store")
    rows = (
        Store.objects.filter(reach.stores())
        .order_by("operator__name", "name", "pk")
        .values_list("pk", "name", "operator_id", "operator__name")
    )
    stores = [StoreChoice(*row) for row in rows]

    def where(permission: str) -> Visible:
        return _narrowed(stores, staff_reach(user, permission))

    return Visible(reach.everything, stores, where)


def _narrowed(stores: list[StoreChoice], reach: Reach) -> Visible:
    if reach.everything:
        return Visible(True, stores)
    return Visible(
        False,
        [s for s in stores if s.pk in reach.store_ids or s.operator_id in reach.operator_ids],
    )
