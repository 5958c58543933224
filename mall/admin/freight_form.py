"""What sending parcels costs, as a form: a row of fields per zone."""

import re
from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminIntegerFieldWidget, UnfoldAdminTextInputWidget

from config.kernel.admin import PolicyForm, YuanField, policy_form
from mall.freight import (
    DEFAULT_CONFIRM_DAYS,
    KIND,
    MOST_DAYS,
    MOST_FEE_FEN,
    MOST_FREE_FROM_FEN,
    MOST_MORE_FEN,
    MOST_PIECES,
    PREFIX,
)

# Rows that wait for a new zone.
SPARE = 2


class PrefixesField(forms.CharField):
    """The first 2, 4 or 6 digits of adcodes, apart by anything; cleans to a list."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(required=False, widget=UnfoldAdminTextInputWidget(), **kwargs)

    def prepare_value(self, value: Any) -> Any:
        return ", ".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        found = value if isinstance(value, list) else re.split(r"[\s,，、;；]+", value or "")
        found = [x for x in found if x]
        if any(not PREFIX.fullmatch(x) for x in found):
            raise forms.ValidationError(
                _("The first 2, 4 or 6 digits of adcodes, such as 31, 3301 or 330106.")
            )
        return found


class FreightForm(PolicyForm):
    """A zone is a fee for regions; a row without a fee is no zone."""

    policy_kind = KIND
    keys = frozenset({"v", "confirm_days", "zones", "not_to"})

    confirm_days = forms.IntegerField(
        label=_("counts as delivered after"),
        min_value=1,
        max_value=MOST_DAYS,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text=_("days from shipping, unless the member says so before"),
    )
    not_to = PrefixesField(
        label=_("not sent to"),
        help_text=_("first digits of adcodes; the zone decides where it has more of the digits"),
    )

    def grow(self) -> None:
        self.zones = list(self.base.get("zones", []))
        for n in range(1, len(self.zones) + SPARE + 1):
            self.fields[f"regions_{n}"] = PrefixesField(
                label=_now("zone {n}: regions").format(n=n),
                help_text=_("first digits of adcodes, such as 31, 3301; empty: everywhere else"),
            )
            self.fields[f"fee_fen_{n}"] = _money(
                _now("zone {n}: fee").format(n=n), MOST_FEE_FEN, _("yuan; empty: no zone")
            )
            self.fields[f"first_pieces_{n}"] = forms.IntegerField(
                label=_now("zone {n}: for the first pieces").format(n=n),
                min_value=1,
                max_value=MOST_PIECES,
                required=False,
                widget=UnfoldAdminIntegerFieldWidget(),
                help_text=_("empty: for any number"),
            )
            self.fields[f"more_fen_{n}"] = _money(
                _now("zone {n}: for each piece more").format(n=n), MOST_MORE_FEN, _("yuan")
            )
            self.fields[f"free_from_fen_{n}"] = _money(
                _now("zone {n}: free from").format(n=n),
                MOST_FREE_FROM_FEN,
                _("yuan of goods after promotions, before coupons; empty: never"),
            )

    def values_of(self, body: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {
            "confirm_days": body.get("confirm_days", DEFAULT_CONFIRM_DAYS),
            "not_to": body.get("not_to", []),
        }
        for n, zone in enumerate(self.zones, 1):
            found |= {f"{name}_{n}": value for name, value in zone.items()}
        return found

    def clean(self) -> dict[str, Any]:
        seen: set[str] = set(self.cleaned_data.get("not_to", []))
        for n in range(1, len(self.zones) + SPARE + 1):
            row = self._row(self.cleaned_data, n)
            if row["fee_fen"] is None:
                if any(row.values()) and f"fee_fen_{n}" not in self.errors:
                    self.add_error(f"fee_fen_{n}", _("Needed for a zone."))
                continue
            if (row["first_pieces"] is None) != (not row["more_fen"]):
                wanting = "more_fen" if row["first_pieces"] else "first_pieces"
                self.add_error(f"{wanting}_{n}", _("One goes with the other."))
            regions = row["regions"] or [""]
            if seen & set(regions) or len(set(regions)) != len(regions):
                self.add_error(f"regions_{n}", _("Each region stands once."))
            seen |= set(regions)
        return super().clean()

    def body_of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        zones = []
        for n in range(1, len(self.zones) + SPARE + 1):
            row = self._row(data, n)
            if row["fee_fen"] is None:
                continue
            zone = {"regions": row["regions"], "fee_fen": row["fee_fen"]}
            zones.append(zone | {k: v for k, v in row.items() if k not in zone and v})
        return {
            "v": 1,
            "confirm_days": data["confirm_days"],
            "zones": zones,
            "not_to": data["not_to"],
        }

    @staticmethod
    def _row(data: Mapping[str, Any], n: int) -> dict[str, Any]:
        names = ("regions", "fee_fen", "first_pieces", "more_fen", "free_from_fen")
        return {name: data.get(f"{name}_{n}") for name in names}


def _money(label: Any, most_fen: int, help_text: Any) -> YuanField:
    return YuanField(label=label, most_fen=most_fen, required=False, help_text=help_text)


policy_form(FreightForm, _("New rules of freight"))
