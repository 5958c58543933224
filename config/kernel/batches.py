"""Long work that somebody asked for: asked, claimed, done piece by piece, finished or failed.

A batch is taken up by one worker at a time. Its claim is a lease with a random name: every step
it records must still hold that name, so a worker that was believed dead and wakes up again can
record nothing more and rolls back what it was doing. A batch whose worker died is taken up by
the next one when the lease runs out, at the row where it stands.

The beat's ``batches_run`` is what guarantees that work is taken up; a nudge after commit only
makes it sooner. One batch at a time runs in the background, so that the events of sales always
find a free worker.
"""

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Func, JSONField, Q, Value
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import Conflict, DomainError
from config.kernel.locks import advisory
from config.kernel.models import Batch, User

logger = logging.getLogger(__name__)
# Longer than the longest silence of a worker that lives: closing a workbook of a million rows.
LEASE = timedelta(minutes=3)
# A batch that was interrupted this often is stopped: it may be what kills its workers.
MAX_RUNS = 5
Clock = Callable[[], datetime]


class BatchNotResumable(Conflict):
    code = "batch_not_resumable"
    message = _("Only work that failed can be taken up again.")


class BatchEnded(Conflict):
    code = "batch_ended"
    message = _("This work has ended already.")


class BatchWorkUnknown(DomainError):
    code = "batch_work_unknown"
    message = _("Nobody here knows how to do this work any more.")


class LeaseLost(Exception):
    """Another worker holds the batch, or it was ended: what this one did must not count."""


@dataclass(frozen=True)
class Outcome:
    """What a finished batch leaves: figures, and perhaps a file until a moment."""

    summary: dict[str, Any] = field(default_factory=dict)
    file: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True)
class Kind:
    """``work(batch, clock)`` does it from where it stands; raises DomainError to fail in words.

    A kind without work is only told of, by whoever does it elsewhere.
    """

    label: Any
    work: Callable[[Batch, Clock], Outcome] | None = None


kinds: dict[str, Kind] = {}


def register_kind(
    kind: str, label: Any, work: Callable[[Batch, Clock], Outcome] | None = None
) -> None:
    kinds[kind] = Kind(label, work)


register_kind("import_catalog", _("import of the catalogue"))
register_kind("import_stock", _("import of stock"))
register_kind("simulate", _("simulated day"))


def batch_ask(
    *,
    kind: str,
    source: str,
    subject: str,
    request: dict[str, Any],
    total: int,
    user: User,
    now: datetime,
) -> Batch:
    """Put ``total`` rows of work down for ``user``, who is told of it in the language of now.

    ``subject`` is the label of the list it is about, ``request`` what ``kind``'s work reads.
    """
    return Batch.objects.create(
        kind=kind,
        source=source[:200],
        subject=subject,
        request={**request, "language": translation.get_language()},
        total=total,
        started_by=user,
        started_at=now,
    )


def batch_claim(*, now: datetime, batch_id: int | None = None) -> Batch | None:
    """Take the batch, or the oldest that waits while none runs; None where there is nothing.

    One that was interrupted too often is failed instead.
    """
    known = [kind for kind, known in kinds.items() if known.work]
    with transaction.atomic():
        open_ = Batch.objects.filter(finished_at__isnull=True, kind__in=known)
        if batch_id is not None:
            open_ = open_.filter(pk=batch_id)
        else:
            advisory("kernel.batch", [1])
            if open_.filter(lease_until__gt=now).exists():
                return None
        for pk, runs in open_.filter(_free(now)).order_by("id").values_list("pk", "runs"):
            if runs >= MAX_RUNS:
                _end(pk, _("It was interrupted too often."), now)
                continue
            lease = token_hex(16)
            if _take(pk, lease, now):
                return Batch.objects.select_related("started_by").get(pk=pk, lease=lease)
    return None


def _free(now: datetime) -> Q:
    return Q(lease_until__isnull=True) | Q(lease_until__lte=now)


