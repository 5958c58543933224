"""Search by anything: one box over every model that its user may see."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.urls import reverse
from unfold.dataclasses import SearchResult

SHORTEST = 3
PER_MODEL = 5


def search_everything(request: HttpRequest, term: str) -> list[Any]:
    """Up to five rows of each model that match ``term``; fewer than three characters find none."""
    if len(term.strip()) < SHORTEST:
        return []
    results = []
    for model, model_admin in admin.site._registry.items():
        if not model_admin.get_search_fields(request):
            continue
        if not model_admin.has_view_permission(request):
            continue
        opts = model._meta
        rows, _duplicates = model_admin.get_search_results(
            request, model_admin.get_queryset(request), term
        )
        results += [
            SearchResult(
                title=str(row),
                description=str(opts.verbose_name),
                link=reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk]),
                icon="data_object",
            )
            for row in rows[:PER_MODEL]
        ]
    return results
