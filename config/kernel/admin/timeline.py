"""The history of a row as its events tell it, with names of who did it."""

from collections.abc import Sequence
from typing import Any

from django.db.models import Q

from config.kernel.models import Event, User

LONGEST = 200

Subject = tuple[str, int]


def timeline(subjects: Sequence[Subject]) -> list[dict[str, Any]]:
    """Events of ``subjects`` (type, primary key), oldest first; two statements."""
    if not subjects:
        return []
    by_type: dict[str, list[int]] = {}
    for subject_type, subject_id in subjects:
        by_type.setdefault(subject_type, []).append(subject_id)
    wanted = Q()
    for subject_type, ids in by_type.items():
        wanted |= Q(subject_type=subject_type, subject_id__in=ids)
    events = list(Event.objects.filter(wanted).order_by("-id")[:LONGEST])[::-1]
    user_ids = {int(e.actor_id) for e in events if e.actor_kind == "user" and e.actor_id.isdigit()}
    names = {str(user.pk): str(user) for user in User.objects.filter(pk__in=user_ids)}
    return [
        {
            "event": event,
            "who": names.get(event.actor_id, event.actor_id)
            if event.actor_kind == "user"
            else event.actor_id,
        }
        for event in events
    ]


class TimelineMixin:
    """Shows the events of a row under its page."""

    change_form_outer_after_template = "admin/mall/timeline.html"

    def timeline_subjects(self, row: Any) -> Sequence[Subject]:
        """What belongs to the history of ``row``; its reference data events always do."""
        return ()

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj is not None and obj.pk:
            context["timeline"] = timeline(
                [(obj._meta.label_lower, obj.pk), *self.timeline_subjects(obj)]
            )
        return super().render_change_form(  # type: ignore[misc]
            request, context, add=add, change=change, form_url=form_url, obj=obj
        )
