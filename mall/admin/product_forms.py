"""Form fields of the product editor: attributes as rows, and the basics as they were seen."""

import re
from typing import Any

from django import forms
from django.core.validators import RegexValidator
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from config.kernel.money import fen_from_yuan
from mall.models import Product
from mall.services.product_edit import FIELDS, ProductChanged, product_hold, product_version

_YUAN = re.compile(r"[0-9]{1,8}(\.[0-9]{1,2})?")
MAX_ATTRIBUTES = 40
EMPTY_ROWS = 3
CODE = RegexValidator(
    r"^[0-9A-Za-z][0-9A-Za-z._-]{0,31}$", _("Letters, digits and . _ - only, at most 32.")
)


def typed_fen(text: str) -> int:
    """Fen of a price above zero, typed as yuan. Raises ValueError."""
    if not _YUAN.fullmatch(text) or not (fen := fen_from_yuan(text)):
        raise ValueError(text)
    return fen


class AttributeRows(forms.Widget):
    """Rows of name and value. A few empty ones stand below, so that it works without a script."""

    def render(self, name, value, attrs=None, renderer=None) -> SafeString:
        rows = value if isinstance(value, list) else []
        rows = [*rows, *[{"name": "", "value": ""}] * EMPTY_ROWS]
        return render_to_string("admin/mall/attribute_rows.html", {"name": name, "rows": rows})

    def value_from_datadict(self, data, files, name) -> Any:
        names, values = data.getlist(f"{name}-name"), data.getlist(f"{name}-value")
        return [{"name": n, "value": v} for n, v in zip(names, values, strict=False)]

    def value_omitted_from_data(self, data, files, name) -> bool:
        return f"{name}-name" not in data


class AttributesField(forms.Field):
    """[{"name": …, "value": …}] in the order of its rows; empty rows are left out."""

    widget = AttributeRows

    def to_python(self, value: Any) -> list[dict[str, str]]:
        rows = [{part: " ".join(row[part].split()) for part in row} for row in value or []]
        rows = [row for row in rows if row["name"] or row["value"]]
        if len(rows) > MAX_ATTRIBUTES:
            raise forms.ValidationError(_("At most 40 attributes."))
        for row in rows:
            if not row["name"] or not row["value"]:
                raise forms.ValidationError(_("An attribute has a name and a value."))
            if len(row["name"]) > 40 or len(row["value"]) > 500:
                raise forms.ValidationError(
                    _("A name has at most 40 characters, a value at most 500.")
                )
            if not (row["name"] + row["value"]).isprintable():
                raise forms.ValidationError(_("An attribute holds a control character."))
        return rows

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return (initial or []) != self.to_python(data)
        except forms.ValidationError:
            return True


class ProductForm(forms.ModelForm):
    """The basics. ``shown`` is the version that whoever edits has seen."""

    attributes = AttributesField(label=_("attributes"), required=False)
    shown = forms.CharField(label="", required=False, widget=forms.HiddenInput)

    class Meta:
        model = Product
        fields = ("code", *FIELDS)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "code" in self.fields:
            self.fields["code"].validators.append(CODE)
        if self.instance.pk:
            self.initial["shown"] = product_version(self.instance)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.instance.pk:
            # Held until the page's transaction ends: what is compared here stays so.
            held = product_hold(product_id=self.instance.pk)
            if product_version(held) != cleaned.get("shown"):
                self.add_error(None, str(ProductChanged.message))
        return cleaned
