"""The rules that claims are judged by, as a form: a row of fields per rule of one clause."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from config.kernel.admin import PolicyForm
from coupons import member_facts
from coupons.claim_risk import FACTS, KIND, LONGEST_NAME, MOST_SCORE

# Rows that wait for a new rule.
SPARE = 4
_OPERATORS = [("gte", _("at least")), ("lte", _("at most")), ("eq", _("exactly"))]


def _score(label: Any, help_text: Any = "", *, least: int = 1, required: bool = True):
    return forms.IntegerField(
        label=label,
        min_value=least,
        max_value=MOST_SCORE,
        required=required,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=help_text,
    )


class ClaimRiskForm(PolicyForm):
    """Rules of one clause over a number have fields; the others stay what they are, as JSON."""

    policy_kind = KIND
    keys = frozenset({"v", "challenge_from", "refuse_from", "rules"})

    challenge_from = _score(
        _("challenge from"), _("points of score; the member confirms in WeChat that it is them")
    )
    refuse_from = _score(_("refuse from"), _("points of score"))

    def grow(self) -> None:
        rules = self.base.get("rules", [])
        self.simple = [clause for rule in rules if (clause := _clause(rule))]
        self.other = [rule for rule in rules if _clause(rule) is None]
        facts = [("", "–"), *FACTS.items(), *member_facts.numbers().items()]
        for n in range(1, len(self.simple) + SPARE + 1):
            which = _("rule {n}: {what}")
            self.fields[f"name_{n}"] = forms.CharField(
                label=_label(which, n, _("name")),
                max_length=LONGEST_NAME,
                required=False,
                widget=UnfoldAdminTextInputWidget(),
                help_text=_("what it means; empty: no rule"),
            )
            self.fields[f"fact_{n}"] = forms.ChoiceField(
                label=_label(which, n, _("what is looked at")),
                choices=facts,
                required=False,
                widget=UnfoldAdminSelectWidget(),
            )
            self.fields[f"op_{n}"] = forms.ChoiceField(
                label=_label(which, n, _("is")),
                choices=_OPERATORS,
                required=False,
                widget=UnfoldAdminSelectWidget(),
            )
            self.fields[f"value_{n}"] = forms.IntegerField(
                label=_label(which, n, _("compared with")),
                min_value=0,
                required=False,
                widget=UnfoldAdminIntegerFieldWidget(),
            )
            self.fields[f"score_{n}"] = _score(
                _label(which, n, _("score")),
                _("added to the sum; below zero speaks for the member"),
                least=-MOST_SCORE,
                required=False,
            )
        self.fields["other"] = forms.JSONField(
            label=_("rules of several clauses"),
            required=False,
            widget=UnfoldAdminTextareaWidget(attrs={"rows": 6}),
            help_text=_('JSON: a list of {"name": …, "when": condition, "score": …}'),
        )

    def values_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {
            "challenge_from": body.get("challenge_from", 50),
            "refuse_from": body.get("refuse_from", 90),
            "other": self.other,
        }
        for n, row in enumerate(self.simple, 1):
            found |= {f"{name}_{n}": value for name, value in row.items()}
        return found

    def clean(self) -> dict[str, Any]:
        for n in range(1, len(self.simple) + SPARE + 1):
            row = self._row(self.cleaned_data, n)
            if row["name"] or row["fact"]:
                for name, value in row.items():
                    if value in ("", None) and f"{name}_{n}" not in self.errors:
                        self.add_error(f"{name}_{n}", _("Needed for a rule."))
        return super().clean()

    def body_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        rules = []
        for n in range(1, len(self.simple) + SPARE + 1):
            row = self._row(data, n)
            if row["name"]:
                clause = {"fact": row["fact"], "op": row["op"], "value": row["value"]}
                when = {"v": 1, "all": [clause]}
                rules.append({"name": row["name"], "when": when, "score": row["score"]})
        return {
            "v": 1,
            "challenge_from": data["challenge_from"],
            "refuse_from": data["refuse_from"],
            "rules": [*rules, *(data["other"] or [])],
        }

    @staticmethod
    def _row(data: Mapping[str, Any], n: int) -> dict[str, Any]:
        names = ("name", "fact", "op", "value", "score")
        return {name: data.get(f"{name}_{n}") for name in names}


def _clause(rule: Mapping[str, Any]) -> dict[str, Any] | None:
    """The fields of a rule that is one comparison of a number; None for any other."""
    clauses = rule["when"].get("all", [])
    if len(clauses) != 1 or "fact" not in clauses[0]:
        return None
    (clause,) = clauses
    counted = clause["fact"] in FACTS or clause["fact"] in member_facts.numbers()
    if not counted or clause["op"] not in dict(_OPERATORS) or type(clause["value"]) is not int:
        return None
    return {"name": rule["name"], "score": rule["score"], **clause}


def _label(words: Any, n: int, what: Any) -> str:
    return str(words).format(n=n, what=what)
