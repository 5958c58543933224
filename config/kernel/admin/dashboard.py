"""The admin's front page: today, within what the signed-in person may see."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any, cast

from django import forms
from django.conf import settings
from django.http import Http404, HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from config.kernel import clock
from config.kernel.dashboard import (
    Alert,
    Item,
    Scope,
    Visible,
    channel_choices,
    dashboard_read,
    panel,
    visible_to,
)
from config.kernel.models import Event


class ScopeForm(forms.Form):
    """Operator, store and channel, each out of what the person may see."""

    operator = forms.TypedChoiceField(
        label=gettext_lazy("operator"), required=False, coerce=int, empty_value=None
    )
    store = forms.TypedChoiceField(
        label=gettext_lazy("store"), required=False, coerce=int, empty_value=None
    )
    channel = forms.ChoiceField(label=gettext_lazy("channel"), required=False)

    def __init__(self, data: Any, *, visible: Visible) -> None:
        super().__init__(data)
        operators = {s.operator_id: s.operator for s in visible.stores}
        stores = [(s.pk, s.name) for s in visible.stores]
        offered: dict[str, list[tuple[Any, Any]]] = {
            "operator": list(operators.items()),
            "store": stores,
            "channel": channel_choices(),
        }
        for name, choices in offered.items():
            field = cast(forms.ChoiceField, self.fields[name])
            field.widget = UnfoldAdminSelectWidget()
            field.choices = [("", _("all")), *choices]


def scope_of(*, form: ScopeForm, visible: Visible, now: Any) -> Scope:
    """The scope that ``form`` asks for. Raises Http404 for what its user may not see."""
    if not form.is_valid():
        raise Http404
    operator, store = form.cleaned_data["operator"], form.cleaned_data["store"]
    chosen = [
        s.pk
        for s in visible.stores
        if (operator is None or s.operator_id == operator) and (store is None or s.pk == store)
    ]
    return Scope(
        store_ids=chosen,
        everything=visible.everything and operator is None and store is None,
        channel=form.cleaned_data["channel"],
        now=now,
    )


def dashboard_context(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the index template shows; called by the theme."""
    visible = visible_to(request.user)
    form = ScopeForm(request.GET, visible=visible)
    scope = scope_of(form=form, visible=visible, now=clock.now())
    found = dashboard_read(user=request.user, visible=visible, scope=scope)
    return {
        **context,
        "title": _("Dashboard"),
        "scope_form": form,
        "scope": scope,
        "dashboard": found,
        "charts": [chart.as_json() for chart in found.charts],
    }


def _stuck(scope: Scope) -> Iterator[Item]:
    """Events that no consumer could take: what should have followed has not happened."""
    late = scope.now - timedelta(seconds=settings.EVENT_LAG_ALERT_SECONDS)
    yield Alert(
        code="events_stuck",
        label=_("Events not delivered in time"),
        permission="kernel.view_event",
        danger=True,
        count=Event.objects.filter(relayed_at__isnull=True, occurred_at__lt=late).count(),
        link=reverse("admin:kernel_event_changelist") + "?relayed_at__isempty=1",
    )


def register() -> None:
    panel("kernel.events", "kernel.view_event", position=60, read=_stuck)


register()
