"""Reports for finance: what is owed on cards and points, and what operators owe each other."""

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
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminDateWidget

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.admin.codes import sayer
from config.kernel.admin.mixed import MixedIntoAdmin
from config.kernel.dashboard import Chart, Series
from config.kernel.exports import FORMATS, Fen, Head, csv_lines, export_record, xlsx_file
from config.kernel.money import yuan
from members.selectors_reports import (
    AGES,
    card_clearing,
    card_issuers,
    card_liability,
    points_debt,
    points_flows,
    points_liability,
)
from stores.models import Transfer
from stores.reach import Reach, staff_reach

SEE, TAKE = "stores.view_account", "stores.export_account"
AGE_NAMES = {
    "90d": gettext_lazy("up to 90 days"),
    "1y": gettext_lazy("up to a year"),
    "3y": gettext_lazy("up to three years"),
    "older": gettext_lazy("older"),
}


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


def liability(asked: Asked) -> Report:
    owed = card_liability(now=asked.now, operator_ids=asked.operator_ids)
    issuers = card_issuers(
        owed=owed,
        since=asked.since,
        until=asked.until,
        now=asked.now,
        operator_ids=asked.operator_ids,
    )
    totals = Sheet(
        "issuers",
        _("By issuer"),
        [
            Head(_("issuer")),
            Head(_("principal"), fen=True),
            Head(_("bonus"), fen=True),
            Head(_("principal when the quarter began"), fen=True),
            Head(_("kept in custody (bp)")),
            Head(_("kept in custody"), fen=True),
            Head(_("sold in the period"), fen=True),
            Head(_("paid back in the period"), fen=True),
            Head(_("invoiceable"), fen=True),
        ],
        [
            [
                each.operator,
                Fen(each.principal_fen),
                Fen(each.bonus_fen),
                Fen(each.quarter_fen),
                each.custody_bp,
                Fen(each.custody_fen),
                Fen(each.sold_fen),
                Fen(each.paid_back_fen),
                Fen(each.invoiceable_fen),
            ]
            for each in issuers
        ],
    )
    parts = Sheet(
        "lots",
        _("By issuer, product and age"),
        [
            Head(_("issuer")),
            Head(_("product")),
            Head(_("age")),
            Head(_("lots")),
            Head(_("principal"), fen=True),
            Head(_("bonus"), fen=True),
        ],
        [
            [
                each.operator,
                each.product,
                AGE_NAMES[each.age],
                each.lots,
                Fen(each.principal_fen),
                Fen(each.bonus_fen),
            ]
            for each in owed
        ],
    )
    by_age = {age: [x for x in owed if x.age == age] for age in AGES}
    chart = Chart(
        code="ages",
        label=_("Owed on cards by age"),
        permission=SEE,
        labels=[str(AGE_NAMES[age]) for age in AGES] if owed else [],
        series=[
            Series(
                _("principal"),
                [sum(x.principal_fen for x in by_age[age]) for age in AGES],
                unit="fen",
            ),
            Series(_("bonus"), [sum(x.bonus_fen for x in by_age[age]) for age in AGES], unit="fen"),
        ],
    )
    note = _("What is owed is that of now; what was sold and paid back is that of the period.")
    return Report(_("Liability of cards"), note, [totals, parts], [chart])


def clearing(asked: Asked) -> Report:
    pairs = card_clearing(since=asked.since, until=asked.until, operator_ids=asked.operator_ids)
    rows = [
        [
            pair.first,
            pair.second,
            Fen(pair.first_fen),
            Fen(pair.second_fen),
            pair.first if pair.net_fen >= 0 else pair.second,
            pair.second if pair.net_fen >= 0 else pair.first,
            Fen(abs(pair.net_fen)),
        ]
        for pair in pairs
    ]
    sheet = Sheet(
        "pairs",
        _("By pair of operators"),
        [
            Head(_("operator A")),
            Head(_("operator B")),
            Head(_("on A's cards, at B"), fen=True),
            Head(_("on B's cards, at A"), fen=True),
            Head(_("pays")),
            Head(_("is paid")),
            Head(_("net"), fen=True),
        ],
        rows,
    )
    chart = Chart(
        code="net",
        label=_("Net to be paid"),
        permission=SEE,
        horizontal=True,
        labels=[f"{row[4]} → {row[5]}" for row in rows],
        series=[Series(_("net"), [abs(pair.net_fen) for pair in pairs], unit="fen")],
    )
    note = _("Spent less given back in the period; an issuer pays the operator that took its card.")
    return Report(_("Clearing of cards"), note, [sheet], [chart])


