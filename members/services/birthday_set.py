"""A member's birthday: told once, changed once a year, corrected by staff."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import record
from members.birthdays import Birthday
from members.events import BirthdayChanged
from members.models import Member

# Presents hang on it: nobody's moves along with the calendar.
PAUSE = timedelta(days=365)


class BirthdayFixed(Conflict):
    code = "birthday_fixed"
    message = _("A birthday can be changed once a year. The service desk corrects a mistake.")


def birthday_set(
    *, member_id: int, month: int, day: int, actor: Actor, now: datetime, year: int | None = None
) -> Birthday:
    """What the member says of themselves. Saying the same again changes nothing.

    Raises BirthdayInvalid, NotFound, and BirthdayFixed within a year of the last change.
    """
    told = Birthday.read(month, day, year, today=clock.local_date(now))
    with transaction.atomic():
        free = Q(birthday_at__isnull=True) | Q(birthday_at__lte=now - PAUSE)
        if not _write(member_id, told, free, "", actor, now):
            member = Member.objects.filter(pk=member_id).first()
            if member is None:
                raise NotFound()
            if member.birthday != told:
                raise BirthdayFixed()
    return told


def birthday_correct(
    *,
    member_id: int,
    month: int,
    day: int,
    reason: str,
    actor: Actor,
    now: datetime,
    year: int | None = None,
) -> Birthday:
    """Staff put it right, at any time. Raises BirthdayInvalid, NotFound."""
    right = Birthday.read(month, day, year, today=clock.local_date(now))
    with transaction.atomic():
        if not _write(member_id, right, Q(), reason, actor, now):
            raise NotFound()
    return right


def _write(
    member_id: int, birthday: Birthday, free: Q, reason: str, actor: Actor, now: datetime
) -> bool:
    """In one statement: two at once do not both find it free."""
    changed = Member.objects.filter(free, pk=member_id).update(
        birth_month=birthday.month,
        birth_day=birthday.day,
        birth_year=birthday.year,
        birthday_at=now,
    )
    if changed:
        record([BirthdayChanged(subject_id=member_id, reason=reason)], actor=actor, now=now)
    return bool(changed)
