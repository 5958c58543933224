"""What is filled in to sell stored value from the console."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from config.kernel.admin import Command, ReasonForm, YuanField
from config.kernel.errors import NotFound
from config.kernel.models import Approval
from config.kernel.numbers import new_no
from mall.services.store_sale import SaleTerms
from mall.services.store_sale_approval import store_sale_approval
from mall.states import SaleWay
from members.states import PayerKind
from stores.admin.approvals import said
from stores.models import Store
from stores.permissions import SELL
from stores.reach import staff_reach

# A code for WeChat is shown to somebody who stands there.
_WAYS = [(way.value, way.label) for way in SaleWay if way != SaleWay.WECHAT]


class ConsoleSaleForm(ReasonForm):
    """A store by its code, a member by number, and a product's code or a card's number. The hidden
    number makes a second click the same sale."""

    ticket_no = forms.RegexField(
        r"^DA[0-9A-Z]{12}$", initial=lambda: new_no("DA", 12), widget=forms.HiddenInput()
    )
    store = forms.CharField(
        label=_("store code"), max_length=32, widget=UnfoldAdminTextInputWidget()
    )
    member_no = forms.CharField(
        label=_("member number"), max_length=32, widget=UnfoldAdminTextInputWidget()
    )
    product = forms.CharField(
        label=_("card product"),
        max_length=32,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Its code, for a new card."),
    )
    card = forms.CharField(
        label=_("card to be topped up"),
        max_length=32,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Its number, for a top-up."),
    )
    amount_fen = YuanField(
        label=_("amount"),
        required=False,
        help_text=_("yuan; of a top-up, or where the amount is free"),
    )
    way = forms.ChoiceField(label=_("paid by"), choices=_WAYS, widget=UnfoldAdminSelectWidget())
    reference = forms.CharField(
        label=_("slip or transfer number"),
        max_length=64,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
    )
    payer = forms.ChoiceField(
        label=_("payer"), choices=PayerKind.choices, widget=UnfoldAdminSelectWidget()
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or self.cleaned_data
        if bool(data.get("product")) == bool(data.get("card")):
            raise forms.ValidationError(_("Say a card product or a card, one of them."))
        return data


def sell(command: Command) -> str | None:
    """Sells, or files the request that a second person decides on."""
    data = command.data
    reach = staff_reach(command.user, SELL)
    stores = Store.objects.select_related("operator").filter(reach.stores(), archived_at=None)
    store = stores.filter(code=data["store"].strip()).first()
    if store is None:
        raise NotFound()
    done = store_sale_approval(
        store=store,
        ticket_no=data["ticket_no"],
        terms=SaleTerms(
            way=data["way"],
            member_no=data["member_no"].strip().upper(),
            product=data["product"].strip(),
            card=data["card"].strip().upper(),
            amount_fen=data["amount_fen"],
            reference=data["reference"].strip(),
            payer=data["payer"],
        ),
        reason=command.reason,
        user=command.user,
        now=command.now,
    )
    return said(done) if isinstance(done, Approval) else str(_("Sold: {no}")).format(no=done.no)
