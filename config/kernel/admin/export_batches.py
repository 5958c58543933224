"""An export in the background: the list is asked again by the worker, as its maker would see it."""

from collections.abc import Iterator, Sequence
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import SuspiciousOperation
from django.utils.translation import gettext_lazy as _

from config.kernel.admin.unattended import request_of
from config.kernel.batches import (
    BatchWorkUnknown,
    Clock,
    LeaseLost,
    Outcome,
    batch_progress,
    register_kind,
)
from config.kernel.errors import DomainError, Forbidden
from config.kernel.export_files import KEPT, KIND, ExportGone, new_file
from config.kernel.exports import csv_lines, xlsx_file
from config.kernel.models import Batch

STEP = 1000


class ExportNotUnderstood(DomainError):
    code = "export_not_understood"
    message = _("The list does not know this filter any more.")


def export_work(batch: Batch, clock: Clock) -> Outcome:
    """Write the file anew from its first row: half a file is of no use to the next worker.

    Raises BatchWorkUnknown, Forbidden (the permission is gone), ExportGone (what was asked for is
    forgotten), ExportNotUnderstood, LeaseLost.
    """
    page: Any = admin.site._registry.get(apps.get_model(batch.subject))
    if page is None:
        raise BatchWorkUnknown()
    asked = batch.request
    if asked.get("forgotten"):
        raise ExportGone()
    request = request_of(batch, asked["query"])
    if not page.has_export_permission(request):
        raise Forbidden()
    try:
        listed = page.get_changelist_instance(request).queryset
    except (IncorrectLookupParameters, SuspiciousOperation):
        raise ExportNotUnderstood() from None
    found = page.within(request, listed, "export")
    whole = asked["whole_phones"] and page.shows_phones(request)
    heads, cells = page.export_columns(request, whole)
    rows = _told(batch, page.export_rows(found, cells), clock)
    with new_file(batch, asked["format"]) as (name, file):
        if asked["format"] == "xlsx":
            xlsx_file(heads, rows, file)
        else:
            for lines in csv_lines(heads, rows):
                file.write(lines.encode())
    now = clock()
    # Rows came and went since the list was counted.
    if not Batch.objects.filter(pk=batch.pk, lease=batch.lease).update(total=batch.done):
        raise LeaseLost
    return Outcome(summary={"rows": batch.done}, file=name, expires_at=now + KEPT)


def _told(batch: Batch, rows: Iterator[Sequence[Any]], clock: Clock) -> Iterator[Sequence[Any]]:
    """``rows``, with a word on the batch at each step."""
    number = 0
    batch_progress(batch, done=0, now=clock())
    for number, row in enumerate(rows, start=1):
        yield row
        if number % STEP == 0:
            batch_progress(batch, done=number, now=clock())
    batch_progress(batch, done=number, now=clock())


register_kind(KIND, _("export of a list"), export_work)
