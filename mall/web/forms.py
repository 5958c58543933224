"""Forms of the desk."""

from django import forms
from django.utils.translation import gettext_lazy as _

from mall.selectors.desk import DeskOrder


class ReturnForm(forms.Form):
    """How many units of each line come back, and why. ``wanted()`` is (position, units)."""

    reason = forms.CharField(label=_("Why does it come back?"), min_length=2, max_length=200)
    damaged = forms.BooleanField(label=_("Not for sale again (damaged)"), required=False)

    def __init__(self, *args, found: DeskOrder, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.found = found
        for line, left in found.returnable:
            self.fields[f"units-{line.position}"] = forms.IntegerField(
                label=line.title, min_value=0, max_value=left, initial=0, required=False
            )

    def rows(self) -> list[dict]:
        return [
            {"line": line, "left": left, "field": self[f"units-{line.position}"]}
            for line, left in self.found.returnable
        ]

    def state(self) -> str:
        """What may come back as this page knows it; sent along to be compared."""
        return ",".join(f"{line.position}:{left}" for line, left in self.found.returnable)

    def seen(self) -> dict[int, int] | None:
        """The :meth:`state` of the page that was sent, None when it sent none."""
        if "seen" not in self.data:
            return None
        pairs = (pair.partition(":") for pair in self.data["seen"].split(","))
        return {
            int(position): int(left)
            for position, _colon, left in pairs
            if position.isdecimal() and left.isdecimal()
        }

    def clean(self):
        data = super().clean()
        if not self.errors and not self.wanted():
            raise forms.ValidationError(_("Say how many units of which line come back."))
        return data

    def wanted(self) -> list[tuple[int, int]]:
        return [
            (line.position, units)
            for line, _left in self.found.returnable
            if (units := self.cleaned_data.get(f"units-{line.position}") or 0) > 0
        ]


class DecisionForm(forms.Form):
    """Approve or refuse what a member asks for, with a reason."""

    decision = forms.ChoiceField(choices=[("approve", _("Approve")), ("refuse", _("Refuse"))])
    reason = forms.CharField(label=_("reason"), min_length=2, max_length=200)

    def approves(self) -> bool:
        return self.cleaned_data["decision"] == "approve"
