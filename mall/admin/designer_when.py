"""The third step of the designer: when, how many, who bears it, and beside what."""

import re
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from config.kernel.admin import YuanField, percent_typed
from config.kernel.money import BASIS_POINTS
from coupons.states import RefundPolicy
from mall.admin.designer_fields import Lines, StepForm, typed_amount, unreadable

_HOURS = re.compile(r"(\d{2}:\d{2})\s*[-–~至]\s*(\d{2}:\d{2})")
DAYS = [
    *((1, _("Monday")), (2, _("Tuesday")), (3, _("Wednesday")), (4, _("Thursday"))),
    *((5, _("Friday")), (6, _("Saturday")), (7, _("Sunday"))),
]


def _moment(label: Any, *, required: bool = True) -> forms.DateTimeField:
    return forms.DateTimeField(
        label=label,
        required=required,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )


class _StackingForm(StepForm):
    weekdays = forms.TypedMultipleChoiceField(
        label=_("only on these days"),
        choices=DAYS,
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    hours = forms.CharField(
        label=_("only at these hours"),
        required=False,
        help_text=_(
            "24:00 is the end of the day; 22:00-02:00 ends the next day and counts as the first"
        ),
        widget=forms.Textarea(attrs={"rows": 2, "placeholder": "10:00-14:00"}),
    )
    stacking_group = forms.CharField(
        label=_("stacking group"), max_length=32, help_text=_("one discount per group and order")
    )
    excludes = Lines(
        label=_("does not go with"), required=False, help_text=_("stacking groups, a line each")
    )
    priority = forms.IntegerField(
        label=_("priority"),
        min_value=0,
        max_value=32_000,
        help_text=_("the smaller number works first"),
    )

    MOMENTS: tuple[str, ...] = ()
    DEFAULTS: dict[str, Any] = {}

    def shown(self) -> dict[str, Any]:
        found = {**self.DEFAULTS, **super().shown()}
        for name in self.MOMENTS:
            if isinstance(found.get(name), str):
                found[name] = datetime.fromisoformat(found[name])
        found["hours"] = "\n".join(f"{a}-{b}" for a, b in self.values.get("hours") or [])
        return found

    def clean_hours(self) -> list[list[str]]:
        text = self.cleaned_data["hours"].strip()
        found = [list(match.groups()) for match in _HOURS.finditer(text)]
        if _HOURS.sub("", text).strip(" ,，\r\n"):
            raise forms.ValidationError(_("Hours are written 10:00-14:00, a line each."))
        return found


class PeriodForm(_StackingForm):
    """When a promotion runs."""

    starts_at = _moment(_("starts at"))
    ends_at = _moment(_("ends at"))
    field_order = ["starts_at", "ends_at"]
    MOMENTS = ("starts_at", "ends_at")
    DEFAULTS = {"stacking_group": "promotion", "priority": 100}

    def clean(self) -> dict[str, Any]:
        return _in_order(self, super().clean() or {}, "starts_at", "ends_at")


class IssueForm(_StackingForm):
    """When a coupon is had and used, how many there are, and who bears them."""

    claim_from = _moment(_("claim from"))
    claim_until = _moment(_("claim until"))
    valid_days = forms.IntegerField(
        label=_("valid days after claim"), min_value=1, max_value=3_650, required=False
    )
    valid_until = _moment(_("valid until"), required=False)
    quota = forms.IntegerField(label=_("quota"), min_value=1, max_value=100_000_000)
    per_member = forms.IntegerField(label=_("per member"), min_value=1, max_value=999)
    per_day = forms.IntegerField(
        label=_("per member and day"), min_value=1, max_value=999, required=False
    )
    budget_fen = YuanField(
        label=_("budget (yuan)"),
        most_fen=2**53,
        required=False,
        help_text=_("what all of them may cost together"),
    )
    public = forms.BooleanField(label=_("anyone may claim"), required=False)
    points_price = forms.IntegerField(
        label=_("price in points"), min_value=1, max_value=100_000_000, required=False
    )
    gift_days = forms.IntegerField(
        label=_("days to accept a gift"),
        min_value=0,
        max_value=90,
        help_text=_("0: cannot be given to a friend"),
    )
    slots_ready = forms.IntegerField(
        label=_("kept ready for a rush"), min_value=0, max_value=1_000_000
    )
    planned_per_hour = forms.IntegerField(
        label=_("planned claims per hour"), min_value=1, max_value=10_000_000, required=False
    )
    judge_claims = forms.BooleanField(
        label=_("claims are judged"),
        required=False,
        help_text=_("by the rules against abuse (policy claim_risk)"),
    )
    on_refund = forms.ChoiceField(label=_("on refund"), choices=RefundPolicy.choices)
    sponsor_shares = forms.CharField(
        label=_("who bears it"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "platform 60\nbrand:B01 40"}),
        help_text=_(
            "A line each: operator:code, brand:code or platform, and the percent; 100 in all."
            " Empty: the operator bears it."
        ),
    )
    field_order = [
        *("claim_from", "claim_until", "valid_days", "valid_until"),
        *("quota", "per_member", "per_day", "budget_fen", "sponsor_shares"),
        *("public", "points_price", "gift_days", "on_refund"),
        *("slots_ready", "planned_per_hour", "judge_claims"),
    ]
    MOMENTS = ("claim_from", "claim_until", "valid_until")
    DEFAULTS = {
        "stacking_group": "coupon",
        "priority": 100,
        "per_member": 1,
        "valid_days": 30,
        "public": True,
        "gift_days": 0,
        "slots_ready": 0,
        "on_refund": RefundPolicy.RETURN.value,
    }

    def shown(self) -> dict[str, Any]:
        found = super().shown()
        if self.values.get("valid_until"):
            found["valid_days"] = self.values.get("valid_days")
        shares = self.values.get("sponsor_shares") or {}
        found["sponsor_shares"] = "\n".join(f"{b} {percent_typed(n)}" for b, n in shares.items())
        return found

    def clean_sponsor_shares(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for line in self.cleaned_data["sponsor_shares"].splitlines():
            parts = line.replace("%", " ").split()
            if not parts:
                continue
            try:
                bearer, share = parts
                found[bearer] = found.get(bearer, 0) + typed_amount(share)
            except ValueError as error:
                raise unreadable(line) from error
        if found and sum(found.values()) != BASIS_POINTS:
            raise forms.ValidationError(_("The shares add up to 100 percent."))
        return found

    def clean(self) -> dict[str, Any]:
        data = _in_order(self, super().clean() or {}, "claim_from", "claim_until")
        if not data.get("valid_days") and not data.get("valid_until"):
            self.add_error("valid_days", _("Say how long it is valid."))
        return data


def _in_order(form: forms.Form, data: dict[str, Any], first: str, last: str) -> dict[str, Any]:
    if data.get(first) and data.get(last) and data[first] >= data[last]:
        form.add_error(last, _("The end must be after the start."))
    return data
