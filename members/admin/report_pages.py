"""Pages of reports: for some days, in sheets that can be taken away, within one's reach."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminDateWidget

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.admin.mixed import MixedIntoAdmin
from config.kernel.dashboard import Chart
from config.kernel.exports import FORMATS, Fen, Head, csv_lines, export_record, xlsx_file
from config.kernel.money import yuan
from stores.reach import Reach, staff_reach

SEE, TAKE = "stores.view_account", "stores.export_account"


@dataclass(frozen=True, slots=True)
class Sheet:
    """A table: rows of cells as an export takes them."""

    code: str
    label: str
    heads: Sequence[Head]
    rows: Sequence[Sequence[Any]]

    @property
    def words(self) -> list[bool]:
        """Which columns are words, and no numbers."""
        columns = zip(*self.rows, strict=True) if self.rows else [()] * len(self.heads)
        return [any(isinstance(cell, str) for cell in cells) for cells in columns]

    @property
    def titles(self) -> list[tuple[str, bool]]:
        """(title, whether it is of words) of each column."""
        return [(h.title, word) for h, word in zip(self.heads, self.words, strict=True)]

    @property
    def shown(self) -> list[list[tuple[str, bool]]]:
        """(text, whether it is words) of each cell."""
        words = self.words
        return [[(_cell(c), word) for c, word in zip(row, words, strict=True)] for row in self.rows]


@dataclass(frozen=True, slots=True)
class Report:
    label: str
    note: str
    sheets: Sequence[Sheet]
    charts: Sequence[Chart] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Asked:
    """``since`` to before ``until``; ``operator_ids`` is None for the whole group."""

    since: datetime
    until: datetime
    now: datetime
    operator_ids: frozenset[int] | None


class PeriodForm(forms.Form):
    """Days in Shanghai, both included; this month so far where nothing is said."""

    since = forms.DateField(
        label=gettext_lazy("from"), required=False, widget=UnfoldAdminDateWidget()
    )
    until = forms.DateField(
        label=gettext_lazy("until"), required=False, widget=UnfoldAdminDateWidget()
    )

    def period(self, now: datetime) -> tuple[datetime, datetime]:
        """Raises Http404 for what is no period."""
        if not self.is_valid():
            raise Http404
        today = clock.local_date(now)
        first = self.cleaned_data["since"] or today.replace(day=1)
        last = self.cleaned_data["until"] or max(first, today)
        if last < first:
            raise Http404
        midnight = time(tzinfo=clock.SHANGHAI)
        return (
            datetime.combine(first, midnight),
            datetime.combine(last, midnight) + timedelta(days=1),
        )


def _cell(cell: Any) -> str:
    if isinstance(cell, Fen):
        return "" if cell.amount is None else yuan(cell.amount)
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


_REPORTS: dict[str, Callable[[Asked], Report]] = {}
_WHOLE_GROUP: set[str] = set()


def add_report(name: str, made: Callable[[Asked], Report], *, of_whole_group: bool = False) -> None:
    """``made`` is shown under ``name``; it heeds ``Asked.operator_ids``, unless it is of the whole
    group: nobody who is bound to an operator sees that."""
    _REPORTS[name] = made
    if of_whole_group:
        _WHOLE_GROUP.add(name)


class Reports(MixedIntoAdmin):
    """The pages; mixed into the ModelAdmin of lots of cards."""

    def get_urls(self):
        wrap = self.admin_site.admin_view
        page = path("reports/<slug:name>/", wrap(self.report_view), name="members_report")
        return [page, *super().get_urls()]

    def report_view(self, request: HttpRequest, name: str) -> HttpResponseBase:
        """GET shows a report, POST with a format takes one of its sheets away."""
        if name not in _REPORTS:
            raise Http404
        taken = request.method == "POST"
        reach = staff_reach(request.user, TAKE if taken else SEE)
        if not (reach.everything or (reach.operator_ids and name not in _WHOLE_GROUP)):
            raise PermissionDenied
        now = clock.now()
        form = PeriodForm(request.GET)
        since, until = form.period(now)
        ids = None if reach.everything else reach.operator_ids
        asked = Asked(since, until, now, ids)
        report = _REPORTS[name](asked)
        if taken:
            return _file(request, name, report, asked)
        return self._report_page(request, report, form, since, until)

    def _report_page(self, request, report, form, since, until) -> TemplateResponse:
        site = self.admin_site
        may_take: Reach = staff_reach(request.user, TAKE)
        last = until - timedelta(days=1)
        days = {"since": clock.local_date(since), "until": clock.local_date(last)}
        context = {
            **site.each_context(request),
            "title": report.label,
            "report": report,
            "period_form": PeriodForm(initial=days),
            "media": self.media + form.media,
            "since": since,
            "until": last,
            "charts": [chart.as_json() for chart in report.charts],
            "formats": FORMATS if may_take else {},
        }
        request.current_app = site.name
        return TemplateResponse(request, "admin/members/report.html", context)


def _file(request: HttpRequest, name: str, report: Report, asked: Asked) -> HttpResponseBase:
    now = asked.now
    since = str(clock.local_date(asked.since))
    until = str(clock.local_date(asked.until - timedelta(days=1)))
    form = request.POST.get("format", "")
    sheet = next((x for x in report.sheets if x.code == request.POST.get("sheet")), None)
    if form not in FORMATS or sheet is None:
        raise Http404
    export_record(
        model="members.cardlot",
        format=form,
        count=len(sheet.rows),
        filters={"report": [name], "period": [since, until]},
        whole_phones=False,
        actor=Actor.user(request.user),
        now=now,
    )
    file = f"{name}-{sheet.code}-{clock.local_date(now):%Y%m%d}.{form}"
    if form == "xlsx":
        found = xlsx_file(sheet.heads, sheet.rows)
        return FileResponse(found, as_attachment=True, filename=file)
    answer = HttpResponse(
        "".join(csv_lines(sheet.heads, sheet.rows)), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="{file}"'
    return answer
