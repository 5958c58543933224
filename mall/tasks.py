"""Celery tasks of the mall: one service call each."""

from celery import shared_task

from config.kernel import clock
from mall.services.delivery_address import addresses_erase as erase
from mall.services.order_close import orders_close as close
from mall.services.order_deliver import orders_deliver as deliver
from mall.services.order_end import orders_expire as expire
from mall.services.payment_query import payments_query as query
from mall.services.refund_send import refunds_send as send

# What one run may ask the gateway about before it leaves the worker to others.
BATCHES = 10


@shared_task(name="mall.tasks.orders_expire", expires=60)
def orders_expire() -> None:
    expire(now=clock.now())


@shared_task(name="mall.tasks.payments_query", expires=60)
def payments_query() -> None:
    """Ask about open payments, a few batches at most: the next beat goes on."""
    for _batch in range(BATCHES):
        if not query(now=clock.now()):
            return


@shared_task(name="mall.tasks.refunds_send", expires=60)
def refunds_send() -> None:
    send(now=clock.now())


@shared_task(name="mall.tasks.orders_close", expires=600)
def orders_close() -> None:
    close(now=clock.now())


@shared_task(name="mall.tasks.orders_deliver", expires=600)
def orders_deliver() -> None:
    deliver(now=clock.now())


@shared_task(name="mall.tasks.addresses_erase", expires=3600)
def addresses_erase() -> None:
    while erase(now=clock.now()):
        continue
