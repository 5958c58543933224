"""What of the dashboard a person may see: the stores they are assigned to."""

from typing import Any

from config.kernel.dashboard import StoreChoice, Visible
from stores.models import Store
from stores.selectors import staff_store_filter


def visible(user: Any) -> Visible:
    """By default nothing; two statements."""
    allowed = staff_store_filter(user)
    rows = (
        Store.objects.filter(allowed)
        .order_by("operator__name", "name", "pk")
        .values_list("pk", "name", "operator_id", "operator__name")
    )
    # No condition at all is what superusers and headquarters get.
    return Visible(not allowed, [StoreChoice(*row) for row in rows])
