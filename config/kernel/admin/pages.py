"""The kernel's own pages, the sign-in of the admin, and what other packages register."""

from datetime import datetime
from importlib import import_module
from typing import Any

from allauth.account.decorators import secure_admin_login
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django import forms
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.utils import unquote
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.utils.translation import gettext_lazy as _
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminSplitDateTimeWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from config.kernel import clock
from config.kernel.admin.actions import Command, ServiceAction, require_recent_sign_in
from config.kernel.admin.base import AuditedAdmin, ReadOnlyAdmin
from config.kernel.admin.codes import code_words
from config.kernel.admin.forms import ReasonForm
from config.kernel.admin.policy_forms import policy_drafts, policy_edits
from config.kernel.admin.timeline import state_word
from config.kernel.errors import DomainError
from config.kernel.models import Code, Event, EventDelivery, PolicyVersion, User
from config.kernel.policies import (
    policy_draft,
    policy_publish,
    policy_simulate,
    policy_simulates,
)
from config.kernel.policy_publication import policy_publication_request
from config.kernel.second_factor_reset import second_factor_reset

# Staff sign in where everybody does, so the second factor and its rate limits apply here too.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]  # documented

# Packages register pages that write identities past our services: take them off. Importing
# their modules first makes sure that autodiscovery does not put them back.
for package in (
    "django.contrib.auth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
):
    import_module(f"{package}.admin")
for model in (Authenticator, EmailAddress, SocialAccount, SocialApp, SocialToken, Group):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


def _reset_second_factor(command: Command) -> None:
    second_factor_reset(
        user_id=command.row.pk, reason=command.reason, actor=command.actor, now=command.now
    )


