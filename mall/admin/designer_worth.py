"""The first step of the designer: what a discount is worth, by its kind."""

from collections.abc import Iterable
from typing import Any, cast

from django import forms
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import PercentField, YuanField, percent_typed
from coupons.states import CouponKind, Span
from mall.admin.designer_fields import (
    StepForm,
    typed_amount,
    unreadable,
    yuan_typed,
)
from mall.discount_draft_values import PROMOTION, TEMPLATE
from mall.models import Sku
from mall.states import PromotionKind
from stores.models import Operator

# Which parts of the first step a kind has; the rest of them say nothing for it.
PARTS: dict[str, tuple[str, ...]] = {
    "amount": ("off_fen", "threshold", "steps", "span", "max"),
    "percent": ("percent", "threshold", "steps", "span", "max"),
    "price": ("price_fen", "threshold", "times", "max"),
    "exchange": ("price_fen", "threshold", "times"),
    "nth": ("percent", "pieces", "threshold", "times", "max"),
    "multi": ("price_fen", "pieces", "threshold", "times"),
    "bundle": ("price_fen", "skus", "times"),
    "gift": ("skus", "threshold", "times"),
    "freight": ("threshold",),
}
_OF_PART = {
    "threshold": ("threshold_fen", "threshold_pieces"),
    "max": ("max_discount_fen",),
}


