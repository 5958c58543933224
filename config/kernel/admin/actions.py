"""Commands of the admin: a confirm form with a reason that calls one service.

A ModelAdmin lists :class:`ServiceAction` in ``service_actions`` (buttons of a row's page) or
``list_service_actions`` (buttons above the list). Nothing else in the admin changes money, a
guard or a state.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.admin.forms import ReasonForm
from config.kernel.admin.mixed import MixedIntoAdmin
from config.kernel.errors import DomainError
from config.kernel.sign_in import require_recent_sign_in


@dataclass(frozen=True)
class Command:
    """What a service action is given: the row (None above a list), the form and who asks."""

    row: Any
    data: Mapping[str, Any]
    user: Any
    actor: Actor
    now: datetime

    @property
    def reason(self) -> str:
        return self.data["reason"]


def _always(row: Any) -> bool:
    return True


@dataclass(frozen=True)
class ServiceAction:
    """``run(command)`` calls one service; a text it returns is shown as the outcome.

    ``allowed(row)`` only decides whether the button is offered; the service decides for real.
    ``permission`` is the verb of the model's permission that the caller needs. A ``sensitive``
    one, which moves money or rules over it, asks who is there again: the password (or second
    factor) must have been given within the last five minutes.
    """

    name: str
    label: Any
    run: Callable[[Command], Any]
    allowed: Callable[[Any], bool] = _always
    form: type[ReasonForm] = ReasonForm
    explanation: Any = ""
    danger: bool = False
    permission: str = "change"
    sensitive: bool = False


class ServiceActionMixin(MixedIntoAdmin):
    """Adds the buttons, the confirm page and the call to a ModelAdmin."""

    service_actions: Sequence[ServiceAction] = ()
    list_service_actions: Sequence[ServiceAction] = ()
    change_form_outer_before_template: str | None = "admin/mall/service_buttons.html"
    list_before_template: str | None = "admin/mall/service_buttons.html"

    def handle(self, row: Any) -> Any:
        """What addresses call ``row`` by."""
        return row.pk

    def after_command_url(self, row: Any) -> str:
        """Where a command leads back to: the row's page, or the list it was above."""
        site = self.admin_site.name
        if row is None:
            return reverse(f"{site}:{self._url_name('changelist')}")
        return reverse(f"{site}:{self._url_name('change')}", args=[quote(self.handle(row))])

    def _may(self, request: HttpRequest, action: ServiceAction, row: Any = None) -> bool:
        """Whether the caller may give this command to ``row``, or (None) to some row at all."""
        opts = self.model._meta
        permission = f"{opts.app_label}.{action.permission}_{opts.model_name}"
        return request.user.has_perm(permission, row)

    def within(self, request: HttpRequest, queryset: Any, *verbs: str) -> Any:
        """Those rows of ``queryset`` for which the caller holds one of ``verbs``: what a command
        for many rows, or an export, is narrowed by. All of them where rows belong to nobody."""
        return queryset

    def _url_name(self, suffix: str) -> str:
        opts = self.model._meta
        return f"{opts.app_label}_{opts.model_name}_{suffix}"

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path(
                "command/<slug:name>/",
                wrap(self.command_view),
                name=self._url_name("list_command"),
            ),
            path(
                "<path:object_id>/command/<slug:name>/",
                wrap(self.command_view),
                name=self._url_name("command"),
            ),
            *super().get_urls(),
        ]

    def _buttons(self, request, actions, row=None) -> list[dict[str, Any]]:
        site = self.admin_site.name
        buttons = []
        for action in actions:
            if not self._may(request, action, row) or not action.allowed(row):
                continue
            if row is None:
                url = reverse(f"{site}:{self._url_name('list_command')}", args=[action.name])
            else:
                url = reverse(
                    f"{site}:{self._url_name('command')}",
                    args=[quote(self.handle(row)), action.name],
                )
            buttons.append({"label": action.label, "url": url, "danger": action.danger})
        return buttons

    def render_change_form(self, request, context, add=False, change=False, form_url="", obj=None):
        if obj is not None and obj.pk:
            context["service_buttons"] = self._buttons(request, self.service_actions, obj)
        return super().render_change_form(
            request, context, add=add, change=change, form_url=form_url, obj=obj
        )

    def changelist_view(self, request, extra_context=None):
        extra_context = {
            **(extra_context or {}),
            "service_buttons": self._buttons(request, self.list_service_actions),
        }
        return super().changelist_view(request, extra_context)

    def command_view(
        self, request: HttpRequest, name: str, object_id: str | None = None
    ) -> HttpResponseBase:
        """GET asks, POST calls the service; a refusal is shown in the form with its status."""
        offered = self.list_service_actions if object_id is None else self.service_actions
        action = next((a for a in offered if a.name == name), None)
        if action is None:
            raise Http404
        if not self._may(request, action):
            raise PermissionDenied
        row = None
        if object_id is not None:
            # Through get_queryset, hence within what this person may see.
            row = self.get_object(request, unquote(object_id))
            if row is None:
                raise Http404
            if not self._may(request, action, row):
                raise PermissionDenied
        if action.sensitive:
            require_recent_sign_in(request)
        about: dict[str, Any] = {"row": row} if action.form.of_row else {}
        if action.form.of_user:
            about["user"] = request.user
        if action.form.with_files and request.method == "POST":
            about["files"] = request.FILES
        form = action.form(request.POST if request.method == "POST" else None, **about)
        status = 200
        if request.method == "POST" and form.is_valid():
            try:
                said = action.run(
                    Command(
                        row=row,
                        data=form.cleaned_data,
                        user=request.user,
                        actor=Actor.user(request.user),
                        now=clock.now(),
                    )
                )
            except DomainError as error:
                form.add_error(None, str(error))
                status = error.status
            else:
                messages.success(request, said if isinstance(said, str) else _("Done."))
                return redirect(self.after_command_url(row))
        return self._confirm_page(request, action, row, form, status)

    def _confirm_page(self, request, action, row, form, status) -> TemplateResponse:
        opts = self.model._meta
        site = self.admin_site
        context = {
            **site.each_context(request),
            "title": action.label,
            "subtitle": str(row) if row is not None else None,
            "opts": opts,
            "media": self.media + form.media,
            "form": form,
            "row": row,
            "action": action,
            "back": self.after_command_url(row),
        }
        request.current_app = site.name
        return TemplateResponse(request, "admin/mall/service_action.html", context, status=status)
