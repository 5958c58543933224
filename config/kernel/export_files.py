"""Exports that were made in the background: files that their maker alone fetches, for a week.

They lie in ``EXPORT_DIR``, which web and worker processes share and no web server serves.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.batches import batch_ask
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import EventBase, record
from config.kernel.exports import export_record
from config.kernel.models import Batch, User

KIND = "export"
# Kinds of batches that leave a file here; other apps add theirs.
file_kinds = {KIND}
KEPT = timedelta(days=7)
_LEFTOVER = timedelta(days=1)


class ExportUnknown(NotFound):
    code = "export_unknown"


class ExportGone(Conflict):
    code = "export_gone"
    message = _("The file is not there any more: export the list again.")


@dataclass(frozen=True, kw_only=True)
class ExportFetched(EventBase):
    """The maker of a background export took its file of ``count`` rows away."""

    kind = "kernel.export_fetched"
    subject_type = "kernel.batch"
    count: int


def export_ask(
    *,
    model: str,
    title: str,
    format: str,
    count: int,
    query: str,
    filters: dict[str, list[str]],
    whole_phones: bool,
    user: User,
    now: datetime,
) -> Batch:
    """Have the list at ``model`` (its label) with ``query`` made into a file; on record like one
    that is streamed. Raises ExportTooLong."""
    with transaction.atomic():
        export_record(
            model=model,
            format=format,
            count=count,
            filters=filters,
            whole_phones=whole_phones,
            actor=Actor.user(user),
            now=now,
        )
        return batch_ask(
            kind=KIND,
            source=title,
            subject=model,
            request={"format": format, "query": query, "whole_phones": whole_phones},
            total=count,
            user=user,
            now=now,
        )


def export_fetch(*, batch_id: int, user: User, now: datetime, actor: Actor | None = None) -> Path:
    """The file of ``user``'s own export, on record. Raises ExportUnknown, ExportGone."""
    with transaction.atomic():
        batch = Batch.objects.filter(pk=batch_id, kind__in=file_kinds, started_by=user).first()
        if batch is None or batch.finished_at is None or batch.error:
            raise ExportUnknown()
        path = folder().joinpath(batch.file)
        if not batch.file or not batch.expires_at or batch.expires_at <= now or not path.is_file():
            raise ExportGone()
        event = ExportFetched(subject_id=batch.pk, count=batch.done)
        record([event], actor=actor or Actor.user(user), now=now)
    return path


def folder() -> Path:
    """EXPORT_DIR, made on first use, for nobody else's eyes."""
    path = Path(settings.EXPORT_DIR)
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    return path


@contextmanager
def new_file(batch: Batch, format: str) -> Iterator[tuple[str, IO[bytes]]]:
    """The name of a file to be and what to write it to; it is there once the block succeeded."""
    name = f"{batch.pk}-{token_hex(16)}.{format}"
    part = folder().joinpath(f"{name}.part")
    try:
        with part.open("xb") as file:
            part.chmod(0o600)
            yield name, file
        part.replace(folder().joinpath(name))
    finally:
        part.unlink(missing_ok=True)


def exports_purge(*, now: datetime) -> int:
    """Delete files whose time is over, and what workers that died left; returns how many batches.

    What was searched for goes with the file: it may name a person. Where there never was a file,
    it goes as long after the end, and the work is not taken up again: without it, it would be
    another list.
    """
    over = Q(expires_at__lte=now) | Q(expires_at=None, finished_at__lte=now - KEPT)
    # Only lists have something to forget beside the file.
    left = Q(file__gt="") | Q(kind=KIND) & ~Q(request__query="")
    ended = Batch.objects.filter(over, left, kind__in=file_kinds)
    purged = 0
    for batch in ended.order_by("pk"):
        if batch.file:
            folder().joinpath(batch.file).unlink(missing_ok=True)
        kept: dict[str, Any] = {**batch.request, "query": "", "forgotten": True}
        purged += Batch.objects.filter(pk=batch.pk).update(file="", request=kept)
    _sweep(now)
    return purged


def _sweep(now: datetime) -> None:
    """Old files that no batch knows: half ones, and whole ones whose worker came too late."""
    old = [path for path in folder().iterdir() if _age(path, now) > _LEFTOVER]
    known = set(Batch.objects.filter(file__in=[p.name for p in old]).values_list("file", flat=True))
    for path in old:
        if path.name not in known:
            path.unlink(missing_ok=True)


def _age(path: Path, now: datetime) -> timedelta:
    try:
        return now - datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return timedelta(0)
