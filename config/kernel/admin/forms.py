"""Form fields of the admin: yuan typed by people, fen kept by us."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db import models
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from config.kernel.admin.columns import without_unit
from config.kernel.money import fen_from_yuan, yuan

# What an integer column holds: prices, thresholds and discounts are nothing wider.
MOST_FEN = 2**31 - 1


class YuanField(forms.Field):
    """ "12.50" typed, 1250 returned. Refuses anything that is not exact to the fen."""

    widget = UnfoldAdminTextInputWidget
    default_error_messages = {
        "yuan": _("Enter an amount of yuan with at most two decimals."),
        "negative": _("The amount may not be negative."),
        "large": _("The amount is too large."),
    }

    def __init__(
        self, *, allow_negative: bool = False, most_fen: int = MOST_FEN, **kwargs: Any
    ) -> None:
        self.allow_negative = allow_negative
        self.most_fen = most_fen
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return yuan(value).replace("¥", "").replace(",", "")
        return value

    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        if isinstance(value, int):
            return value
        try:
            fen = fen_from_yuan(str(value))
        except ValueError as error:
            raise forms.ValidationError(self.error_messages["yuan"], "yuan") from error
        if fen < 0 and not self.allow_negative:
            raise forms.ValidationError(self.error_messages["negative"], "negative")
        if abs(fen) > self.most_fen:
            raise forms.ValidationError(self.error_messages["large"], "large")
        return fen

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return initial != self.to_python(data)
        except forms.ValidationError:
            return True


class PercentField(forms.Field):
    """ "12.5" typed, 1250 basis points returned."""

    widget = UnfoldAdminTextInputWidget
    default_error_messages = {
        "percent": _("Enter a percentage with at most two decimals."),
        "least": _("At least {least} %."),
        "most": _("At most {most} %."),
    }

    def __init__(self, *, least_bp: int = 0, most_bp: int = 10_000, **kwargs: Any) -> None:
        self.least_bp, self.most_bp = least_bp, most_bp
        super().__init__(**kwargs)

    def prepare_value(self, value: Any) -> Any:
        return percent_typed(value) if type(value) is int else value

    def to_python(self, value: Any) -> int | None:
        if value in self.empty_values:
            return None
        if type(value) is int:
            return value
        try:
            bp = fen_from_yuan(str(value).strip().removesuffix("%"))
        except ValueError as error:
            raise forms.ValidationError(self.error_messages["percent"], "percent") from error
        for name, wrong, bound in (
            ("least", bp < self.least_bp, self.least_bp),
            ("most", bp > self.most_bp, self.most_bp),
        ):
            if wrong:
                said = str(self.error_messages[name]).format(**{name: percent_typed(bound)})
                raise forms.ValidationError(said, name)
        return bp


def percent_typed(basis_points: int) -> str:
    """1250 → "12.5", 2000 → "20": as a person types it."""
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d}".rstrip("0").rstrip(".") if rest else str(whole)


def yuan_field(db_field: models.Field) -> YuanField:
    """The form field of an integer column of fen."""
    wide = isinstance(db_field, models.BigIntegerField)
    return YuanField(
        most_fen=2**63 - 1 if wide else MOST_FEN,
        label=without_unit(db_field.verbose_name),
        required=not (db_field.blank or db_field.null),
        initial=db_field.default if db_field.has_default() else None,
        help_text=db_field.help_text or _("yuan"),
    )


class ReasonForm(forms.Form):
    """What every command of the admin asks for at least: why.

    A form whose fields depend on the row says ``of_row`` and is given it as ``row``; one whose
    choices depend on who asks says ``of_user`` and is given them as ``user``.
    """

    of_row = False
    of_user = False
    # A form of files is given them as ``files``.
    with_files = False
    # What giving the command would do now, a line each.
    preview: Sequence[str] = ()

    reason = forms.CharField(
        label=_("reason"),
        min_length=2,
        max_length=200,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
        help_text=_("Kept with the event; whoever reads the history sees it."),
    )
