"""Pages of the mall."""

from mall.admin import catalogue, money, order, stock  # noqa: F401
