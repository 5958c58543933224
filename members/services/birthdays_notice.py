"""Birthdays come: once a year each, with a message to whoever agreed to messages."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from config.kernel import clock
from config.kernel.policies import policy_at
from members.birthdays import born_on
from members.guards_birthday import birthdays_come
from members.selectors_tiers import KIND
from members.services.message_queue import MessageDraft, messages_queue

# Those of days on which no worker ran.
DAYS_BACK = 2


def birthdays_notice(*, now: datetime, limit: int = 500) -> int:
    """Record whose birthday it is today in Shanghai, or was in the last days and was missed;
    returns how many. Call until it returns 0.

    Who enters a birthday has it from the next one on: it must have been known when the day began.
    What is given for it is of the policy "tiers" in force at ``now``.
    """
    days = []
    for back in range(DAYS_BACK + 1):
        begins = clock.day_start(now - timedelta(days=back))
        day = clock.local_date(begins)
        days += [(month, dom, day.year, begins) for month, dom in born_on(day)]
    policy = policy_at(kind=KIND, moment=now)
    with transaction.atomic():
        come = birthdays_come(
            days, policy_id=None if policy is None else policy.pk, limit=limit, now=now
        )
        messages_queue(
            [
                MessageDraft(
                    member_id=member_id,
                    template="birthday",
                    key=f"birthday:{member_id}:{year}",
                    data={
                        "thing1": _("Happy birthday"),
                        "date2": clock.local_date(now).isoformat(),
                    },
                )
                for member_id, year in come
            ],
            now=now,
        )
    return len(come)
