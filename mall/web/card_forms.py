"""Forms of selling stored value at the desk."""

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.money import fen_from_yuan
from mall.selectors.desk_cards import CardChoices
from mall.services.quote import MAX_FEN
from mall.services.store_sale import SaleTerms
from mall.states import SaleWay
from members.states import PayerKind

# A transfer is seen by the office, not by a desk.
WAYS = [SaleWay.CASH, SaleWay.BANK_CARD, SaleWay.WECHAT]
_NEW, _TOPUP = "new:", "topup:"


class SaleForm(forms.Form):
    """What is sold (``new:<product>`` or ``topup:<card>``), for how much, and how it is paid."""

    what = forms.ChoiceField(label=gettext_lazy("What"))
    amount = forms.CharField(label=gettext_lazy("Amount (yuan)"), max_length=12, required=False)
    way = forms.ChoiceField(
        label=gettext_lazy("Paid by"), choices=[(way.value, way.label) for way in WAYS]
    )
    reference = forms.CharField(
        label=gettext_lazy("Number on the slip"), max_length=64, required=False
    )
    company = forms.BooleanField(label=gettext_lazy("A company pays"), required=False)
    identity_name = forms.CharField(
        label=gettext_lazy("Name in the document"), max_length=80, required=False
    )
    identity_number = forms.CharField(
        label=gettext_lazy("Number of the document"), max_length=32, required=False
    )

    def __init__(self, *args: Any, choices: CardChoices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.free = {f"{_NEW}{c.product.code}" for c in choices.products if c.free}
        self.topups = {f"{_TOPUP}{c.card.no}" for c in choices.cards}
        fixed = {f"{_NEW}{c.product.code}" for c in choices.products if not c.free}
        known = sorted(self.topups | self.free | fixed)
        what = self.fields["what"]
        assert isinstance(what, forms.ChoiceField)  # as declared
        what.choices = [(value, value) for value in known]

    def clean_amount(self) -> int | None:
        """Fen; None where the card has its price."""
        text = self.cleaned_data["amount"].strip()
        if not text:
            return None
        try:
            fen = fen_from_yuan(text)
        except ValueError:
            fen = 0
        if not 0 < fen <= MAX_FEN:
            raise forms.ValidationError(_("Enter an amount of yuan with at most two decimals."))
        return fen

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if data.get("what") in self.topups and data.get("amount") is None and not self.errors:
            self.add_error("amount", _("Say how much goes on the card."))
        if bool(data.get("identity_name")) != bool(data.get("identity_number")):
            self.add_error(
                "identity_number", _("A document is put on record with its name and its number.")
            )
        return data

    def terms(self, member_no: str) -> SaleTerms:
        """What was filled in; a card with its price is sold at that, whatever amount was left in
        the field."""
        data = self.cleaned_data
        kind, _colon, number = data["what"].partition(":")
        named = data["what"] in self.topups or data["what"] in self.free
        identity = None
        if data["identity_name"] and data["identity_number"]:
            identity = (data["identity_name"], data["identity_number"])
        return SaleTerms(
            way=data["way"],
            member_no=member_no,
            product=number if f"{kind}:" == _NEW else "",
            card=number if f"{kind}:" == _TOPUP else "",
            amount_fen=data["amount"] if named else None,
            reference=data["reference"].strip() if data["way"] != SaleWay.CASH else "",
            payer=PayerKind.COMPANY if data["company"] else PayerKind.PERSON,
            identity=identity,
        )

    def way_label(self) -> str:
        return str(SaleWay(self.cleaned_data["way"]).label)


class ConfirmForm(SaleForm):
    """As it was shown; ``ticket_no`` makes a second tap the same sale."""

    ticket_no = forms.RegexField(r"^DC[0-9A-Z]{12}$")
    version = forms.CharField(max_length=32)


class UndoForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Reason"), min_length=2, max_length=200)
