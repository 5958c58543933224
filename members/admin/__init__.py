"""Pages of members, their cards, points and messages."""

from members.admin import cards, people  # noqa: F401
