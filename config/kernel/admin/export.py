"""The filtered list as a file, for whoever may export it."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.utils import get_fields_from_path, label_for_field
from django.contrib.admin.views.main import SEARCH_VAR
from django.core.exceptions import FieldDoesNotExist, PermissionDenied
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponseNotAllowed,
    StreamingHttpResponse,
)
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import translation
from django.utils.html import strip_tags
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.admin.columns import column_name, value_at, without_unit
from config.kernel.admin.mixed import MixedIntoAdmin
from config.kernel.admin.people import staff_of
from config.kernel.errors import DomainError
from config.kernel.export_files import export_ask
from config.kernel.exports import FORMATS, Fen, Head, csv_lines, export_record, xlsx_file
from config.kernel.tasks import nudge_batches

CHUNK = 1000
PHONES = "members.view_phone"
_LONG_DIGITS = re.compile(r"\d{7,}")
Cell = Callable[[Any], Any]


def masked_digits(text: str) -> str:
    """``text`` with long numbers cut to their last four digits."""
    return _LONG_DIGITS.sub(lambda found: f"****{found.group()[-4:]}", text)


def searched(text: str) -> str:
    """Search words as the record keeps them: numbers in part, and no name of anybody."""
    return " ".join(
        masked_digits(word) if any(map(str.isdigit, word)) else "…" for word in text.split()
    )


class ExportMixin(MixedIntoAdmin):
    """Adds the buttons and the export to a ModelAdmin.

    Its columns are the list's. ``export_amounts`` maps a column of the admin's own to the path of
    its amount in fen; ``export_personal`` to the path of what the column shows in part, for
    whoever may see phones whole.
    """

    export_amounts: Mapping[str, str] = {}
    export_personal: Mapping[str, str] = {}
    export_omits: tuple[str, ...] = ("action_checkbox",)

    def has_export_permission(self, request: HttpRequest) -> bool:
        opts = self.model._meta
        may_see = self.has_view_permission(request)
        return may_see and request.user.has_perm(f"{opts.app_label}.export_{opts.model_name}")

    def shows_phones(self, request: HttpRequest) -> bool:
        """Whether the caller may see whole the phones of every row that they may export."""
        return request.user.has_perm(PHONES)

    def get_urls(self) -> list[URLPattern]:
        opts = self.model._meta
        wrap = self.admin_site.admin_view
        name = f"{opts.app_label}_{opts.model_name}_export"
        return [
            path("export/", wrap(self.export_view), name=name),
            *super().get_urls(),
        ]

    def changelist_view(self, request, extra_context=None):
        extra_context = {
            **(extra_context or {}),
            "export_formats": FORMATS if self.has_export_permission(request) else {},
        }
        return super().changelist_view(request, extra_context)

    def export_view(self, request: HttpRequest) -> HttpResponseBase:
        """POST with a format; the query is the list's own, so is what it leaves out."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_export_permission(request):
            raise PermissionDenied
        form = request.POST.get("format", "")
        if form not in FORMATS:
            raise Http404
        try:
            listed = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            raise Http404 from None
        found = self.within(request, listed, "export")
        opts = self.model._meta
        whole = bool(self.export_personal) and self.shows_phones(request)
        count, now = found.count(), clock.now()
        asked: dict[str, Any] = {
            "model": opts.label_lower,
            "format": form,
            "count": count,
            "filters": {
                key: [
                    searched(text) if key == SEARCH_VAR else masked_digits(text)
                    for text in request.GET.getlist(key)
                ]
                for key in request.GET
            },
            "whole_phones": whole,
            "now": now,
        }
        try:
            if request.POST.get("background") or count > settings.EXPORT_STREAM_MOST[form]:
                return self._export_later(request, asked)
            export_record(**asked, actor=Actor.user(request.user))
        except DomainError as error:
            messages.error(request, str(error))
            back = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
            return redirect(f"{back}?{request.GET.urlencode()}")
        heads, cells = self.export_columns(request, whole)
        rows = self.export_rows(found, cells)
        file = f"{opts.model_name}-{clock.local_date(now):%Y%m%d}.{form}"
        if form == "xlsx":
            return FileResponse(xlsx_file(heads, rows), as_attachment=True, filename=file)
        answer = StreamingHttpResponse(
            _in_language(csv_lines(heads, rows)), content_type="text/csv; charset=utf-8"
        )
        answer["Content-Disposition"] = f'attachment; filename="{file}"'
        answer["X-Accel-Buffering"] = "no"
        return answer

    def _export_later(self, request: HttpRequest, asked: dict[str, Any]) -> HttpResponseBase:
        batch = export_ask(
            **asked,
            title=str(self.model._meta.verbose_name_plural),
            query=request.GET.urlencode(),
            user=staff_of(request),
        )
        nudge_batches()
        return redirect(reverse("admin:kernel_batch_progress", args=[batch.pk]))

    def export_columns(self, request: HttpRequest, whole: bool) -> tuple[list[Head], list[Cell]]:
        """What a column is called, and what it holds of a row; phones whole where ``whole``."""
        heads, cells = [], []
        for shown in self.get_list_display(request):
            name = column_name(shown)
            if name in self.export_omits:
                continue
            this: Any = self
            title = str(label_for_field(shown, this.model, model_admin=this))
            fen = self.export_amounts.get(name, name if name.endswith("_fen") else "")
            if fen:
                heads.append(Head(str(without_unit(title)), fen=True))
                cells.append(_amount_cell(fen))
                continue
            heads.append(Head(title))
            cells.append(self._cell(self.export_personal.get(name, name) if whole else name))
        return heads, cells

    def export_rows(self, found: "models.QuerySet[Any]", cells: list[Cell]) -> Iterator[list[Any]]:
        for row in found.iterator(chunk_size=CHUNK):
            yield [cell(row) for cell in cells]

    def _cell(self, name: str) -> Cell:
        if name == "__str__":
            return str
        own = getattr(self, name, None)
        if own is not None:
            return lambda row: _text(own(row))
        try:
            field = get_fields_from_path(self.model, name)[-1]
        except (FieldDoesNotExist, AttributeError):
            return lambda row: _text(value_at(row, name))
        if field.choices:
            parent, _sep, last = name.rpartition("__")
            return lambda row: _display(value_at(row, parent) if parent else row, last)
        if isinstance(field, models.JSONField):
            return lambda row: _json(value_at(row, name))
        return lambda row: _text(value_at(row, name))


def _amount_cell(fen: str) -> Cell:
    return lambda row: Fen(value_at(row, fen))


def _display(owner: Any, name: str) -> str:
    return "" if owner is None else str(getattr(owner, f"get_{name}_display")())


def _json(value: Any) -> str:
    empty = value in (None, {}, [])
    return "" if empty else json.dumps(value, ensure_ascii=False, cls=DjangoJSONEncoder)


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    if isinstance(value, models.Model):
        return str(value)
    return strip_tags(value) if isinstance(value, SafeString) else value


def _in_language(lines: Iterator[str]) -> Iterator[str]:
    """The rows are read after the view has returned, in the language it was asked in."""
    language = translation.get_language()
    while True:
        with translation.override(language):
            line = next(lines, None)
        if line is None:
            return
        yield line
