"""What is filled in to sell a batch of cards to a company."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from config.kernel.admin import Command, ReasonForm, YuanField
from config.kernel.errors import NotFound
from config.kernel.models import Approval
from config.kernel.numbers import new_no
from members.models import CardProduct
from members.services.card_batch import MOST
from members.services.card_batch_approval import card_batch_approval
from members.states import PayWay
from stores.admin.approvals import said
from stores.reach import staff_reach


class BatchForm(ReasonForm):
    """A product by its code. The hidden number makes a second click the same batch."""

    key = forms.RegexField(
        r"^CS[0-9A-Z]{12}$", initial=lambda: new_no("CS", 12), widget=forms.HiddenInput()
    )
    product = forms.CharField(
        label=_("card product"),
        max_length=32,
        widget=UnfoldAdminTextInputWidget(),
        help_text=_("Its code, for a new card."),
    )
    count = forms.IntegerField(
        label=_("how many cards"),
        min_value=1,
        max_value=MOST,
        widget=UnfoldAdminIntegerFieldWidget(),
    )
    principal_fen = YuanField(
        label=_("principal of each"), required=False, help_text=_("yuan; empty: its price")
    )
    company = forms.CharField(
        label=_("company"), max_length=80, widget=UnfoldAdminTextInputWidget()
    )
    company_no = forms.CharField(
        label=_("number of its licence"), max_length=32, widget=UnfoldAdminTextInputWidget()
    )
    way = forms.ChoiceField(
        label=_("paid by"),
        choices=[(way.value, way.label) for way in (PayWay.TRANSFER, PayWay.CASH)],
        widget=UnfoldAdminSelectWidget(),
    )
    reference = forms.CharField(
        label=_("slip or transfer number"), max_length=32, widget=UnfoldAdminTextInputWidget()
    )


def sell(command: Command) -> str | None:
    """Sells, or files the request that a second person decides on."""
    data: Any = command.data
    reach = staff_reach(command.user, "members.add_cardbatch")
    products = CardProduct.objects.select_related("operator").filter(archived_at=None)
    product = products.filter(code=data["product"].strip()).first()
    if product is None or not (reach.everything or product.operator_id in reach.operator_ids):
        raise NotFound()
    done = card_batch_approval(
        product=product,
        count=data["count"],
        principal_fen=data["principal_fen"],
        company=(data["company"], data["company_no"]),
        way=data["way"],
        reference=data["reference"],
        key=data["key"],
        reason=command.reason,
        user=command.user,
        now=command.now,
    )
    return said(done) if isinstance(done, Approval) else str(_("Sold: {no}")).format(no=done.no)
