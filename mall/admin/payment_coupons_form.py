"""Which coupons a payment brings, as a form: three fields per rule."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.db.models import Q
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanSwitchWidget

from config.kernel import clock
from config.kernel.admin import PolicyForm, YuanField, policy_form
from coupons.models import Template
from mall.payment_coupons import KIND

# Rows that wait for a new rule.
SPARE = 3


class PaymentCouponsForm(PolicyForm):
    """A rule is a template, from which payment on, and whether a refund of all takes it back."""

    policy_kind = KIND
    keys = frozenset({"v", "rules"})

    def grow(self) -> None:
        self.rules = list(self.base.get("rules", []))
        templates = self._templates()
        for n in range(1, len(self.rules) + SPARE + 1):
            self.fields[f"template_{n}"] = forms.ChoiceField(
                label=_now("rule {n}: coupon that is given").format(n=n),
                choices=templates,
                required=False,
                widget=UnfoldAdminSelectWidget(),
                help_text=_("empty: no rule"),
            )
            self.fields[f"min_fen_{n}"] = YuanField(
                label=_now("rule {n}: from a payment of").format(n=n),
                required=False,
                help_text=_("yuan of an order, without what is put on cards; 0: of any order"),
            )
            self.fields[f"take_back_{n}"] = forms.BooleanField(
                label=_now("rule {n}: taken back").format(n=n),
                required=False,
                widget=UnfoldBooleanSwitchWidget(),
                help_text=_("when the whole order is refunded, unless it was used or given away"),
            )

    def _templates(self) -> list[tuple[str, str]]:
        """Those that can still be given, and those that the rules name already."""
        named = [rule["template"] for rule in self.rules]
        open_now = Q(archived_at=None, stopped_at=None, claim_until__gt=clock.now())
        rows = Template.objects.filter(open_now | Q(code__in=named)).order_by(
            "operator__code", "code"
        )
        found = {
            code: f"{operator} · {name} ({code})"
            for code, name, operator in rows.values_list("code", "name", "operator__name")
        }
        return [("", "–"), *found.items(), *((c, c) for c in named if c not in found)]

    def values_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for n, rule in enumerate(self.rules, 1):
            found[f"template_{n}"] = rule["template"]
            found[f"min_fen_{n}"] = rule["min_fen"]
            found[f"take_back_{n}"] = rule.get("take_back", False)
        return found

    def clean(self) -> dict[str, Any]:
        seen: set[str] = set()
        for n in range(1, len(self.rules) + SPARE + 1):
            code, least = self.cleaned_data.get(f"template_{n}"), f"min_fen_{n}"
            said = self.cleaned_data.get(least) is not None
            back = bool(self.cleaned_data.get(f"take_back_{n}"))
            if code in seen:
                self.add_error(f"template_{n}", _("Each coupon stands in one rule."))
            if code:
                seen.add(code)
            wanting = least if code and not said else f"template_{n}"
            half = not said if code else said or back
            if half and wanting not in self.errors:
                self.add_error(wanting, _("Needed for a rule."))
        return super().clean()

    def body_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        rules = []
        for n in range(1, len(self.rules) + SPARE + 1):
            if data[f"template_{n}"]:
                rule = {"template": data[f"template_{n}"], "min_fen": data[f"min_fen_{n}"]}
                if data[f"take_back_{n}"]:
                    rule["take_back"] = True
                rules.append(rule)
        return {"v": 1, "rules": rules}


policy_form(PaymentCouponsForm, _("New rules of coupons after payment"))
