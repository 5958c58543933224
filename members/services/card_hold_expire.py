"""Holds end by themselves when nobody ended them."""

from datetime import datetime, timedelta

from config.kernel.actors import SYSTEM
from members.guards_expiry import card_holds_expire

# A payment that was made in the last moment is still under way: its order ends the hold.
GRACE = timedelta(minutes=10)


def card_hold_expire(*, now: datetime, limit: int = 500) -> int:
    """End up to ``limit`` holds whose time was over :data:`GRACE` ago. Returns how many."""
    return card_holds_expire(now=now, before=now - GRACE, limit=limit, actor=SYSTEM)
