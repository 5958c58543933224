"""When a guide's allowance of coupons begins anew."""

from datetime import date, datetime, timedelta

from config.kernel.clock import local_date
from guides.states import AllowancePeriod


def period_start(period: str, now: datetime) -> date:
    """The first day, in Shanghai, of the day, week (from Monday) or month that ``now`` is in."""
    today = local_date(now)
    if period == AllowancePeriod.WEEK:
        return today - timedelta(days=today.weekday())
    return today.replace(day=1) if period == AllowancePeriod.MONTH else today
