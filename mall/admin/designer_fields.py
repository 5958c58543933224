"""What the steps of the designer are made of: fields that read what people type, and a step."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import YuanField
from config.kernel.admin.forms import MOST_FEN
from config.kernel.money import fen_from_yuan


class Lines(forms.CharField):
    """Words in lines or between commas."""

    widget = forms.Textarea(attrs={"rows": 2})

    def to_python(self, value: Any) -> list[str]:  # type: ignore[override]  # a list of what is typed
        return list(dict.fromkeys(re.split(r"[\s,，;；]+", (value or "").strip()))) if value else []

    def validate(self, value: Any) -> None:
        forms.Field.validate(self, value)

    def run_validators(self, value: Any) -> None:
        return

    def prepare_value(self, value: Any) -> Any:
        return "\n".join(value) if isinstance(value, list) else value


class StepForm(forms.Form):
    """``values`` is what the draft says so far; :meth:`said` what this step makes of it."""

    def __init__(self, data: Any = None, *, kind: str, values: Mapping[str, Any], scope: Any):
        self.kind, self.values, self.people = kind, values, scope
        super().__init__(data)
        if data is None:
            self.initial = self.shown()

    def shown(self) -> dict[str, Any]:
        return {name: self.values[name] for name in self.fields if name in self.values}

    def said(self) -> dict[str, Any]:
        return {
            name: value.isoformat() if isinstance(value, datetime) else value
            for name, value in self.cleaned_data.items()
        }


def typed_amount(text: str) -> int:
    """Fen of yuan, or basis points of a percent: both have two decimals. Raises ValueError."""
    amount = fen_from_yuan(text)
    if not 0 <= amount <= MOST_FEN:
        raise ValueError(text)
    return amount


def yuan_typed(fen: int) -> str:
    return YuanField().prepare_value(fen)


def unreadable(line: str) -> forms.ValidationError:
    return forms.ValidationError(_("This line cannot be read: {line}").format(line=line))
