"""The history of a row as its events tell it, with names of who did it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db.models import Q, TextChoices
from django.utils.translation import gettext_lazy as _

from config.kernel.admin.codes import code_words
from config.kernel.admin.mixed import MixedIntoAdmin
from config.kernel.admin.panels import Subject, page_charts, page_figures, page_panels
from config.kernel.models import Event, User

LONGEST = 200

_kinds: dict[str, Any] = {}
_states: dict[str, dict[str, Any]] = {}
Names = Callable[[set[int]], Mapping[int, str]]
_named: dict[str, Names] = {}
_actors = {
    "user": _("staff"),
    "member": _("member"),
    "terminal": _("terminal"),
    "system": _("system"),
}


def timeline_words(
    *, kinds: Mapping[str, Any], states: Mapping[str, type[TextChoices]] | None = None
) -> None:
    """What people call an app's kinds of event and, by subject type, the states in them."""
    _kinds.update(kinds)
    code_words(Event, "kind", kinds)
    for subject_type, choices in (states or {}).items():
        _states[subject_type] = dict(choices.choices)


code_words(Event, "actor_kind", _actors)
timeline_words(
    kinds={
        "kernel.export_fetched": _("export fetched"),
        "kernel.exported": _("list exported"),
        "kernel.policy_published": _("policy published"),
        "kernel.reference_changed": _("data changed"),
        "kernel.second_factor_reset": _("second factor reset"),
        "kernel.sessions_ended": _("sessions ended"),
    }
)


def actor_names(kind: str, named: Names) -> None:
    """``named(ids)`` says what actors of ``kind`` are called; one statement for all of a page."""
    _named[kind] = named


actor_names("user", lambda ids: {u.pk: str(u) for u in User.objects.filter(pk__in=ids)})


def known_kinds() -> set[str]:
    return set(_kinds)


def timeline(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """Events of ``subjects`` (type, primary key), oldest first: a statement, and one for each
    kind of actor in them that has names."""
    if not subjects:
        return []
    by_type: dict[str, list[int]] = {}
    for subject_type, subject_id in subjects:
        by_type.setdefault(subject_type, []).append(subject_id)
    wanted = Q()
    for subject_type, ids in by_type.items():
        wanted |= Q(subject_type=subject_type, subject_id__in=ids)
    events = list(Event.objects.filter(wanted).order_by("-id")[:LONGEST])[::-1]
    names: dict[tuple[str, str], str] = {}
    for kind, named in _named.items():
        acting = {int(e.actor_id) for e in events if e.actor_kind == kind and e.actor_id.isdigit()}
        if acting:
            names |= {(kind, str(pk)): name for pk, name in named(acting).items()}
    return [_entry(event, names) for event in events]


def state_word(event: Event, state: str) -> Any:
    """A state that ``event`` led from or to, as people call it."""
    return _states.get(event.subject_type, {}).get(state, state)


def _entry(event: Event, names: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    return {
        "event": event,
        "what": _kinds.get(event.kind, event.kind),
        "from": state_word(event, event.from_state),
        "to": state_word(event, event.to_state),
        "actor": _actors.get(event.actor_kind, event.actor_kind),
        "who": names.get((event.actor_kind, event.actor_id), event.actor_id),
    }


class TimelineMixin(MixedIntoAdmin):
    """Shows what belongs to a row, and the events of all of it, under its page."""

    change_form_outer_after_template = "admin/mall/row_after.html"
    # Figures and charts stand below the fields, unless a template above shows them.
    figures_first = False

    def timeline_subjects(self, row: Any) -> Sequence[Subject]:
        """What belongs to the history of ``row``; its reference data events always do."""
        return ()

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj is not None and obj.pk:
            site = self.admin_site
            panels = page_panels(obj, site, request)
            context["figures_first"] = self.figures_first
            context["figures"] = page_figures(obj)
            context["panels"] = panels
            context["row_charts"] = page_charts(obj)
            context["row_charts_json"] = [chart.as_json() for chart in context["row_charts"]]
            own = [(obj._meta.label_lower, obj.pk), *self.timeline_subjects(obj)]
            context["timeline"] = timeline(
                [*own, *(subject for panel in panels for subject in panel.subjects)]
            )
        return super().render_change_form(
            request, context, add=add, change=change, form_url=form_url, obj=obj
        )
