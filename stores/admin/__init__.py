"""Pages of the organisation, the books and pickups."""

from stores.admin import ledger, organisation, pickup  # noqa: F401
