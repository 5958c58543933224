"""The inbox of approvals: what waits for me, what I asked for, what became of it."""

from typing import Any

from django import forms
from django.apps import apps
from django.contrib import admin
from django.db.models import Model, Q
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from config.kernel import clock
from config.kernel.admin import (
    Command,
    ReadOnlyAdmin,
    ReasonForm,
    ServiceAction,
    finder,
    number_like,
)
from config.kernel.admin.timeline import Subject
from config.kernel.approvals import (
    SUBJECT,
    approval_decide,
    approval_kinds,
    approval_withdraw,
)
from config.kernel.models import Approval
from config.kernel.states import ApprovalState
from stores.admin.scope import StaffScoped
from stores.approvals import SUPERUSER, to_decide
from stores.models import Operator, Store
from stores.states import Role

WAITING_ALREADY = "_approvals_to_decide"


def for_me(request: HttpRequest) -> Q | None:
    """What the request's user may decide on, asked once per request."""
    if not hasattr(request, WAITING_ALREADY):
        setattr(request, WAITING_ALREADY, to_decide(request.user, clock.now()))
    return getattr(request, WAITING_ALREADY)


def waiting_badge(request: HttpRequest) -> str:
    """How many wait for whoever looks; empty for none. Called by the navigation."""
    condition = for_me(request)
    count = 0 if condition is None else Approval.objects.filter(condition).count()
    return str(count) if count else ""


def said(request: Approval | None) -> str | None:
    """What a command answers that may have filed a request instead of acting."""
    if request is None:
        return None
    return gettext("This needs a second person. Request {no} now waits in the approvals.").format(
        no=request.no
    )


def approvals_of(row: Model) -> list[Subject]:
    """The requests about ``row``, for its timeline."""
    found = Approval.objects.filter(subject_type=row._meta.label_lower, subject_id=row.pk)
    return [(SUBJECT, pk) for pk in found.values_list("pk", flat=True)]


def kind_name(code: str) -> str:
    known = {kind.code: kind.label for kind in approval_kinds()}
    return str(known.get(code, code))


class WhoseFilter(admin.SimpleListFilter):
    """Without a choice the list is an inbox, for whoever approves anything at all."""

    title = _("whose turn")
    parameter_name = "whose"

    def __init__(self, request: HttpRequest, *args: Any) -> None:
        self.condition = for_me(request)
        super().__init__(request, *args)

    def lookups(self, request, model_admin):
        others = [] if self.condition is None else [("all", _("all of them"))]
        return [*others, ("mine", _("asked for by me"))]

    def choices(self, changelist):
        first, *others = super().choices(changelist)
        if self.condition is not None:
            first["display"] = _("waiting for me")
        return [first, *others]

    def queryset(self, request, queryset):
        if self.value() == "mine":
            return queryset.filter(maker=request.user)
        if self.value() == "all" or self.condition is None:
            return queryset
        return queryset.filter(self.condition)


class KindFilter(admin.SimpleListFilter):
    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request, model_admin):
        return [(kind.code, kind.label) for kind in approval_kinds()]

    def queryset(self, request, queryset):
        return queryset.filter(kind=self.value()) if self.value() else queryset


class NoteForm(ReasonForm):
    """Approving needs no words; refusing says why."""

    reason = forms.CharField(
        label=_("note"),
        required=False,
        max_length=200,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


def _decide(command: Command, approve: bool) -> None:
    approval_decide(
        approval_id=command.row.pk,
        approve=approve,
        user=command.user,
        note=command.reason,
        now=command.now,
    )


def _approve(command: Command) -> str:
    _decide(command, True)
    return str(_("Approved and done."))


def _refuse(command: Command) -> str:
    _decide(command, False)
    return str(_("Refused."))


def _withdraw(command: Command) -> str:
    approval_withdraw(
        approval_id=command.row.pk, user=command.user, note=command.reason, now=command.now
    )
    return str(_("Withdrawn."))


def _waiting(row: Approval) -> bool:
    return row.state == ApprovalState.PENDING


@admin.register(Approval)
class ApprovalAdmin(StaffScoped, ReadOnlyAdmin):
    store_paths = ("store_id",)
    operator_paths = ("operator_id",)
    fields = [
        "no",
        "what",
        "effect",
        "subject_link",
        "amount_fen",
        "belongs_to",
        "maker",
        "reason",
        "state",
        "created_at",
        "expires_at",
        "checker",
        "decided_as",
        "limit_fen",
        "note",
        "decided_at",
    ]
    list_display = [
        "no",
        "what",
        "amount_fen",
        "maker",
        "reason",
        "state",
        "created_at",
        "expires_at",
        "checker",
    ]
    list_select_related = ["maker", "checker"]
    list_filter = [WhoseFilter, "state", KindFilter]
    search_fields = ["no", "maker__username", "reason"]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    service_actions = [
        ServiceAction(
            "approve",
            _("Approve"),
            _approve,
            form=NoteForm,
            allowed=_waiting,
            sensitive=True,
            explanation=_("It is done at once, in your name and the maker's."),
        ),
        ServiceAction(
            "refuse", _("Refuse"), _refuse, allowed=_waiting, sensitive=True, danger=True
        ),
        ServiceAction("withdraw", _("Withdraw"), _withdraw, form=NoteForm, allowed=_waiting),
    ]

    def _buttons(self, request, actions, row=None):
        """The maker is offered to withdraw, everybody else to decide; the service decides."""
        if row is not None:
            own = row.maker_id == request.user.pk
            actions = [action for action in actions if (action.name == "withdraw") == own]
        return super()._buttons(request, actions, row)

    def timeline_subjects(self, row):
        return [(SUBJECT, row.pk)]

    @admin.display(description=_("kind"), ordering="kind")
    def what(self, row: Approval) -> str:
        return kind_name(row.kind)

    @admin.display(description=_("what will happen"))
    def effect(self, row: Approval) -> str:
        known = {kind.code: kind for kind in approval_kinds()}
        return str(known[row.kind].describe(row)) if row.kind in known else ""

    @admin.display(description=_("subject"))
    def subject_link(self, row: Approval):
        try:
            model = apps.get_model(row.subject_type)
            url = reverse(
                f"admin:{row.subject_type.replace('.', '_')}_change", args=[row.subject_id]
            )
        except (LookupError, ValueError, NoReverseMatch):
            return row.subject_type
        subject = model._base_manager.filter(pk=row.subject_id).first()
        name = model._meta.verbose_name
        return format_html(
            '{} <a class="text-primary-600 dark:text-primary-500" href="{}">{}</a>',
            name,
            url,
            subject or row.subject_id,
        )

    @admin.display(description=_("place"))
    def belongs_to(self, row: Approval) -> str:
        if row.store_id is not None:
            store = Store.objects.filter(pk=row.store_id).select_related("operator").first()
            return f"{store.operator} · {store}" if store else ""
        if row.operator_id is not None:
            return str(Operator.objects.filter(pk=row.operator_id).first() or "")
        return str(_("the whole group"))

    @admin.display(description=_("decided as"))
    def decided_as(self, row: Approval) -> str:
        names = {SUPERUSER: _("superuser"), **dict(Role.choices)}
        return str(names.get(row.checker_role, row.checker_role))


finder(
    Approval,
    lambda term: number_like(term, "no"),
    detail="kind",
    icon="approval",
    shown=kind_name,
)
