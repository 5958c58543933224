"""Forms of redeeming coupons at the desk."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.money import fen_from_yuan
from mall.selectors.desk_coupons import TOKEN, DeskRedemption, sku_scanned
from mall.services.pos_quote import TillLine
from mall.services.quote import MAX_FEN
from mall.services.redemption_scan import coupon_no_read

MOST_LINES, MOST_PIECES = 100, 999


def _fen(text: str) -> int:
    try:
        fen = fen_from_yuan(text)
    except ValueError:
        fen = 0
    if not 0 < fen <= MAX_FEN:
        raise forms.ValidationError(_("Enter an amount of yuan with at most two decimals."))
    return fen


class BasketForm(forms.Form):
    """Which coupons, on what: an amount, or SKUs of the store that are scanned one by one into
    ``code``. What is there already comes along as ``sku`` and ``n``, once per line."""

    visit = forms.CharField(max_length=32, required=False)
    shown = forms.CharField(max_length=32, required=False)
    amount = forms.CharField(label=gettext_lazy("Amount (yuan)"), max_length=12, required=False)
    code = forms.CharField(label=gettext_lazy("Article or barcode"), max_length=64, required=False)
    final = forms.BooleanField(
        label=gettext_lazy("Prices are final: no promotions of the store"), required=False
    )

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        self.coupon_nos = [no for no in data.getlist("coupon") if coupon_no_read(no)][:50]
        self.basket = _basket(data)

    def clean_amount(self) -> int | None:
        """Fen; None when nothing was typed."""
        text = self.cleaned_data["amount"].strip()
        return _fen(text) if text else None

    def clean_code(self) -> str:
        """The scanned SKU is one more of it in the basket."""
        text = self.cleaned_data["code"].strip()
        if not text:
            return ""
        sku = sku_scanned(text=text)
        if sku is None:
            raise forms.ValidationError(_("No article has this code."))
        self.basket[sku] = min(self.basket.get(sku, 0) + 1, MOST_PIECES)
        if len(self.basket) > MOST_LINES:
            raise forms.ValidationError(_("Too many lines. Redeem them in two tickets."))
        return sku

    @property
    def lines(self) -> list[TillLine]:
        """At the store's own prices."""
        return [
            TillLine(sku=s, title="", quantity=n, unit_price_fen=None)
            for s, n in self.basket.items()
        ]

    def amount_fen(self) -> int | None:
        """None for a basket of SKUs, whatever was left in the field."""
        return None if self.basket else self.cleaned_data.get("amount")

    def with_promotions(self) -> bool:
        """Those of the store work on articles, for the desk takes them at the store's prices."""
        return not self.cleaned_data["final"]

    def wants_preview(self) -> bool:
        """A scan adds to the basket; whoever presses the button wants to see what comes of it."""
        if "change" in self.data:
            return False
        return not self.cleaned_data["code"] or "preview" in self.data


def _basket(data: QueryDict) -> dict[str, int]:
    """{SKU code: pieces}; a line set to 0 is gone."""
    basket: dict[str, int] = {}
    for sku, n in list(zip(data.getlist("sku"), data.getlist("n"), strict=False))[:MOST_LINES]:
        pieces = int(n) if n.isascii() and n.isdecimal() and len(n) <= 3 else 0
        if pieces and len(sku) <= 32:
            basket[sku] = min(basket.get(sku, 0) + pieces, MOST_PIECES)
    return basket


class RedeemForm(BasketForm):
    """As it was shown. ``token`` makes a second tap the same redemption, or the number of the
    till's own receipt does, when it is typed."""

    token = forms.RegexField(rf"^{TOKEN.pattern}$")
    receipt = forms.RegexField(
        r"^[0-9A-Za-z_-]{1,32}$",
        label=gettext_lazy("Number of the till's receipt"),
        required=False,
    )
    discount_fen = forms.IntegerField(min_value=0, max_value=MAX_FEN)

    def ticket_no(self) -> str:
        return self.cleaned_data["receipt"] or self.cleaned_data["token"]


class BackForm(forms.Form):
    """What of the sale comes back: pieces of its lines, or of an amount so much before discounts.
    ``return_no`` makes a second tap the same return."""

    return_no = forms.RegexField(r"^DB[0-9A-Z]{12}$")
    reason = forms.CharField(label=gettext_lazy("Reason"), min_length=2, max_length=200)

    def __init__(self, *args: Any, found: DeskRedemption, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.found = found
        if found.whole:
            self.fields["amount"] = forms.CharField(
                label=_("Value of what comes back, before the discount (yuan)"), max_length=12
            )
            return
        for line in found.lines:
            if line.left:
                self.fields[f"units-{line.place}"] = forms.IntegerField(
                    label=line.title, min_value=0, max_value=line.left, initial=0, required=False
                )

    def clean_amount(self) -> int:
        fen = _fen(self.cleaned_data["amount"])
        if fen > self.found.left_fen:
            raise forms.ValidationError(_("More is returned than is left of the sale."))
        return fen

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if not self.errors and not self.found.whole and not self.units():
            raise forms.ValidationError(_("Say how many units of which line come back."))
        return data

    def rows(self) -> list[dict[str, Any]]:
        return [
            {"line": line, "field": self[f"units-{line.place}"]}
            for line in self.found.lines
            if not self.found.whole and line.left
        ]

    def units(self) -> Sequence[tuple[int, int]]:
        """(line, pieces); empty of a sale that was an amount."""
        return [
            (line.place, pieces)
            for line in self.found.lines
            if (pieces := self.cleaned_data.get(f"units-{line.place}") or 0) > 0
        ]


class UndoForm(forms.Form):
    """The reason may be left out while it is early; the service says when it may not."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=200, required=False)
