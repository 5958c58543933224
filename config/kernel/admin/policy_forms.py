"""Rules of business as forms: an app gives a kind of policy a form whose fields are its body.

What a form does not know of a body stays in it, shown as JSON; so does a kind without a form.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from config.kernel import clock
from config.kernel.admin.actions import Command, ServiceAction
from config.kernel.admin.forms import ReasonForm
from config.kernel.models import PolicyVersion
from config.kernel.policies import PolicyInvalid, policy_at, policy_draft, policy_validate

# Buttons above the list of versions, and on the page of one.
policy_drafts: list[ServiceAction] = []
policy_edits: list[ServiceAction] = []


class PolicyForm(ReasonForm):
    """A body typed field by field. A subclass says ``policy_kind``, the ``keys`` of a body that
    its fields are made of, ``values_of`` (body → fields) and ``body_of`` (fields → body).

    It begins with what the given version says, or else with what is in force for the group.
    """

    of_row = True
    policy_kind: ClassVar[str]
    keys: ClassVar[frozenset[str]]

    scope = forms.CharField(
        label=_("scope"),
        max_length=32,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("an operator's code; empty for the whole group"),
    )

    def __init__(self, data: Any = None, *, row: PolicyVersion | None = None) -> None:
        super().__init__(data)
        if row is None or row.kind != self.policy_kind:
            row = policy_at(kind=self.policy_kind, moment=clock.now())
        self.base: Mapping[str, Any] = row.body if row else {}
        self.grow()
        unknown = {k: v for k, v in self.base.items() if k not in self.keys}
        if unknown:
            self.fields["more"] = forms.JSONField(
                label=_("other settings"),
                required=False,
                initial=unknown,
                widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
                help_text=_("JSON, as it was; for what has no field here"),
            )
        self.initial = {"scope": row.scope if row else "", **self.values_of(self.base)}
        self.order_fields(["scope", *(x for x in self.fields if x not in ("scope", "reason"))])

    def grow(self) -> None:
        """Add the fields that hang on data."""

    def values_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """What the fields begin with. Each kind says it."""
        raise NotImplementedError(self.policy_kind)

    def body_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """The ``keys`` of a body, of what was typed. Each kind says it."""
        raise NotImplementedError(self.policy_kind)

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if self.errors:
            return data
        data["body"] = {**(data.get("more") or {}), **self.body_of(data)}
        try:
            policy_validate(kind=self.policy_kind, body=data["body"])
        except PolicyInvalid as error:
            raise forms.ValidationError(str(error)) from None
        return data


def policy_form(form: type[PolicyForm], label: Any) -> None:
    """Offer ``form`` for its kind, called ``label``: above the list, and on each version of it."""
    kind = form.policy_kind

    def draft(command: Command) -> str:
        version = policy_draft(
            kind=kind,
            scope=command.data["scope"],
            body=command.data["body"],
            note=command.reason,
            now=command.now,
        )
        return str(version)

    policy_drafts.append(
        ServiceAction(f"draft-{kind}", label, draft, form=form, permission="add", explanation=_HINT)
    )
    policy_edits.append(
        ServiceAction(
            f"edit-{kind}",
            _("Change into a new draft"),
            draft,
            form=form,
            permission="add",
            allowed=lambda row: row.kind == kind,
            explanation=_HINT,
        )
    )


_HINT = _("A draft changes nothing yet: it is published afterwards, by another person's approval.")