def points(asked: Asked) -> Report:
    months = points_liability(now=asked.now)
    debt = points_debt()
    flows = points_flows(since=asked.since, until=asked.until)
    outstanding = sum(each.points for each in months)
    totals = Sheet(
        "totals",
        _("Together"),
        [
            Head(_("outstanding points")),
            Head(_("set aside")),
            Head(_("worth as a tender"), fen=True),
            Head(_("members who owe points")),
            Head(_("points owed by members")),
            Head(_("outstanding less owed")),
        ],
        [
            [
                outstanding,
                sum(each.held for each in months),
                Fen(sum(each.value_fen for each in months)),
                debt.members,
                debt.points,
                outstanding - debt.points,
            ]
        ],
    )
    sheet = Sheet(
        "months",
        _("By month of expiry"),
        [
            Head(_("expire in")),
            Head(_("members")),
            Head(_("points")),
            Head(_("set aside")),
            Head(_("worth as a tender"), fen=True),
        ],
        [
            [each.month, each.members, each.points, each.held, Fen(each.value_fen)]
            for each in months
        ],
    )
    say = sayer(Transfer._meta.get_field("code")) or str
    names = [str(say(flow.code)) for flow in flows]
    moved = Sheet(
        "flows",
        _("Moved in the period"),
        [Head(_("what")), Head(_("to members")), Head(_("from members"))],
        [[name, flow.on_points, flow.off_points] for name, flow in zip(names, flows, strict=True)],
    )
    charts = [
        Chart(
            code="points",
            label=_("Points by month of expiry"),
            permission=SEE,
            labels=[each.month for each in months],
            series=[Series(_("points"), [each.points for each in months])],
        ),
        Chart(
            code="flows",
            label=_("Points moved in the period"),
            permission=SEE,
            horizontal=True,
            labels=names,
            series=[
                Series(_("to members"), [flow.on_points for flow in flows]),
                Series(_("from members"), [flow.off_points for flow in flows]),
            ],
        ),
    ]
    note = _(
        "Points and debts of now; what moved is that of the period. A debt comes of a refund after"
        " the points were spent, and is repaid by the next ones earned."
    )
    return Report(_("Liability of points"), note, [totals, sheet, moved], charts)


# Points are the whole group's: nobody who is bound to an operator sees them together.
REPORTS: dict[str, Callable[[Asked], Report]] = {
    "liability": liability,
    "clearing": clearing,
    "points": points,
}
WHOLE_GROUP = {"points"}


def add_report(name: str, made: Callable[[Asked], Report]) -> None:
    """One that an app above has to tell; ``Asked.operator_ids`` are for it to heed."""
    REPORTS[name] = made


class Reports(MixedIntoAdmin):
    """The pages; mixed into the ModelAdmin of lots of cards."""

    def get_urls(self):
        wrap = self.admin_site.admin_view
        page = path("reports/<slug:name>/", wrap(self.report_view), name="members_report")
        return [page, *super().get_urls()]

    def report_view(self, request: HttpRequest, name: str) -> HttpResponseBase:
        """GET shows a report, POST with a format takes one of its sheets away."""
        if name not in REPORTS:
            raise Http404
        taken = request.method == "POST"
        reach = staff_reach(request.user, TAKE if taken else SEE)
        if not (reach.everything or (reach.operator_ids and name not in WHOLE_GROUP)):
            raise PermissionDenied
        now = clock.now()
        form = PeriodForm(request.GET)
        since, until = form.period(now)
        ids = None if reach.everything else reach.operator_ids
        asked = Asked(since, until, now, ids)
        report = REPORTS[name](asked)
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