class WorthForm(StepForm):
    operator = forms.ModelChoiceField(Operator.objects.none(), label=_("operator"))
    name = forms.CharField(label=_("name"), max_length=80)
    code = forms.CharField(
        label=_("code"),
        max_length=32,
        validators=[
            RegexValidator(
                r"^[0-9A-Za-z][0-9A-Za-z._-]*$", _("Letters, digits and . _ - only, at most 32.")
            )
        ],
    )
    kind_of = forms.ChoiceField(label=_("what it does"))
    off_fen = YuanField(label=_("yuan off"), required=False, widget=forms.TextInput)
    percent = PercentField(
        least_bp=1,
        label=_("percent taken off"),
        required=False,
        help_text=_("20 is 20 % off, which is 八折"),
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )
    price_fen = YuanField(label=_("price (yuan)"), required=False, widget=forms.TextInput)
    pieces = forms.IntegerField(
        label=_("pieces of a set (N)"),
        min_value=2,
        max_value=99,
        required=False,
        help_text=_("every N-th piece, N for a price"),
    )
    threshold_fen = YuanField(label=_("from so many yuan on"), required=False)
    threshold_pieces = forms.IntegerField(
        label=_("or from so many pieces on"), min_value=0, max_value=9_999, required=False
    )
    steps = forms.CharField(
        label=_("further steps"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "500 60"}),
        help_text=_("A line each: from where on, and what is off then (yuan, pieces or percent)."),
    )
    span = forms.ChoiceField(label=_("counts for"), choices=Span.choices, required=False)
    max_discount_fen = YuanField(label=_("at most (yuan)"), required=False)
    times = forms.IntegerField(
        label=_("at most so many times"),
        min_value=1,
        max_value=9_999,
        required=False,
        help_text=_("empty: as often as it fits"),
    )
    skus = forms.CharField(
        label=_("SKUs"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4, "placeholder": "D1001-01 2"}),
        help_text=_(
            "A line each: SKU and pieces. For a fixed price: SKU and yuan, or nothing at all."
        ),
    )

    def __init__(self, data: Any = None, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        kinds = CouponKind if self.kind == TEMPLATE else PromotionKind
        cast(forms.ChoiceField, self.fields["kind_of"]).choices = kinds.choices
        operator = cast(forms.ModelChoiceField, self.fields["operator"])
        operator.queryset = self.people.operators
        if self.kind == TEMPLATE:
            del self.fields["skus"]
        said = data.get("kind_of") if data is not None else self.values.get("kind")
        self.method = said if said in kinds.values else "amount"
        shown = {n for part in self.parts for n in _OF_PART.get(part, (part,))}
        for name in list(self.fields):
            if name not in shown and name not in ("operator", "name", "code", "kind_of"):
                del self.fields[name]

    @property
    def parts(self) -> tuple[str, ...]:
        more = ("skus",) if self.method == "price" and self.kind == PROMOTION else ()
        return PARTS[self.method] + more

    def shown(self) -> dict[str, Any]:
        values = dict(self.values)
        kind, value = values.get("kind", "amount"), values.get("value")
        values["kind_of"] = kind
        values |= {"off_fen": value, "percent": value, "price_fen": value}
        pieces = bool(values.get("threshold_pieces"))
        values["threshold_fen"] = values.get("threshold_fen") or None
        values["threshold_pieces"] = values.get("threshold_pieces") or None
        if (values.get("pieces") or 1) < 2:
            values["pieces"] = None
        values["steps"] = "\n".join(
            f"{threshold if pieces else yuan_typed(threshold)}"
            f" {percent_typed(worth) if kind == 'percent' else yuan_typed(worth)}"
            for threshold, worth in values.get("steps") or []
        )
        values["skus"] = "\n".join(
            f"{code} {yuan_typed(n) if kind == 'price' else n}"
            for code, n in (values.get("skus") or {}).items()
        )
        return values

    def clean_steps(self) -> list[list[int]]:
        return [list(pair) for pair in self._pairs("steps")]

    def clean_skus(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for line in self.cleaned_data["skus"].splitlines():
            parts = line.replace("×", " ").replace("¥", " ").split()
            if not parts:
                continue
            number = parts[1] if len(parts) > 1 else "1"
            try:
                found[parts[0]] = typed_amount(number) if self.method == "price" else int(number)
            except ValueError as error:
                raise unreadable(line) from error
        unknown = set(found) - set(
            Sku.objects.filter(code__in=found, archived_at=None).values_list("code", flat=True)
        )
        if unknown:
            raise forms.ValidationError(
                _("There are no such SKUs: {codes}.").format(codes=", ".join(sorted(unknown)))
            )
        return found

    def _pairs(self, name: str) -> Iterable[tuple[int, int]]:
        for line in self.cleaned_data[name].splitlines():
            parts = line.replace("¥", " ").replace("%", " ").split()
            if not parts:
                continue
            try:
                threshold, worth = parts
                in_pieces = bool(self.cleaned_data.get("threshold_pieces"))
                yield (
                    int(threshold) if in_pieces else typed_amount(threshold),
                    typed_amount(worth),  # a percent has as many basis points as a yuan has fen
                )
            except ValueError as error:
                raise unreadable(line) from error

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        needed = [n for n in ("off_fen", "percent", "price_fen", "pieces") if n in self.fields]
        if self.method == "price" and data.get("skus"):
            # Each of its SKUs has a price of its own.
            needed.remove("price_fen")
        for name in needed:
            if data.get(name) is None and name not in self.errors:
                self.add_error(name, _("This field is required."))
        if data.get("threshold_fen") and data.get("threshold_pieces"):
            self.add_error("threshold_pieces", _("Count either yuan or pieces."))
        if self.method in ("bundle", "gift") and not data.get("skus") and "skus" not in self.errors:
            self.add_error("skus", _("This field is required."))
        return data

    def said(self) -> dict[str, Any]:
        data = self.cleaned_data
        value = next((data[n] for n in ("off_fen", "percent", "price_fen") if data.get(n)), 0)
        return {
            "operator": data["operator"].pk,
            "name": data["name"],
            "code": data["code"],
            "kind": self.method,
            "value": value,
            "threshold_fen": data.get("threshold_fen") or 0,
            "threshold_pieces": data.get("threshold_pieces") or 0,
            "steps": data.get("steps") or [],
            "span": data.get("span") or Span.ORDER.value,
            "pieces": data.get("pieces") or 1,
            "times": data.get("times"),
            "max_discount_fen": data.get("max_discount_fen"),
            **({"skus": data.get("skus") or {}} if self.kind == PROMOTION else {}),
        }
