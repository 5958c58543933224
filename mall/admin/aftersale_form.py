"""What staff fill in for a member who wants units of an order back."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminSelectWidget

from config.kernel.admin import ReasonForm
from mall.models import Order
from mall.services.aftersale import RETURNABLE
from mall.states import AfterSaleKind


class AfterSaleForm(ReasonForm):
    """How many units of each line; ``lines`` of what it cleans to is (position, units)."""

    of_row = True
    kind = forms.ChoiceField(
        label=_("kind"), choices=AfterSaleKind.choices, widget=UnfoldAdminSelectWidget()
    )

    def __init__(self, data: Any = None, *, row: Order) -> None:
        super().__init__(data)
        self.positions = []
        for line in row.lines.filter(kind__in=RETURNABLE).order_by("position"):
            left = line.quantity - line.refunded_quantity
            if left > 0:
                self.positions.append(line.position)
                self.fields[f"units-{line.position}"] = forms.IntegerField(
                    label=line.title,
                    min_value=0,
                    max_value=left,
                    initial=0,
                    required=False,
                    widget=UnfoldAdminIntegerFieldWidget(),
                    help_text=_("units, at most {left}").format(left=left),
                )
        self.order_fields([*(f"units-{p}" for p in self.positions), "kind", "reason"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        units = [(p, data.get(f"units-{p}") or 0) for p in self.positions]
        data["lines"] = [(position, n) for position, n in units if n > 0]
        if not self.errors and not data["lines"]:
            raise forms.ValidationError(_("Say how many units of which line come back."))
        return data
