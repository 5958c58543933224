"""What belongs to a row, on its page: the latest rows of other models, and figures in words.

A layer above adds to the page of a layer below without being imported by it: the mall puts a
member's orders on the member's page. Rows come through their own ModelAdmin, so everybody sees of
them what their list would show, and in the list's columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.contrib.admin.utils import display_for_value, label_for_field, lookup_field, quote
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse

from config.kernel.admin.columns import column
from config.kernel.dashboard import Chart

Subject = tuple[str, int]
Figures = Callable[[Any], Sequence[tuple[Any, str]]]
Charts = Callable[[Any], Sequence[Chart]]


@dataclass(frozen=True)
class Related:
    """The latest ``most`` rows of ``model`` whose ``path`` leads to the page's row, or to the
    value of its field ``by`` where rows are tied by a number and no key.

    ``columns`` are fields or methods of the model's own admin; their events of ``subject`` join
    the page's timeline. One statement.
    """

    model: type[Model]
    path: str
    columns: tuple[str, ...]
    by: str = ""
    subject: str = ""
    most: int = 8


@dataclass(frozen=True)
class Panel:
    """A table as the template shows it; ``more`` leads to the list of all of them."""

    title: str
    heads: list[str]
    rows: list[tuple[str, list[Any]]]
    more: str
    subjects: list[Subject]


_related: dict[str, list[Related]] = {}
_figures: dict[str, list[Figures]] = {}
_charts: dict[str, list[Charts]] = {}


def related(page: type[Model], *panels: Related) -> None:
    """Show ``panels`` on the page of every row of ``page``, after those already there."""
    _related.setdefault(page._meta.label_lower, []).extend(panels)


def figures(page: type[Model], found: Figures) -> None:
    """Show what ``found(row)`` returns, pairs of a label and a text, on the page."""
    _figures.setdefault(page._meta.label_lower, []).append(found)


def charts(page: type[Model], found: Charts) -> None:
    """Draw what ``found(row)`` returns on the page; their codes differ on one page."""
    _charts.setdefault(page._meta.label_lower, []).append(found)


def page_charts(row: Model) -> list[Chart]:
    return [chart for found in _charts.get(row._meta.label_lower, ()) for chart in found(row)]


def page_figures(row: Model) -> list[tuple[Any, str]]:
    return [pair for found in _figures.get(row._meta.label_lower, ()) for pair in found(row)]


def page_panels(row: Model, site: Any, request: HttpRequest) -> list[Panel]:
    """The panels of ``row`` that the request's user may see; empty ones are left out."""
    found = []
    for wanted in _related.get(row._meta.label_lower, ()):
        owner = site._registry[wanted.model]
        if owner.has_view_permission(request):
            panel = _panel(wanted, owner, row, request)
            if panel is not None:
                found.append(panel)
    return found


def _panel(wanted: Related, owner: Any, row: Model, request: HttpRequest) -> Panel | None:
    end = getattr(row, wanted.by) if wanted.by else row
    queryset = owner.get_queryset(request).filter(**{wanted.path: end}).order_by("-pk")
    if owner.list_select_related:
        queryset = queryset.select_related(*owner.list_select_related)
    rows = list(queryset[: wanted.most + 1])
    if not rows:
        return None
    opts = wanted.model._meta
    columns = [column(wanted.model, name) for name in wanted.columns]
    site = owner.admin_site.name
    page = f"{site}:{opts.app_label}_{opts.model_name}"
    handle = getattr(row, "no", None) or getattr(row, "code", None) or row.pk
    shown = rows[: wanted.most]
    return Panel(
        title=str(opts.verbose_name_plural),
        heads=[str(label_for_field(c, wanted.model, owner)) for c in columns],
        rows=[
            (
                reverse(f"{page}_change", args=[quote(each.pk)]),
                [_text(c, each, owner) for c in columns],
            )
            for each in shown
        ],
        more=f"{reverse(f'{page}_changelist')}?{urlencode({'q': handle})}"
        if len(rows) > wanted.most
        else "",
        subjects=[(wanted.subject, each.pk) for each in shown] if wanted.subject else [],
    )


def _text(name: Any, row: Model, owner: Any) -> Any:
    field, _attribute, value = lookup_field(name, row, owner)
    if field is not None and getattr(field, "flatchoices", None):
        return dict(field.flatchoices).get(value, value)
    return display_for_value(value, "–") if value is not None else "–"
