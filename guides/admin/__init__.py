"""Pages of guides."""

from guides.admin import people  # noqa: F401
