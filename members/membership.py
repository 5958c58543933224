"""Paid membership: what is left of it, and what that is worth. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from config.kernel.money import BASIS_POINTS, proportion_down

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RatePeriod:
    """Points are earned at ``rate_bp`` from ``since`` until just before ``end``."""

    since: datetime
    end: datetime
    rate_bp: int


def rate_at(periods: Iterable[RatePeriod], moment: datetime) -> int:
    """The best rate of those that hold at ``moment``; the normal one without any."""
    held = [p.rate_bp for p in periods if p.since <= moment < p.end]
    return max(held, default=BASIS_POINTS)


def unused_days(*, since: datetime, until: datetime, now: datetime) -> int:
    """Whole days that are left; all of them before it begins, none after it ended. A day that has
    begun is used."""
    left = until - max(now, since)
    return max(left.days, 0)


def refund_fen(*, price_fen: int, since: datetime, until: datetime, now: datetime) -> int:
    """What is given back of ``price_fen``: the share of whole days that are left, rounded down."""
    days = (until - since).days
    return proportion_down(price_fen, unused_days(since=since, until=until, now=now), days)
