"""Celery tasks of coupons."""

from celery import shared_task

from config.kernel import clock
from config.kernel.actors import SYSTEM
from coupons.guards import coupon_expire
from coupons.services.claim_decisions_purge import claim_decisions_purge
from coupons.services.coupon_gift import coupon_gifts_expire
from coupons.services.quota_alerts import quota_alerts_find
from coupons.services.slots_keep import slots_keep


@shared_task(name="coupons.tasks.coupons_expire", expires=600)
def coupons_expire() -> None:
    """End coupons whose time is over, in batches until none is left."""
    while coupon_expire(now=clock.now()):
        continue


@shared_task(name="coupons.tasks.coupon_gifts_expire", expires=300)
def coupon_gifts_expire_all() -> None:
    """Give back the gifts that nobody took."""
    while coupon_gifts_expire(actor=SYSTEM, now=clock.now()):
        continue


@shared_task(name="coupons.tasks.coupon_slots_keep", expires=30)
def coupon_slots_keep() -> None:
    """Keep coupons ready where a rush is expected, and give back what no rush took."""
    slots_keep(now=clock.now())


@shared_task(name="coupons.tasks.quota_alerts", expires=60)
def quota_alerts() -> None:
    """Say where more is claimed than was planned."""
    quota_alerts_find(now=clock.now())


@shared_task(name="coupons.tasks.claim_decisions_purge", expires=3600)
def claim_decisions_purge_all() -> None:
    """Forget why old claims were judged as they were."""
    while claim_decisions_purge(now=clock.now()):
        continue
