"""The one clock: the process clock corrected to PostgreSQL's.

Services never read it; they are given ``now``. Views, tasks and commands read it once at their
edge. The correction is measured whenever a database connection is opened, which with persistent
connections is about once a minute, so a machine whose clock is off by an hour still stamps
what the database would stamp.
"""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.backends.signals import connection_created
from django.utils import timezone

SHANGHAI = ZoneInfo("Asia/Shanghai")
_offset = timedelta(0)


def now() -> datetime:
    """Aware UTC time, in step with the database."""
    return timezone.now() + _offset


def local_date(moment: datetime):
    """The date on the wall in China at ``moment``."""
    return moment.astimezone(SHANGHAI).date()


def day_start(moment: datetime) -> datetime:
    """Midnight in Shanghai before ``moment``, aware."""
    return moment.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0)


def _calibrate(sender, connection, **kwargs) -> None:
    global _offset
    with connection.connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        theirs = cursor.fetchone()[0]
    drift = theirs - timezone.now()
    _offset = drift if abs(drift) > timedelta(milliseconds=200) else timedelta(0)


def install() -> None:
    connection_created.connect(_calibrate, dispatch_uid="kernel.clock")
