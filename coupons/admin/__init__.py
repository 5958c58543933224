"""Pages of coupons."""

from coupons.admin import wallet  # noqa: F401
