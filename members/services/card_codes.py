"""The codes of a corporate batch, made in the background."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.batches import Clock, Outcome, batch_ask, batch_progress
from config.kernel.batches import register_kind as register_batch
from config.kernel.errors import NotFound
from config.kernel.models import Batch
from config.kernel.numbers import code_shown
from members.activation import activation_code
from members.models import CardActivation, CardBatch
from members.services.card_batch import card_batch_make

KIND = "card_codes"


def register() -> None:
    register_batch(KIND, _("activation codes"), make_codes)


def card_codes(*, batch_id: int, user: Any, now: datetime) -> Batch:
    """Have the codes of a batch made by a worker; progress is the kernel batch's. Raises
    NotFound."""
    batch = CardBatch.objects.filter(pk=batch_id).first()
    if batch is None:
        raise NotFound()
    return batch_ask(
        kind=KIND,
        source=batch.no,
        subject=CardBatch._meta.label_lower,
        request={"batch_id": batch.pk},
        total=batch.count,
        user=user,
        now=now,
    )


def make_codes(work: Batch, clock: Clock) -> Outcome:
    """A portion at a time, each with its progress: a worker that died is followed by another
    where it stopped. Raises NotFound."""
    while True:
        with transaction.atomic():
            made = card_batch_make(batch_id=work.request["batch_id"])
            done = CardBatch.objects.get(pk=work.request["batch_id"]).made
            batch_progress(work, done=done, now=clock())
        if not made:
            return Outcome(summary={"codes": done})


def activation_codes(*, batch_id: int) -> Iterator[tuple[int, str, str]]:
    """(serial, code in groups, state) of what has been made, for the buyer's list. Whoever shows
    it says so on record."""
    batch = CardBatch.objects.get(pk=batch_id)
    rows = CardActivation.objects.filter(batch=batch).order_by("serial")
    for serial, state in rows.values_list("serial", "state").iterator():
        yield serial, code_shown(activation_code(batch.no, serial)), state
