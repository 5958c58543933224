"""Coupons at the desk: scan, look, redeem, say loudly what came of it; and give back."""

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from config.kernel.money import yuan
from config.kernel.numbers import new_no
from coupons.models import CouponTicket
from coupons.selectors_tickets import CouponUsed
from mall.pos_guesses import guesses_counted
from mall.selectors.desk_coupons import desk_redemption, desk_redemptions, sku_names
from mall.services.pos_till import Till, till_of_store
from mall.services.redemption_confirm import redemption_confirm, redemption_preview
from mall.services.redemption_query import RedemptionUnknown, redemption_find
from mall.services.redemption_reverse import redemption_return, redemption_reverse
from mall.services.redemption_scan import CouponCounter, redemption_counter, redemption_scan
from mall.web.access import DeskRequest, at_desk
from mall.web.answers import page_of
from mall.web.coupon_forms import BackForm, BasketForm, RedeemForm, UndoForm
from stores.permissions import UNREDEEM

LONGEST_SCAN = 64


def _till(request: DeskRequest) -> Till:
    return till_of_store(store=request.store, actor=Actor.user(request.user))


def _refused(till: Till, error: DomainError) -> dict[str, Any]:
    """The words of a refusal; of a coupon that was used before where, when and by whom, and its
    ticket when it is one of this store."""
    if not isinstance(error, CouponUsed):
        return {"title": _("Not redeemed"), "text": str(error)}
    outcome = {"title": _("Used before"), "used": error.params}
    try:
        outcome["ticket_no"] = redemption_find(till=till, number=error.params["ticket"]).no
    except RedemptionUnknown:
        pass
    return outcome


def _refusal(
    request: DeskRequest, till: Till, template: str, page: dict[str, Any], error: DomainError
) -> HttpResponse:
    page = {"tab": "coupons", **page, "outcome": _refused(till, error)}
    return page_of(request, template, page, status=error.status)


@require_http_methods(["GET", "POST"])
@at_desk
def scan(request: DeskRequest) -> HttpResponse:
    """Ask for a code; then show whose it is and which of their coupons this store takes."""
    if request.method == "GET":
        return render(request, "desk/coupons.html", {"tab": "coupons"})
    till = _till(request)
    text = request.POST.get("code", "").strip()[:LONGEST_SCAN]
    try:
        with guesses_counted(till.name):
            counter = redemption_scan(till=till, text=text, now=clock.now())
    except DomainError as error:
        return _refusal(request, till, "desk/coupons.html", {}, error)
    return render(request, "desk/coupon_basket.html", _basket_page(counter, None))


def _basket_page(counter: CouponCounter, form: BasketForm | None) -> dict[str, Any]:
    chosen = form.coupon_nos if form else []
    if len(counter.coupons) == 1:
        chosen = [counter.coupons[0].no]
    return {
        "tab": "coupons",
        "counter": counter,
        "member": counter.member,
        "chosen": chosen,
        "form": form,
        "basket": _named(form.basket) if form else (),
    }


def _named(basket: dict[str, int]) -> list[tuple[str, str, int]]:
    """(SKU code, what it is called, pieces)"""
    names = sku_names(codes=list(basket)) if basket else {}
    return [(sku, names.get(sku, ""), pieces) for sku, pieces in basket.items()]


@require_http_methods(["GET", "POST"])
@at_desk
def basket(request: DeskRequest) -> HttpResponse:
    """One more article, or what the coupons take off what is there."""
    if request.method == "GET":
        # Where switching the language, or the browser's address bar, leads.
        return redirect("desk:coupons")
    till, form, now = _till(request), BasketForm(request.POST), clock.now()
    valid = form.is_valid()
    said = form.cleaned_data
    try:
        counter = redemption_counter(
            till=till, visit=said.get("visit", ""), shown=said.get("shown", ""), now=now
        )
    except DomainError as error:
        return _refusal(request, till, "desk/coupons.html", {}, error)
    page = _basket_page(counter, form)
    if not valid or not form.wants_preview():
        return render(request, "desk/coupon_basket.html", page)
    if not form.coupon_nos:
        form.add_error(None, _("Choose a coupon."))
        return render(request, "desk/coupon_basket.html", page)
    try:
        preview = redemption_preview(
            till=till,
            visit=counter.visit,
            shown=counter.shown,
            coupon_nos=form.coupon_nos,
            lines=form.lines,
            amount_fen=form.amount_fen(),
            with_promotions=form.with_promotions(),
            now=now,
        )
    except DomainError as error:
        return _refusal(request, till, "desk/coupon_basket.html", page, error)
    refused = [
        {"name": rule.name, "why": row["message"]}
        for row in preview["refused_coupons"]
        for rule in counter.coupons
        if rule.no == row["coupon"]
    ]
    for line in preview["lines"]:
        line["gross_fen"] = line["net_fen"] + line["discount_fen"]
    page |= {"preview": preview, "refused": refused, "token": new_no("DQ", 12)}
    return render(request, "desk/coupon_confirm.html", page)


