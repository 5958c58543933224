"""Search by anything: what a person has in hand, over the pages they may see, in one statement.

An app's admin names its :class:`Finder` s. Numbers are matched from their beginning and phones as
a whole, so every part of the statement walks an index, however large its table has grown.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.core.paginator import InvalidPage
from django.db.models import CharField, Model, Q, QuerySet, Value
from django.db.models.functions import Cast, Coalesce
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from unfold.dataclasses import SearchResult

SHORTEST = 2
PER_PART = 5
_NUMBER = re.compile(r"[A-Za-z0-9_\-]{3,}")
_PHONE = re.compile(r"\+?[0-9][0-9 \-]{6,}")

Matches = Callable[[str], Sequence[Q]]


@dataclass(frozen=True)
class Finder:
    """Rows of ``model`` by what is typed: each condition of ``matches(term)`` is a part of its
    own, so that none keeps another from its index. ``title`` and ``detail`` are paths of texts;
    ``shown`` is how a detail is put for people."""

    model: type[Model]
    title: str
    detail: str
    matches: Matches
    icon: str = "data_object"
    shown: Callable[[str], str] = str


_finders: list[Finder] = []


def finder(
    model: type[Model],
    matches: Matches,
    *,
    title: str = "no",
    detail: str,
    icon: str = "data_object",
    shown: Callable[[str], str] = str,
) -> None:
    _finders.append(Finder(model, title, detail, matches, icon, shown))


def number_like(term: str, *paths: str) -> list[Q]:
    """Each of ``paths`` begins with ``term``; nothing when that is no number of ours."""
    if not _NUMBER.fullmatch(term):
        return []
    return [Q(**{f"{path}__startswith": term.upper()}) for path in paths]


def phone_of(term: str, path: str) -> list[Q]:
    """``path`` is the phone that ``term`` writes, with or without its country's code."""
    if not _PHONE.fullmatch(term):
        return []
    digits = re.sub(r"\D", "", term)
    return [Q(**{f"{path}__in": [f"+86{digits}", f"+{digits}"]})]


def search_view(request: HttpRequest) -> HttpResponse:
    """The theme's palette, for which a page that is none is not found instead of an error."""
    try:
        return admin.site.search(request)  # type: ignore[attr-defined]  # the theme's site
    except (ValueError, InvalidPage) as error:
        raise Http404 from error


def search_everything(request: HttpRequest, term: str) -> list[Any]:
    """Up to five rows for each way of finding them; called by the theme's command palette.

    The theme hands the term over in lower case; what was typed is in the request.
    """
    term = request.GET.get("s", term).strip()
    if len(term) < SHORTEST:
        return []
    parts = [
        part
        for position, one in enumerate(_finders)
        for part in _parts(request, position, one, term)
    ]
    if not parts:
        return []
    rows = parts[0].union(*parts[1:]) if len(parts) > 1 else parts[0]
    found = {(position, pk): (title, detail) for position, pk, title, detail in rows}
    return [
        _result(_finders[position], pk, title, detail)
        for (position, pk), (title, detail) in sorted(found.items())
    ]


def _parts(request: HttpRequest, position: int, one: Finder, term: str) -> list[QuerySet[Any, Any]]:
    page = admin.site._registry.get(one.model)
    if page is None or not page.has_view_permission(request):
        return []
    conditions = one.matches(term)
    if not conditions:
        return []
    seen = page.get_queryset(request)
    text = CharField()
    return [
        seen.filter(condition)
        .order_by("-pk")
        .values_list(
            Value(position),
            "pk",
            Cast(one.title, text),
            Coalesce(Cast(one.detail, text), Value(""), output_field=text),
        )[:PER_PART]
        for condition in conditions
    ]


def _result(one: Finder, pk: int, title: str, detail: str) -> Any:
    opts = one.model._meta
    kind = str(opts.verbose_name)
    return SearchResult(
        title=title,
        description=f"{kind} · {one.shown(detail)}" if detail else kind,
        link=reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[pk]),
        icon=one.icon,
    )