@admin.register(User)
class UserAdmin(BaseUserAdmin, AuditedAdmin):  # type: ignore[misc]  # two bases, each typed
    """People who sign in. What they may do at which store is their assignments' business."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["username", "last_name", "first_name", "is_staff", "is_active", "last_login"]
    list_filter = ["is_staff", "is_active", "is_superuser"]  # type: ignore[misc]  # as above
    search_fields = ["username", "first_name", "last_name", "email"]  # type: ignore[misc]  # same
    ordering = ["username"]
    readonly_fields = ["last_login", "date_joined"]  # type: ignore[misc]  # as above
    service_actions = [
        ServiceAction(
            "second-factor-reset",
            _("Reset the second factor"),
            _reset_second_factor,
            sensitive=True,
            danger=True,
            allowed=lambda row: Authenticator.objects.filter(user_id=row.pk).exists(),
            explanation=_(
                "For a lost phone. Make sure that it is really them who ask: from now on the"
                " password alone signs in, until a new second factor is set up. All of their"
                " sessions end."
            ),
        )
    ]

    def user_change_password(self, request, id, form_url=""):
        """Somebody else's password is like somebody else's second factor: asked again who it is
        that gives it, and on record."""
        require_recent_sign_in(request)
        answer = super().user_change_password(request, id, form_url)
        if request.method == "POST" and answer.status_code == 302:
            row = self.get_object(request, unquote(id))
            self._record(request, row, "changed", {"password": True})
        return answer

    def _may(self, request, action, row=None) -> bool:
        may_change = row is None or self.has_change_permission(request, row)
        return may_change and super()._may(request, action, row)

    def get_readonly_fields(self, request, obj=None):
        fields = list(super().get_readonly_fields(request, obj))
        if not request.user.is_superuser:
            # Nobody gives away more than they have.
            fields += ["is_superuser", "groups", "user_permissions"]
        return fields

    def has_change_permission(self, request, obj=None) -> bool:
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, AuditedAdmin):
    list_display = ["name"]
    search_fields = ["name"]  # type: ignore[misc]  # two bases, each typed


class _KernelReadOnly(ReadOnlyAdmin):
    ordering = ["-id"]


def _subjects() -> dict[str, Any]:
    """What events are about: models, by the name of either kind that events call them by."""
    return {
        name: model._meta.verbose_name
        for model in apps.get_models()
        for name in (model._meta.model_name or "", model._meta.label_lower)
    }


code_words(Event, "subject_type", _subjects())
code_words(
    Event,
    "subject_type",
    {"after_sale": _("after-sale"), "catalogue": _("catalogue"), "policy": _("policy")},
)


@admin.register(Event)
class EventAdmin(_KernelReadOnly):
    """The audit trail, and what of it waits for delivery."""

    list_display = [
        "occurred_at",
        "kind",
        "subject_type",
        "subject_id",
        "state_left",
        "state_reached",
        "actor_kind",
        "actor_id",
        "reason",
        "relayed_at",
    ]
    list_filter = ["kind", "subject_type", "actor_kind", ("relayed_at", admin.EmptyFieldListFilter)]
    search_fields = ["kind", "subject_id__exact", "actor_id", "reason"]
    date_hierarchy = "occurred_at"

    @admin.display(description=_("from state"), ordering="from_state")
    def state_left(self, row: Event) -> Any:
        return state_word(row, row.from_state)

    @admin.display(description=_("to state"), ordering="to_state")
    def state_reached(self, row: Event) -> Any:
        return state_word(row, row.to_state)


@admin.register(EventDelivery)
class EventDeliveryAdmin(_KernelReadOnly):
    list_display = ["event", "consumer", "delivered_at"]
    list_select_related = ["event"]
    list_filter = ["consumer"]
    search_fields = ["consumer", "event__kind", "event__subject_id__exact"]
    date_hierarchy = "delivered_at"


# The apps that issue codes add what for.
code_words(Code, "purpose", {})
code_words(Code, "owner_type", _subjects())


@admin.register(Code)
class CodeAdmin(_KernelReadOnly):
    list_display = [
        "token",
        "purpose",
        "owner_type",
        "owner_id",
        "payload",
        "created_at",
        "valid_until",
        "revoked_at",
    ]
    list_filter = ["purpose", "owner_type"]
    search_fields = ["token", "payload"]
    date_hierarchy = "created_at"

    def timeline_subjects(self, row):
        return [("code", row.pk)]


class PolicyDraftForm(ReasonForm):
    kind = forms.CharField(label=_("kind"), max_length=32, widget=UnfoldAdminTextInputWidget())
    scope = forms.CharField(
        label=_("scope"),
        max_length=32,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("an operator's code; empty for the whole group"),
    )
    body = forms.JSONField(label=_("body"), widget=UnfoldAdminTextareaWidget(attrs={"rows": 12}))

    field_order = ["kind", "scope", "body", "reason"]


class PolicyPublishForm(ReasonForm):
    """Shows what would change, where the kind can say so beforehand."""

    of_row = True
    effective_from = forms.SplitDateTimeField(
        label=_("effective from"), widget=UnfoldAdminSplitDateTimeWidget()
    )

    field_order = ["effective_from", "reason"]

    def __init__(self, data: Any = None, *, row: PolicyVersion) -> None:
        super().__init__(data)
        if data is None and policy_simulates(row.kind):
            try:
                found = policy_simulate(policy=row, now=clock.now())
            except DomainError as error:
                self.preview = [str(error)]
            else:
                self.preview = [f"{words}: {count:,}" for words, count in found]

    def clean_effective_from(self) -> datetime:
        """From this minute on: what has been decided by a rule is not decided anew."""
        start = self.cleaned_data["effective_from"]
        if start < clock.now().replace(second=0, microsecond=0):
            raise forms.ValidationError(_("A rule cannot begin in the past."))
        return start


def _draft(command: Command) -> Any:
    data = command.data
    return str(
        policy_draft(
            kind=data["kind"],
            scope=data["scope"],
            body=data["body"],
            note=command.reason,
            now=command.now,
        )
    )


def _publish(command: Command) -> Any:
    if not command.user.is_superuser:
        policy_publication_request(
            policy=command.row,
            effective_from=command.data["effective_from"],
            reason=command.reason,
            actor=command.actor,
            now=command.now,
        )
        return _("Another person has been asked to approve it.")
    return policy_publish(
        policy=command.row,
        effective_from=command.data["effective_from"],
        actor=command.actor,
        now=command.now,
        user=command.user,
    )


@admin.register(PolicyVersion)
class PolicyVersionAdmin(_KernelReadOnly):
    """Rules of business. A version is drafted, published once, and never changes after that."""

    list_display = [
        "__str__",
        "kind",
        "scope",
        "version",
        "note",
        "published_at",
        "published_by",
        "effective_from",
        "effective_to",
    ]
    list_select_related = ["published_by"]
    list_filter = ["kind", "scope", ("published_at", admin.EmptyFieldListFilter)]
    search_fields = ["kind", "scope", "note"]
    json_draft = ServiceAction(
        "draft", _("New draft as JSON"), _draft, form=PolicyDraftForm, permission="add"
    )
    publish = ServiceAction(
        "publish",
        _("Publish"),
        _publish,
        sensitive=True,
        form=PolicyPublishForm,
        allowed=lambda row: row.published_at is None,
        explanation=_(
            "Somebody else approves it; from then on it is in force and can never be changed."
        ),
    )

    @property
    def list_service_actions(self) -> list[ServiceAction]:  # type: ignore[override]  # late
        """The forms of kinds first; JSON for the rest, and for who knows."""
        return [*policy_drafts, self.json_draft]

    @property
    def service_actions(self) -> list[ServiceAction]:  # type: ignore[override]  # late
        return [self.publish, *policy_edits]

    def timeline_subjects(self, row):
        return [("policy", row.pk)]
