"""The limits of approvals as a form: a line per role and amount, for each action."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget

from config.kernel.admin import PercentField, PolicyForm, policy_form
from config.kernel.approvals import approval_kinds
from config.kernel.money import fen_from_yuan, yuan
from stores.approvals import ALONE, CHECK, POLICY, SHARE
from stores.states import Role

WITHOUT_LIMIT = "*"


class LimitsField(forms.CharField):
    """ "manager 500.00" a line: role → fen; ``*`` instead of the amount is None, without limit."""

    def __init__(self, **kwargs: Any) -> None:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})
        super().__init__(required=False, widget=widget, **kwargs)

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return "\n".join(
            f"{role} {WITHOUT_LIMIT if fen is None else yuan(fen).replace('¥', '')}"
            for role, fen in value.items()
        )

    def clean(self, value: Any) -> Any:
        found: dict[str, int | None] = {}
        for number, line in enumerate(str(value or "").splitlines(), start=1):
            if not line.strip():
                continue
            role, _blank, amount = line.strip().partition(" ")
            if role not in Role.values:
                said = _now("Line {number}: there is no role {role}; known are {roles}.")
                raise forms.ValidationError(
                    said.format(number=number, role=role, roles=", ".join(Role.values))
                )
            if role in found:
                said = _now("Line {number}: {role} is there already.")
                raise forms.ValidationError(said.format(number=number, role=role))
            found[role] = self._fen(amount.strip(), number)
        return found

    def _fen(self, amount: str, number: int) -> int | None:
        if amount == WITHOUT_LIMIT:
            return None
        try:
            fen = fen_from_yuan(amount.replace(",", ""))
        except ValueError:
            fen = -1
        if fen < 0:
            said = _now("Line {number}: say an amount of yuan, or * for no limit.")
            raise forms.ValidationError(said.format(number=number))
        return fen


class LimitsPolicyForm(PolicyForm):
    """Three fields for each action; one that says what it was registered with is not in the
    body, so that it follows what its app says."""

    policy_kind = POLICY
    keys = frozenset({"v", "kinds"})

    def grow(self) -> None:
        for kind in approval_kinds():
            self.fields[f"{kind.code} {ALONE}"] = LimitsField(
                label=_("{action}: alone up to").format(action=kind.label),
                help_text=_("a line per role: its name and yuan, or * for no limit"),
            )
            self.fields[f"{kind.code} {CHECK}"] = LimitsField(
                label=_("{action}: approves up to").format(action=kind.label),
                help_text=_("a line per role: its name and yuan, or * for no limit"),
            )
            self.fields[f"{kind.code} {SHARE}"] = PercentField(
                label=_("{action}: nobody is asked for changes up to").format(action=kind.label),
                required=False,
                help_text=_("% of what is changed, where it is a change of something"),
            )

    def values_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for kind in approval_kinds():
            limits = body.get("kinds", {}).get(kind.code, kind.limits)
            for part in (ALONE, CHECK):
                found[f"{kind.code} {part}"] = dict(limits.get(part, {}))
            found[f"{kind.code} {SHARE}"] = limits.get(SHARE)
        return found

    def body_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        kinds = {}
        named = self.base.get("kinds", {})
        for kind in approval_kinds():
            limits = {part: data[f"{kind.code} {part}"] for part in (ALONE, CHECK)}
            if data[f"{kind.code} {SHARE}"] is not None:
                limits[SHARE] = data[f"{kind.code} {SHARE}"]
            registered = {ALONE: {}, CHECK: {}, **kind.limits}
            if kind.code in named or limits != registered:
                kinds[kind.code] = limits
        return {"v": 1, "kinds": kinds}


policy_form(LimitsPolicyForm, _("New limits of approvals"))