def _take(batch_id: int, lease: str, now: datetime) -> bool:
    """By compare-and-set: whoever comes second finds it taken."""
    taken = Batch.objects.filter(_free(now), pk=batch_id, finished_at__isnull=True).update(
        lease=lease, lease_until=now + LEASE, runs=F("runs") + 1
    )
    return bool(taken)


_PROGRESS = """
UPDATE kernel_batch
SET done = %s, rejects = rejects || %s::jsonb, lease_until = %s,
  summary = CASE WHEN %s::jsonb = '[]' THEN summary ELSE
    jsonb_set(summary, '{notes}', coalesce(summary -> 'notes', '[]') || %s::jsonb) END || %s::jsonb
WHERE id = %s AND lease = %s AND finished_at IS NULL
"""


def batch_progress(
    batch: Batch,
    *,
    done: int,
    rejects: Sequence[dict[str, Any]] = (),
    notes: Sequence[dict[str, Any]] = (),
    figures: Mapping[str, int] | None = None,
    now: datetime,
) -> None:
    """Record that ``done`` rows are done by now and ``rejects`` have come; the lease goes on.

    ``notes`` are what was said of rows that are done, ``figures`` what the summary says by now:
    whoever takes the work up again finds them there. In the transaction of the row it tells of,
    if that must happen exactly once. Raises LeaseLost.
    """
    bad, said = (json.dumps(list(part), cls=DjangoJSONEncoder) for part in (rejects, notes))
    with connection.cursor() as cursor:
        known = json.dumps(dict(figures or {}))
        cursor.execute(
            _PROGRESS, [done, bad, now + LEASE, said, said, known, batch.pk, batch.lease]
        )
        if not cursor.rowcount:
            raise LeaseLost
    batch.done = done
    batch.rejects = [*batch.rejects, *rejects]


def batch_work(batch: Batch, *, clock: Clock) -> None:
    """Do a claimed batch to its end; what stops it is written on it, for people.

    A database that is away is no failure: the lease runs out and it is taken up again.
    """
    work = kinds[batch.kind].work
    assert work is not None
    with translation.override(batch.request.get("language")):
        try:
            outcome = work(batch, clock)
        except LeaseLost:
            return
        except DomainError as error:
            _end(batch.pk, str(error), clock(), lease=batch.lease)
        except (OperationalError, InterfaceError):
            raise
        except Exception:
            logger.exception("batch %s failed", batch.pk)
            _end(batch.pk, _("An error of ours stopped it."), clock(), lease=batch.lease)
        else:
            Batch.objects.filter(pk=batch.pk, lease=batch.lease, finished_at__isnull=True).update(
                finished_at=clock(),
                lease_until=None,
                summary=Func(
                    F("summary"),
                    Value(outcome.summary, JSONField()),
                    template="%(expressions)s",
                    arg_joiner=" || ",
                    output_field=JSONField(),
                ),
                file=outcome.file,
                expires_at=outcome.expires_at,
            )


def batches_run(*, clock: Clock, most: int = 20) -> int:
    """Work off what waits, one after the other; returns how many were taken up."""
    for number in range(most):
        batch = batch_claim(now=clock())
        if batch is None:
            return number
        batch_work(batch, clock=clock)
    return most


def batch_resume(*, batch_id: int) -> Batch:
    """Take up work that failed where it stands. Raises BatchNotResumable."""
    moved = (
        Batch.objects.filter(pk=batch_id, kind__in=[k for k, v in kinds.items() if v.work])
        .exclude(error="")
        .update(error="", finished_at=None, lease="", lease_until=None, runs=0)
    )
    if not moved:
        raise BatchNotResumable()
    return Batch.objects.get(pk=batch_id)


def batch_stop(*, batch_id: int, now: datetime) -> None:
    """Stop work that waits or runs: the row it is at is the last, and may not be done any more.

    It may be taken up again. Raises BatchEnded.
    """
    if not _end(batch_id, _("Stopped by hand."), now):
        raise BatchEnded()


def _end(batch_id: int, error: Any, now: datetime, **held: str) -> int:
    return Batch.objects.filter(pk=batch_id, finished_at__isnull=True, **held).update(
        error=str(error)[:300], finished_at=now, lease_until=None
    )