@require_http_methods(["GET", "POST"])
@at_desk
def redeem(request: DeskRequest) -> HttpResponse:
    """Use them. Sent twice it is one redemption; both are led to what came of it."""
    form = RedeemForm(request.POST)
    if request.method == "GET" or not form.is_valid():
        return redirect("desk:coupons")
    till, said, now = _till(request), form.cleaned_data, clock.now()
    try:
        ticket = redemption_confirm(
            till=till,
            ticket_no=form.ticket_no(),
            visit=said["visit"],
            shown=said["shown"],
            coupon_nos=form.coupon_nos,
            lines=form.lines,
            amount_fen=form.amount_fen(),
            discount_fen=said["discount_fen"],
            with_promotions=form.with_promotions(),
            actor=Actor.user(request.user),
            now=now,
        )
    except DomainError as error:
        return _refusal(request, till, "desk/coupons.html", {}, error)
    return redirect(f"{reverse('desk:coupon_ticket', args=[ticket.no])}?new=1")


@require_GET
@at_desk
def tickets(request: DeskRequest) -> HttpResponse:
    """By the number on the receipt, ours or the till's, or the coupon's; without one, the day's."""
    number = request.GET.get("number", "").strip()[:32]
    found = desk_redemptions(store=request.store, number=number, now=clock.now())
    if number and len(found) == 1:
        return redirect("desk:coupon_ticket", found[0].no)
    page = {"tab": "coupons", "number": number, "tickets": found}
    return render(request, "desk/coupon_tickets.html", page)


def _ticket(request: DeskRequest, number: str) -> CouponTicket:
    try:
        return redemption_find(till=_till(request), number=number)
    except RedemptionUnknown:
        raise Http404 from None


def _ticket_page(
    request: DeskRequest, ticket: CouponTicket, form: BackForm | None = None
) -> dict[str, Any]:
    found = desk_redemption(ticket=ticket, now=clock.now())
    return {
        "tab": "coupons",
        "found": found,
        "ticket": found.document,
        "may_undo": found.open and (not found.late or _manages(request)),
        "new": request.GET.get("new") == "1",
        "form": form or BackForm(found=found, initial={"return_no": new_no("DB", 12)}),
    }


def _manages(request: DeskRequest) -> bool:
    return request.user.has_perm(UNREDEEM, request.store)


@require_GET
@at_desk
def ticket(request: DeskRequest, number: str) -> HttpResponse:
    """One redemption: its receipt, and what can be given back of it."""
    page = _ticket_page(request, _ticket(request, number))
    return render(request, "desk/coupon_ticket.html", page)


@require_POST
@at_desk
def give_back(request: DeskRequest, number: str) -> HttpResponse:
    """A part of the sale comes back. Sent twice it is one return."""
    known = _ticket(request, number)
    form = BackForm(request.POST, found=desk_redemption(ticket=known, now=clock.now()))
    status = 200
    if form.is_valid():
        return_no = form.cleaned_data["return_no"]
        try:
            redemption_return(
                till=_till(request),
                number=known.no,
                return_no=return_no,
                units=form.units(),
                amount_fen=form.cleaned_data.get("amount"),
                reason=form.cleaned_data["reason"],
                actor=Actor.user(request.user),
                now=clock.now(),
            )
        except DomainError as error:
            form.add_error(None, str(error))
            status = error.status
        else:
            returned = known.returns.get(return_no=return_no)
            refund = returned.refund_fen
            messages.success(
                request, _("Taken back: give %(amount)s back.") % {"amount": yuan(refund)}
            )
            return redirect("desk:coupon_ticket", known.no)
    page = _ticket_page(request, known, form)
    return page_of(request, "desk/coupon_ticket.html", page, status=status)


@require_POST
@at_desk
def undo(request: DeskRequest, number: str) -> HttpResponse:
    """As if it had not been redeemed: at once by anybody here, later by a manager who says why."""
    known = _ticket(request, number)
    form = UndoForm(request.POST)
    reason = form.cleaned_data["reason"] if form.is_valid() else ""
    try:
        redemption_reverse(
            till=_till(request),
            number=known.no,
            reason=reason,
            manager=_manages(request),
            actor=Actor.user(request.user),
            now=clock.now(),
        )
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Undone: the coupons can be used again."))
    return redirect("desk:coupon_ticket", known.no)
