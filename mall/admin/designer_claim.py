"""Who may have a coupon, as fields of the designer: each of them is one clause, all must hold.

A rule that these fields cannot say is kept as it is and told in words.
"""

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from config.kernel.conditions import VERSION
from mall.admin.designer_fields import Lines

Choices = list[tuple[str, Any]]

_MOST = 100_000
# Field → fact, operator.
_CLAUSES: dict[str, tuple[str, str]] = {
    "claim_tiers": ("tier", "in"),
    "claim_levels": ("price_level", "in"),
    "claim_tags": ("tags", "in"),
    "claim_no_tags": ("tags", "not_in"),
    "claim_stores": ("home_store", "in"),
    "claim_days_from": ("member_days", "gte"),
    "claim_days_to": ("member_days", "lte"),
    "claim_orders_from": ("orders", "gte"),
    "claim_orders_to": ("orders", "lte"),
    "claim_failed_to": ("payments_failed", "lte"),
    "claim_first": ("first_order", "eq"),
    "claim_phone": ("member_phone", "eq"),
}
_FIELD_OF = {said: name for name, said in _CLAUSES.items()}
# Of these the clause says 1.
_TICKS = ("claim_first", "claim_phone")
_PAIRS = (("claim_days_from", "claim_days_to"), ("claim_orders_from", "claim_orders_to"))


def claim_fields(choices_of: Callable[[str], Choices], said: Mapping[str, Any]) -> dict[str, Any]:
    """The fields by name, in their order; ``said`` is what :func:`claim_read` found."""

    def several(name: str, label: Any, known: Choices, **more: Any) -> forms.Field:
        # What was taken out of use since stays as it was said.
        gone = [(code, code) for code in said.get(name, []) if code not in dict(known)]
        return forms.MultipleChoiceField(
            label=label, choices=[*known, *gone], required=False, **more
        )

    def ticks(name: str, label: Any, known: Choices) -> forms.Field:
        return several(name, label, known, widget=forms.CheckboxSelectMultiple)

    def number(label: Any, help_text: Any = "") -> forms.Field:
        return forms.IntegerField(
            label=label, min_value=0, max_value=_MOST, required=False, help_text=help_text
        )

    def tick(label: Any) -> forms.Field:
        return forms.BooleanField(label=label, required=False)

    tags, stores = choices_of("tags"), choices_of("store")
    shown = forms.SelectMultiple(attrs={"size": max(min(len(stores), 8), 2)})
    found = {
        "claim_tiers": ticks(
            "claim_tiers",
            _("only these tiers may have one"),
            [("none", _("no tier")), *choices_of("tier")],
        ),
        "claim_levels": Lines(label=_("only these price levels"), required=False),
        "claim_tags": ticks("claim_tags", _("only with one of these tags"), tags),
        "claim_no_tags": ticks("claim_no_tags", _("with none of these tags"), tags),
        "claim_stores": several(
            "claim_stores", _("only with one of these home stores"), stores, widget=shown
        ),
        "claim_days_from": number(_("days as a member, at least")),
        "claim_days_to": number(
            _("days as a member, at most"), _("0: on the day of registering; for newcomers")
        ),
        "claim_orders_from": number(_("orders paid, at least")),
        "claim_orders_to": number(_("orders paid, at most")),
        "claim_failed_to": number(_("payments failed or given up in 30 days, at most")),
        "claim_first": tick(_("only those who have bought nothing yet")),
        "claim_phone": tick(_("only those whose phone is known")),
    }
    # Where there are no tags at all, nobody is asked about them.
    return {
        name: field
        for name, field in found.items()
        if not isinstance(field, forms.MultipleChoiceField) or field.choices
    }


def claim_read(claim: Mapping[str, Any]) -> dict[str, Any] | None:
    """Field → what a rule says; None for a rule that the fields cannot say."""
    if not claim:
        return {}
    clauses = claim.get("all")
    if set(claim) != {"v", "all"} or clauses is None:
        return None
    found: dict[str, Any] = {}
    for clause in clauses:
        fact, op, value = (clause.get(key) for key in ("fact", "op", "value"))
        if op == "eq" and (fact, "in") in _FIELD_OF:
            op, value = "in", [value]
        name = _FIELD_OF.get((fact, op))
        if name is None or name in found or (name in _TICKS and value != 1):
            return None
        found[name] = True if name in _TICKS else value
    return found


def claim_written(data: Mapping[str, Any]) -> dict[str, Any]:
    """The rule that cleaned fields say; {} for everybody."""
    clauses = []
    for name, (fact, op) in _CLAUSES.items():
        value = data.get(name)
        if value is None or value is False or value == []:
            continue
        clauses.append({"fact": fact, "op": op, "value": 1 if name in _TICKS else value})
    return {"v": VERSION, "all": clauses} if clauses else {}


def claim_check(form: forms.Form, data: Mapping[str, Any]) -> None:
    """Refuse what nobody can meet."""
    for least, most in _PAIRS:
        low, high = data.get(least), data.get(most)
        if low is not None and high is not None and low > high:
            words = _("Nobody has at least {low} and at most {high}.")
            form.add_error(most, words.format(low=low, high=high))
    if data.get("claim_first") and (data.get("claim_orders_from") or 0) > 0:
        form.add_error("claim_first", _("Whoever has paid an order has bought something."))
    both = set(data.get("claim_tags") or []) & set(data.get("claim_no_tags") or [])
    if both and set(data["claim_tags"]) <= both:
        form.add_error("claim_no_tags", _("Nobody is with and without the same tags."))
