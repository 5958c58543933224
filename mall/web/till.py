"""A card pays at the desk: the member's code is scanned, who stands there is shown, then paid."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from config.kernel.money import fen_from_yuan
from config.kernel.numbers import new_no
from mall.pos_guesses import guesses_counted
from mall.services.pos_pay import pos_pay
from mall.services.pos_scan import pos_scan
from mall.services.pos_till import Till, till_of_store
from mall.services.quote import MAX_FEN
from mall.web.access import DeskRequest, at_desk
from mall.web.answers import page_of


class TakeForm(forms.Form):
    """How much, in yuan, and the code that the member shows."""

    amount = forms.CharField(label=gettext_lazy("Amount (yuan)"), max_length=12)
    code = forms.CharField(label=gettext_lazy("Member's code"), max_length=64)

    def clean_amount(self) -> int:
        """Fen, at least one."""
        try:
            fen = fen_from_yuan(self.cleaned_data["amount"])
        except ValueError:
            fen = 0
        if not 0 < fen <= MAX_FEN:
            raise forms.ValidationError(_("Enter an amount of yuan with at most two decimals."))
        return fen


class ConfirmForm(forms.Form):
    """What the page before has found out; ``ticket_no`` makes a second tap the same payment."""

    visit = forms.CharField(max_length=32)
    ticket_no = forms.RegexField(r"^DK[0-9A-Z]{12}$")
    amount_fen = forms.IntegerField(min_value=1, max_value=MAX_FEN)
    card = forms.CharField(max_length=32, required=False)


def _till(request: DeskRequest) -> Till:
    return till_of_store(store=request.store, actor=Actor.user(request.user))


@require_http_methods(["GET", "POST"])
@at_desk
def take(request: DeskRequest) -> HttpResponse:
    """Ask for amount and code; then show who stands there and what their cards hold."""
    form = TakeForm(request.POST if request.method == "POST" else None)
    page: dict[str, Any] = {"tab": "pay", "form": form}
    status = 200
    if request.method == "POST" and form.is_valid():
        till = _till(request)
        try:
            with guesses_counted(till.name):
                found = pos_scan(till=till, code=form.cleaned_data["code"], now=clock.now())
        except DomainError as error:
            form.add_error("code", str(error))
            status = error.status
        else:
            amount = form.cleaned_data["amount"]
            spendable = sum(card["spendable_fen"] for card in found["cards"])
            page |= {
                "found": found,
                "amount_fen": amount,
                "missing_fen": max(amount - spendable, 0),
                "ticket_no": new_no("DK", 12),
            }
            return render(request, "desk/pay_confirm.html", page)
    return render(request, "desk/pay.html", page, status=status)


@require_http_methods(["GET", "POST"])
@at_desk
def confirm(request: DeskRequest) -> HttpResponse:
    """Take it, and say loudly what came of it. Sent twice it is one payment."""
    if request.method == "GET":
        # Where switching the language, or the browser's address bar, leads.
        return redirect("desk:pay")
    form = ConfirmForm(request.POST)
    page: dict[str, Any] = {"tab": "pay", "form": TakeForm()}
    if not form.is_valid():
        page["refused"] = _("Scan the member's code again.")
        return render(request, "desk/pay.html", page, status=400)
    data = form.cleaned_data
    status = 200
    try:
        page["ticket"] = pos_pay(
            till=_till(request),
            ticket_no=data["ticket_no"],
            total_fen=data["amount_fen"],
            card_fen=None,
            visit=data["visit"],
            card_no=data["card"],
            actor=Actor.user(request.user),
            now=clock.now(),
        )
    except DomainError as error:
        page["refused"] = str(error)
        status = error.status
    return page_of(request, "desk/pay.html", page, status=status)
