"""Batches: how far work is that runs by itself, what it could not take, and what came out.

Everybody sees the work they asked for; the list of all is for whoever may view batches.
"""

from collections.abc import Callable
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponseNotAllowed,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.admin.base import ReadOnlyAdmin
from config.kernel.admin.columns import BAD, BUSY, GOOD, WARN
from config.kernel.admin.people import staff_of
from config.kernel.batches import batch_resume, batch_stop, kinds
from config.kernel.errors import DomainError
from config.kernel.export_files import export_fetch
from config.kernel.exports import Head, csv_lines
from config.kernel.models import Batch, BatchStatus
from config.kernel.money import yuan
from config.kernel.tasks import nudge_batches

MINE_MOST = 50
REJECTS_SHOWN = 100
REFRESH_SECONDS = 2
_COLOURS = {
    BatchStatus.WAITING: WARN,
    BatchStatus.RUNNING: BUSY,
    BatchStatus.DONE: GOOD,
    BatchStatus.FAILED: BAD,
}
# What rejects are made of, in the order of a file's columns.
_REJECT_COLUMNS = {
    "file": _("file"),
    "line": _("line number"),
    "row": _("row"),
    "code": _("error code"),
    "reason": _("reason"),
}


def kind_label(batch: Batch) -> str:
    known = kinds.get(batch.kind)
    return str(known.label) if known else batch.kind


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    # What was searched for may name a person, a lease is nobody's business.
    hidden = ("request", "lease", "file", "rejects")
    list_display = [
        "started_at",
        "kind_text",
        "source",
        "started_by",
        "status_text",
        "progress_text",
        "rejected",
        "finished_at",
        "links",
    ]
    list_select_related = ["started_by"]
    list_filter = ["kind"]
    search_fields = ["kind", "source", "started_by__username"]
    date_hierarchy = "started_at"
    ordering = ["-id"]
    export_omits = ("action_checkbox", "links")

    @admin.display(description=_("kind"), ordering="kind")
    def kind_text(self, row: Batch) -> str:
        return kind_label(row)

    @admin.display(description=_("state"))
    def status_text(self, row: Batch) -> str:
        status = row.status
        return format_html(
            '<span class="mall-badge mall-badge-{}">{}</span>', _COLOURS[status], status.label
        )

    @admin.display(description=_("progress"))
    def progress_text(self, row: Batch) -> str:
        return render_to_string("admin/mall/batch_bar.html", {"batch": row})

    @admin.display(description=_("rejected"))
    def rejected(self, row: Batch) -> int:
        return len(row.rejects)

    @admin.display(description=_("command"))
    def links(self, row: Batch) -> str:
        return format_html(
            '<span class="mall-row-commands"><a href="{}">{}</a></span>',
            reverse("admin:kernel_batch_progress", args=[row.pk]),
            _("Open"),
        )

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        pages = (
            ("mine/", self.mine_view, "mine"),
            ("<int:batch_id>/progress/", self.progress_view, "progress"),
            ("<int:batch_id>/rejects/", self.rejects_view, "rejects"),
            ("<int:batch_id>/file/", self.file_view, "file"),
            ("<int:batch_id>/resume/", self.resume_view, "resume"),
            ("<int:batch_id>/stop/", self.stop_view, "stop"),
        )
        own = [path(route, wrap(view), name=f"kernel_batch_{name}") for route, view, name in pages]
        return [*own, *super().get_urls()]

    def _batch(self, request: HttpRequest, batch_id: int) -> Batch:
        """One's own, or any for whoever may view batches; else there is none."""
        rows = Batch.objects.select_related("started_by")
        if not self.has_view_permission(request):
            rows = rows.filter(started_by=staff_of(request))
        batch = rows.filter(pk=batch_id).first()
        if batch is None:
            raise Http404
        return batch

    def _page(self, request: HttpRequest, template: str, title: str, **context: Any):
        request.current_app = self.admin_site.name
        context = {
            **self.admin_site.each_context(request),
            "title": title,
            "opts": self.opts,
            "media": self.media,
            **context,
        }
        return TemplateResponse(request, f"admin/mall/{template}.html", context)

    def mine_view(self, request: HttpRequest) -> HttpResponseBase:
        """The latest work that the signed-in person asked for; one statement."""
        rows = list(Batch.objects.filter(started_by=staff_of(request)).order_by("-id")[:MINE_MOST])
        return self._page(
            request,
            "batches_mine",
            str(_("My background work")),
            batches=[(row, kind_label(row), _COLOURS[row.status]) for row in rows],
            refresh=REFRESH_SECONDS if any(not row.finished_at for row in rows) else None,
        )

    def progress_view(self, request: HttpRequest, batch_id: int) -> HttpResponseBase:
        """How far it is; the page asks again by itself until the work has ended."""
        batch = self._batch(request, batch_id)
        mine = batch.started_by_id == request.user.pk
        amount = batch.request.get("amount_fen")
        return self._page(
            request,
            "batch_progress",
            batch.source or kind_label(batch),
            subtitle=kind_label(batch),
            batch=batch,
            colour=_COLOURS[batch.status],
            amount=None if amount is None else yuan(amount),
            reason=batch.request.get("data", {}).get("reason", ""),
            notes=batch.summary.get("notes", [])[:REJECTS_SHOWN],
            rejects=batch.rejects[:REJECTS_SHOWN],
            more_rejects=max(0, len(batch.rejects) - REJECTS_SHOWN),
            mine=mine,
            kept=batch.file and batch.expires_at and batch.expires_at > clock.now(),
            back=_list_of(batch),
            refresh=None if batch.finished_at else REFRESH_SECONDS,
        )

    def rejects_view(self, request: HttpRequest, batch_id: int) -> HttpResponseBase:
        """What could not be taken, as CSV."""
        batch = self._batch(request, batch_id)
        if not batch.rejects:
            raise Http404
        names = [n for n in _REJECT_COLUMNS if any(n in reject for reject in batch.rejects)]
        lines = csv_lines(
            [Head(str(_REJECT_COLUMNS[n])) for n in names],
            [[reject.get(n) for n in names] for reject in batch.rejects],
        )
        answer = StreamingHttpResponse(list(lines), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = f'attachment; filename="rejects-{batch.pk}.csv"'
        return answer

    def file_view(self, request: HttpRequest, batch_id: int) -> HttpResponseBase:
        """POST: the file, for its maker, while they may export that list."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        batch = Batch.objects.filter(pk=batch_id, started_by=staff_of(request)).first()
        page: Any = self.admin_site._registry.get(_model_of(batch)) if batch else None
        if batch is None or page is None:
            raise Http404
        hidden = batch.request.get("whole_phones") and not page.shows_phones(request)
        if not page.has_export_permission(request) or hidden:
            raise PermissionDenied
        try:
            file = export_fetch(batch_id=batch.pk, user=staff_of(request), now=clock.now())
        except DomainError as error:
            if error.status == 404:
                raise Http404 from None
            messages.error(request, str(error))
            return redirect(reverse("admin:kernel_batch_progress", args=[batch.pk]))
        name = f"{page.opts.model_name}-{clock.local_date(batch.started_at):%Y%m%d}{file.suffix}"
        return FileResponse(file.open("rb"), as_attachment=True, filename=name)

    def resume_view(self, request: HttpRequest, batch_id: int) -> HttpResponseBase:
        """POST: have one's own failed work taken up again."""

        def resume() -> None:
            batch_resume(batch_id=batch_id)
            nudge_batches()

        return self._own(request, batch_id, resume)

    def stop_view(self, request: HttpRequest, batch_id: int) -> HttpResponseBase:
        """POST: stop one's own work."""
        return self._own(request, batch_id, lambda: batch_stop(batch_id=batch_id, now=clock.now()))

    def _own(
        self, request: HttpRequest, batch_id: int, change: Callable[[], None]
    ) -> HttpResponseBase:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not Batch.objects.filter(pk=batch_id, started_by=staff_of(request)).exists():
            raise Http404
        try:
            change()
        except DomainError as error:
            messages.error(request, str(error))
        return redirect(reverse("admin:kernel_batch_progress", args=[batch_id]))


def _model_of(batch: Batch) -> Any:
    try:
        return apps.get_model(batch.subject) if batch.subject else None
    except LookupError:
        return None


def _list_of(batch: Batch) -> str:
    """The list that the batch is about, or the maker's work."""
    model = _model_of(batch)
    if model is not None:
        try:
            return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        except NoReverseMatch:
            pass
    return reverse("admin:kernel_batch_mine")
