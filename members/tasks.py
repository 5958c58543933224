"""Celery tasks of members: keyword ids only, one service call each."""

from celery import shared_task

from config.kernel import clock
from config.kernel.actors import SYSTEM
from members.services.birthdays_notice import birthdays_notice as notice
from members.services.card_alerts import card_alerts_find
from members.services.card_gift import card_gift_expire
from members.services.card_hold_expire import card_hold_expire
from members.services.card_identity import card_identities_erase as identities_erase
from members.services.message_send import messages_send as send
from members.services.points_expire import points_expire as expire
from members.services.points_expire import points_hold_expire as point_hold_expire
from members.services.tier_review import tiers_review as review

# What one run may send before it leaves the worker to others.
BATCHES = 10


@shared_task(name="members.tasks.messages_send", expires=10)
def messages_send() -> None:
    """Send due messages, a few batches at most: the next beat goes on."""
    for _batch in range(BATCHES):
        if not send(now=clock.now()):
            return


@shared_task(name="members.tasks.points_expire")
def points_expire() -> None:
    """End the points whose time is over."""
    while expire(now=clock.now()):
        pass


@shared_task(name="members.tasks.tiers_review")
def tiers_review() -> None:
    """Renew or end the periods in tiers that are over."""
    while review(now=clock.now()):
        pass


@shared_task(name="members.tasks.birthdays")
def birthdays() -> None:
    """Birthdays come, also those that were missed."""
    while notice(now=clock.now()):
        pass


@shared_task(name="members.tasks.point_holds_expire")
def point_holds_expire() -> None:
    """End the holds of points that nobody ended."""
    while point_hold_expire(now=clock.now()):
        pass


@shared_task(name="members.tasks.card_holds_expire")
def card_holds_expire() -> None:
    """End the holds that nobody ended."""
    while card_hold_expire(now=clock.now()):
        pass


@shared_task(name="members.tasks.card_gifts_expire")
def card_gifts_expire() -> None:
    """Give back the gifts that nobody took."""
    while card_gift_expire(actor=SYSTEM, now=clock.now()):
        pass


@shared_task(name="members.tasks.card_alerts")
def card_alerts() -> None:
    """Look for what people should look at."""
    card_alerts_find(now=clock.now())


@shared_task(name="members.tasks.card_identities_erase")
def card_identities_erase() -> None:
    """Erase the identities whose time in the register is over."""
    while identities_erase(actor=SYSTEM, now=clock.now()):
        pass
