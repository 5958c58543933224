"""What cards paid at this store's tills and desk: looked up, given back in part, undone."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from config.kernel.money import fen_from_yuan
from config.kernel.numbers import new_no
from mall.models import PosTicket
from mall.selectors.desk_tickets import desk_tickets
from mall.services.pos_refund import pos_refund, pos_void
from mall.services.pos_till import (
    PosTicketUnknown,
    Till,
    ticket_document,
    ticket_find,
    till_of_store,
)
from mall.services.quote import MAX_FEN
from mall.states import PosTicketState
from mall.web.access import DeskRequest, at_desk
from mall.web.answers import page_of
from stores.permissions import UNDO


def _yuan(text: str) -> int:
    if not text.strip():
        return 0
    try:
        fen = fen_from_yuan(text)
    except ValueError:
        fen = -1
    if not 0 <= fen <= MAX_FEN:
        raise forms.ValidationError(_("Enter an amount of yuan with at most two decimals."))
    return fen


class BackForm(forms.Form):
    """``refund_no`` makes a second tap the same refund. Amounts are cleaned to fen."""

    refund_no = forms.RegexField(r"^DR[0-9A-Z]{12}$")
    amount = forms.CharField(label=gettext_lazy("Back to the cards (yuan)"), max_length=12)
    other = forms.CharField(
        label=gettext_lazy("Given back otherwise (yuan)"), max_length=12, required=False
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), min_length=2, max_length=200)

    def clean_amount(self) -> int:
        return _yuan(self.cleaned_data["amount"])

    def clean_other(self) -> int:
        return _yuan(self.cleaned_data["other"])


class VoidForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Reason"), min_length=2, max_length=200)


def _till(request: DeskRequest) -> Till:
    return till_of_store(store=request.store, actor=Actor.user(request.user))


def _ticket(request: DeskRequest, number: str) -> PosTicket:
    try:
        return ticket_find(till=_till(request), number=number)
    except PosTicketUnknown:
        raise Http404 from None


def _may(request: DeskRequest, ticket: PosTicket) -> bool:
    """Today's is anybody's at the desk; an older one is a manager's."""
    today = clock.local_date(ticket.created_at) == clock.local_date(clock.now())
    return today or request.user.has_perm(UNDO, request.store)


@require_GET
@at_desk
def find(request: DeskRequest) -> HttpResponse:
    """By the number on the receipt, ours or the till's; without one, the day's."""
    number = request.GET.get("number", "").strip()[:32]
    found = desk_tickets(store=request.store, number=number, now=clock.now())
    if number and len(found) == 1:
        return redirect("desk:ticket", found[0].no)
    page = {"tab": "pay", "number": number, "tickets": found}
    return render(request, "desk/tickets.html", page)


@require_GET
@at_desk
def ticket(request: DeskRequest, number: str) -> HttpResponse:
    return render(request, "desk/ticket.html", _page(request, _ticket(request, number)))


def _page(request: DeskRequest, found: PosTicket, form: BackForm | None = None) -> dict[str, Any]:
    document = ticket_document(found)
    paid = document["state"] == PosTicketState.PAID
    untouched = not (document["refunded_fen"] or document["other_refunded_fen"])
    today = clock.local_date(found.created_at) == clock.local_date(clock.now())
    may = _may(request, found)
    return {
        "tab": "pay",
        "ticket": document,
        "state": found.get_state_display(),
        "lines": found.lines,
        "card_left": document["card_fen"] - document["refunded_fen"],
        "other_left": document["other_fen"] - document["other_refunded_fen"],
        "may_refund": paid and may,
        "may_void": paid and may and untouched and today,
        "form": form or BackForm(initial={"refund_no": new_no("DR", 12)}),
    }


def _allowed(request: DeskRequest, number: str) -> PosTicket:
    found = _ticket(request, number)
    if not _may(request, found):
        raise PermissionDenied(_("A manager gives back what was paid on another day."))
    return found


@require_POST
@at_desk
def refund(request: DeskRequest, number: str) -> HttpResponse:
    """Into exactly the lots that it came from. Sent twice it is one refund."""
    found = _allowed(request, number)
    form = BackForm(request.POST)
    status = 200
    if form.is_valid():
        data = form.cleaned_data
        try:
            pos_refund(
                till=_till(request),
                number=found.no,
                refund_no=data["refund_no"],
                amount_fen=data["amount"],
                other_fen=data["other"],
                reason=data["reason"],
                actor=Actor.user(request.user),
                now=clock.now(),
            )
        except DomainError as error:
            form.add_error(None, str(error))
            status = error.status
        else:
            messages.success(request, _("Given back."))
            return redirect("desk:ticket", found.no)
    return page_of(request, "desk/ticket.html", _page(request, found, form), status=status)


@require_POST
@at_desk
def void(request: DeskRequest, number: str) -> HttpResponse:
    """The whole of it, on its day."""
    found = _allowed(request, number)
    form = VoidForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why."))
        return redirect("desk:ticket", found.no)
    try:
        pos_void(
            till=_till(request),
            number=found.no,
            reason=form.cleaned_data["reason"],
            actor=Actor.user(request.user),
            now=clock.now(),
        )
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Undone: all of it is back."))
    return redirect("desk:ticket", found.no)
