"""Terminals that call the cash desk's API; their keys are shown once, to whoever made them."""

from django import forms
from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from config.kernel.admin import (
    Command,
    ReadOnlyAdmin,
    Related,
    ScopedRelatedFilter,
    ServiceAction,
    related,
)
from config.kernel.admin.forms import ReasonForm
from stores.admin.scope import StaffScoped
from stores.models import Store, Terminal
from stores.reach import staff_reach
from stores.services.terminal_create import TerminalInvalid, terminal_create
from stores.services.terminal_disable import terminal_disable
from stores.services.terminal_rotate import terminal_rotate


def key_said(key: str) -> str:
    return str(_("Its key, which is shown this once: {key}")).format(key=key)


class TerminalForm(ReasonForm):
    """A store by its code, a name, and what the key may be used for."""

    store = forms.CharField(label=_("store code"), widget=UnfoldAdminTextInputWidget)
    name = forms.CharField(label=_("name"), max_length=40, widget=UnfoldAdminTextInputWidget)
    scopes = forms.TypedChoiceField(
        label=_("scopes"),
        choices=[
            ("look,pay,refund,sell", _("look up, take payments, refund and void, sell cards")),
            ("look,pay,refund", _("look up, take payments, refund and void")),
            ("look,pay", _("look up, take payments")),
            ("look", _("look up members")),
        ],
        coerce=lambda text: text.split(","),
        widget=UnfoldAdminSelectWidget,
    )


def _create(command: Command) -> str:
    reach = staff_reach(command.user, "stores.add_terminal")
    store = Store.objects.filter(reach.stores(), code=command.data["store"].strip()).first()
    if store is None:
        raise TerminalInvalid()
    _terminal, key = terminal_create(
        store_id=store.pk,
        name=command.data["name"],
        scopes=command.data["scopes"],
        reason=command.reason,
        actor=command.actor,
        now=command.now,
    )
    return key_said(key)


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
    list_service_actions = [
        ServiceAction(
            "new",
            _("New terminal"),
            _create,
            form=TerminalForm,
            permission="add",
            sensitive=True,
            explanation=_(
                "Its key is shown once, now. Whoever has it takes payments for the store."
            ),
        )
    ]
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
