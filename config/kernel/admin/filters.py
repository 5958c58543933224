"""Saved filters above every list: offered as chips, kept by name, let go by their owner."""

from typing import Any
from urllib.parse import parse_qsl

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db.models import Q
from django.http import Http404, HttpRequest, HttpResponseNotAllowed, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanSwitchWidget

from config.kernel import clock
from config.kernel.admin.mixed import MixedIntoAdmin
from config.kernel.admin.people import staff_of
from config.kernel.errors import DomainError
from config.kernel.models import SavedFilter
from config.kernel.saved_filters import QUERY_MOST, filter_delete, filter_save

# What a list's address says beside its filters: pages, pop-ups, remembered errors.
_PASSING = ("p", "all", "e", "_popup", "_to_field", "_changelist_filters", "_facets")


class FilterForm(forms.Form):
    name = forms.CharField(label=_("name"), max_length=40, widget=UnfoldAdminTextInputWidget())
    shared = forms.BooleanField(
        label=_("shared"),
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text=_("Everybody who may open this list is offered it and sees their own rows."),
    )


def lasting(query: QueryDict) -> str:
    """The part of a list's query that is worth keeping, in one order."""
    kept = QueryDict(mutable=True)
    for key in sorted(query):
        values = [value for value in query.getlist(key) if value]
        if key not in _PASSING and values:
            kept.setlist(key, values)
    return kept.urlencode()


def _terms(listed: Any, query: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """What each filter in force is called and set to; the rest of the query as it stands."""
    said, told = [], set()
    names = {name for name, _value in query}
    for spec in listed.filter_specs:
        mine = names.intersection(spec.expected_parameters())
        choices = [c for c in spec.choices(listed) if c.get("selected") and c.get("display")]
        if mine and choices:
            said.append((str(spec.title), ", ".join(str(c["display"]) for c in choices)))
            told |= mine
    words = {"q": str(_("search words")), "o": str(_("sort order"))}
    rest = [(words.get(name, name), value) for name, value in query if name not in told]
    return [*said, *rest]


class SavedFilterMixin(MixedIntoAdmin):
    """Adds the chips and their pages to a ModelAdmin; one statement for each list."""

    def get_urls(self) -> list[URLPattern]:
        opts = self.model._meta
        wrap = self.admin_site.admin_view
        name = f"{opts.app_label}_{opts.model_name}_filter"
        return [
            path("filters/save/", wrap(self.filter_save_view), name=f"{name}_save"),
            path(
                "filters/<int:filter_id>/delete/",
                wrap(self.filter_delete_view),
                name=f"{name}_delete",
            ),
            *super().get_urls(),
        ]

    def changelist_view(self, request, extra_context=None):
        extra_context = {**(extra_context or {}), **self._filter_context(request)}
        return super().changelist_view(request, extra_context)

    def _filter_context(self, request: HttpRequest) -> dict[str, Any]:
        if request.method != "GET" or not request.user.is_authenticated:
            return {}
        query = lasting(request.GET)
        label = self.model._meta.label_lower
        offered = SavedFilter.objects.filter(
            Q(user=request.user) | Q(shared=True, user__is_active=True), model=label
        )
        chips = [
            {
                "name": kept.name,
                "query": kept.query,
                "active": kept.query == query,
                "own": kept.user_id == request.user.pk,
                "shared": kept.shared,
                "pk": kept.pk,
            }
            for kept in offered.order_by("name", "pk")
        ]
        known = any(chip["active"] for chip in chips)
        return {"filter_chips": chips, "filter_query": "" if known else query}

    def _list_url(self, query: str) -> str:
        opts = self.model._meta
        site = self.admin_site.name
        back = reverse(f"{site}:{opts.app_label}_{opts.model_name}_changelist")
        return f"{back}?{query}" if query else back

    def _understood(self, request: HttpRequest) -> tuple[str, list[tuple[str, str]]]:
        """The request's filter, and what it says in words; 404 where the list does not know it."""
        query = lasting(request.GET)
        if not query or len(query) > QUERY_MOST:
            raise Http404
        asked = request.GET
        request.GET = QueryDict(query)
        try:
            listed = self.get_changelist_instance(request)
            terms = _terms(listed, parse_qsl(query))
        except (IncorrectLookupParameters, SuspiciousOperation):
            raise Http404 from None
        finally:
            request.GET = asked
        return query, terms

    def filter_save_view(self, request: HttpRequest) -> HttpResponseBase:
        """GET asks for the name of the filter in the address, POST keeps it."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        query, terms = self._understood(request)
        form = FilterForm(request.POST if request.method == "POST" else None)
        status = 200
        if request.method == "POST" and form.is_valid():
            try:
                filter_save(
                    user=staff_of(request),
                    model=self.model._meta.label_lower,
                    query=query,
                    now=clock.now(),
                    **form.cleaned_data,
                )
            except DomainError as error:
                form.add_error(None, str(error))
                status = error.status
            else:
                messages.success(request, _("The filter is kept."))
                return redirect(self._list_url(query))
        opts = self.model._meta
        site = self.admin_site
        context = {
            **site.each_context(request),
            "title": _("Keep this filter"),
            "subtitle": opts.verbose_name_plural,
            "opts": opts,
            "media": self.media + form.media,
            "form": form,
            "terms": terms,
            "back": self._list_url(query),
        }
        request.current_app = site.name
        return TemplateResponse(request, "admin/mall/filter_save.html", context, status=status)

    def filter_delete_view(self, request: HttpRequest, filter_id: int) -> HttpResponseBase:
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        try:
            filter_delete(
                user=staff_of(request),
                model=self.model._meta.label_lower,
                filter_id=filter_id,
                now=clock.now(),
            )
        except DomainError:
            raise Http404 from None
        messages.success(request, _("The filter is gone."))
        return redirect(self._list_url(lasting(request.GET)))
