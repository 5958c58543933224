"""Celery tasks of coupons."""

from celery import shared_task

from config.kernel import clock
from coupons.guards import coupon_expire


@shared_task(name="coupons.tasks.coupons_expire", expires=600)
def coupons_expire() -> None:
    """End coupons whose time is over, in batches until none is left."""
    while coupon_expire(now=clock.now()):
        continue
