"""Celery tasks of stores."""

from celery import shared_task

from config.kernel import clock
from stores.services.ledger_seal import ledger_seal as seal


@shared_task(name="stores.tasks.ledger_seal")
def ledger_seal() -> None:
    seal(now=clock.now())
