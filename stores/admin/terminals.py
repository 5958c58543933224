"""Terminals that call the cash desk's API; made on the page of their store."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import (
    Command,
    ReadOnlyAdmin,
    Related,
    ScopedRelatedFilter,
    ServiceAction,
    related,
)
from stores.admin.scope import StaffScoped
from stores.models import Store, Terminal
from stores.services.terminal_disable import terminal_disable
from stores.services.terminal_rotate import terminal_rotate


def key_said(key: str) -> str:
    return str(_("Its key, which is shown this once: {key}")).format(key=key)


def _rotate(command: Command) -> str:
    return key_said(
        terminal_rotate(
            terminal_id=command.row.pk,
            actor=command.actor,
            now=command.now,
            reason=command.reason,
        )
    )


def _disable(command: Command) -> None:
    terminal_disable(
        terminal_id=command.row.pk, reason=command.reason, actor=command.actor, now=command.now
    )


@admin.register(Terminal)
class TerminalAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("store",)
    operator_paths = ("store__operator",)
    hidden = ("key_hash",)
    list_display = [
        "no",
        "name",
        "store",
        "scopes",
        "created_at",
        "rotated_at",
        "last_seen_at",
        "disabled_at",
    ]
    list_select_related = ["store"]
    list_filter = [("store", ScopedRelatedFilter), ("disabled_at", admin.EmptyFieldListFilter)]
    search_fields = ["no", "name", "store__name", "store__code"]
    ordering = ["-id"]
    service_actions = [
        ServiceAction(
            "rotate",
            _("New key"),
            _rotate,
            sensitive=True,
            danger=True,
            allowed=lambda row: row.disabled_at is None,
            explanation=_("The key it has is worthless at once."),
        ),
        ServiceAction(
            "disable",
            _("Disable for good"),
            _disable,
            danger=True,
            allowed=lambda row: row.disabled_at is None,
        ),
    ]

    def timeline_subjects(self, row):
        return [("terminal", row.pk)]


related(
    Store,
    Related(Terminal, "store", ("no", "name", "last_seen_at", "disabled_at"), subject="terminal"),
)
