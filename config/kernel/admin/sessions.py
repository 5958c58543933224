"""Who is signed in, since when, and how to end it.

A session's key is as good as its user's password, so it never reaches a page: an address names
the user and a digest of the key.
"""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib import admin
from django.http import Http404, HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.admin.actions import Command, ServiceAction
from config.kernel.admin.base import ReadOnlyAdmin
from config.kernel.admin.columns import column_name
from config.kernel.models import Session
from config.kernel.session_end import sessions_end

RECORDS = "account_authentication_methods"  # allauth's log of how and when somebody signed in


def handle_of(row: Session) -> str:
    return f"{row.user_id}-{sha256(row.session_key.encode()).hexdigest()[:32]}"


def _end(command: Command) -> None:
    sessions_end(
        user_id=command.row.user_id,
        session_key=command.row.session_key,
        reason=command.reason,
        actor=command.actor,
        now=command.now,
    )


def _end_all(command: Command) -> None:
    sessions_end(
        user_id=command.row.user_id, reason=command.reason, actor=command.actor, now=command.now
    )


class _Unlinked:
    """A list whose rows have no page of their own; its first column keeps its name."""

    def url_for_result(self, result: Any) -> str:
        raise NoReverseMatch


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    """Sessions in force of people who are signed in."""

    hidden = ("session_key", "session_data")
    fields = ["user", "expire_date"]
    list_display = ["person", "username", "staff", "since", "seen", "expire_date", "end_link"]
    list_select_related = ["user"]
    list_filter = ["user__is_staff"]
    search_fields = ["user__username", "user__first_name", "user__last_name"]
    ordering = ["-expire_date"]
    export_omits = ("action_checkbox", "end_link")
    service_actions = [
        ServiceAction("end", _("End the session"), _end, danger=True),
        ServiceAction("end-all", _("End all sessions of this user"), _end_all, danger=True),
    ]

    def get_changelist(self, request, **kwargs):
        base = super().get_changelist(request, **kwargs)
        return type(base.__name__, (_Unlinked, base), {})

    def get_list_display(self, request):
        shown = super().get_list_display(request)
        may_end = any(self._may(request, action) for action in self.service_actions)
        return shown if may_end else [c for c in shown if column_name(c) != "end_link"]

    def get_queryset(self, request: HttpRequest):
        found = super().get_queryset(request).select_related("user")
        return found.filter(user__isnull=False, expire_date__gt=clock.now())

    def handle(self, row: Any) -> str:
        return handle_of(row)

    def get_object(self, request, object_id, from_field=None):
        user_id, _dash, _digest = str(object_id).partition("-")
        if not user_id.isdecimal() or len(user_id) > 18:
            return None
        rows = self.get_queryset(request).filter(user_id=int(user_id))
        return next((row for row in rows if handle_of(row) == object_id), None)

    def change_view(self, request, object_id, form_url="", extra_context=None):
        # There is nothing to see of a session but its row of the list.
        raise Http404

    history_view = change_view

    def after_command_url(self, row: Any) -> str:
        return reverse("admin:kernel_session_changelist")

    @admin.display(description=_("user"), ordering="user__last_name")
    def person(self, row: Session) -> str:
        return str(row)

    @admin.display(description=_("username"), ordering="user__username")
    def username(self, row: Session) -> str:
        return row.user.username if row.user else ""

    @admin.display(description=_("staff status"), boolean=True, ordering="user__is_staff")
    def staff(self, row: Session) -> bool:
        return bool(row.user and row.user.is_staff)

    @admin.display(description=_("signed in"))
    def since(self, row: Session) -> datetime | None:
        records = row.get_decoded().get(RECORDS) or [{}]
        at = records[0].get("at")
        return None if at is None else datetime.fromtimestamp(at, UTC)

    @admin.display(description=_("last known activity"), ordering="expire_date")
    def seen(self, row: Session) -> datetime:
        # Every write of a session sets its end anew.
        return row.expire_date - timedelta(seconds=settings.SESSION_COOKIE_AGE)

    @admin.display(description=_("command"))
    def end_link(self, row: Session) -> str:
        links = [
            (reverse("admin:kernel_session_command", args=[handle_of(row), action.name]), action)
            for action in self.service_actions
        ]
        return format_html(
            '<span class="mall-row-commands"><a href="{}">{}</a> <a href="{}">{}</a></span>',
            *(part for url, action in links for part in (url, action.label)),
        )
