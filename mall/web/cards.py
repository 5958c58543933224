"""Stored value is sold at the desk: who, what, how it is paid; then loudly what came of it."""

from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import DomainError, NotFound
from config.kernel.exports import Fen, Head, csv_lines, export_record
from config.kernel.numbers import new_no
from mall.models import StoreSale
from mall.pos_guesses import guesses_counted
from mall.selectors.desk_cards import SaleDay, card_choices, sale_day
from mall.services.payment_native import payment_code
from mall.services.pos_till import Till, till_of_store
from mall.services.store_buyer import BuyerUnknown, buyer_find
from mall.services.store_sale import (
    StoreSaleUnknown,
    sale_document,
    sale_find,
    store_sale,
    store_sale_quote,
)
from mall.services.store_sale_void import store_sale_void
from mall.web.access import DeskRequest, at_desk
from mall.web.answers import page_of
from mall.web.card_forms import ConfirmForm, SaleForm, UndoForm
from mall.web.qr import qr_svg
from members.models import Member
from stores.permissions import SELL, UNDO

SCAN_LONGEST = 64


def at_counter(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """As :func:`at_desk`, for who sells stored value at that store."""

    @at_desk
    @wraps(view)
    def wrapped(request: DeskRequest, *args, **kwargs) -> HttpResponse:
        if not request.user.has_perm(SELL, request.store):
            raise PermissionDenied(_("Your role does not sell stored value at this store."))
        return view(request, *args, **kwargs)

    return wrapped


def _till(request: DeskRequest) -> Till:
    return till_of_store(store=request.store, actor=Actor.user(request.user))


def _member(member_no: str) -> Member:
    found = Member.objects.select_related("tier").filter(no=member_no, archived_at__isnull=True)
    member = found.first()
    if member is None:
        raise Http404
    return member


@require_http_methods(["GET", "POST"])
@at_counter
def find(request: DeskRequest) -> HttpResponse:
    """Who buys: by phone, member number, or the code that they show."""
    page: dict[str, Any] = {"tab": "cards"}
    if request.method == "GET":
        return render(request, "desk/cards.html", page)
    text = request.POST.get("code", "").strip()[:SCAN_LONGEST]
    till = _till(request)
    try:
        with guesses_counted(till.name):
            member = buyer_find(till=till, text=text, now=clock.now())
    except DomainError as error:
        page |= {"error": str(error), "q": text if isinstance(error, BuyerUnknown) else ""}
        return render(request, "desk/cards.html", page, status=error.status)
    return redirect("desk:card_choose", member.no)


@require_http_methods(["GET", "POST"])
@at_counter
def choose(request: DeskRequest, member_no: str) -> HttpResponse:
    """What and how; then once more in large letters, with what it gives."""
    member, now = _member(member_no), clock.now()
    choices = card_choices(member=member, store=request.store, now=now)
    form = SaleForm(request.POST if request.method == "POST" else None, choices=choices)
    page: dict[str, Any] = {"tab": "cards", "member": member, "choices": choices, "form": form}
    status = 200
    if request.method == "POST" and form.is_valid():
        terms = form.terms(member.no)
        try:
            document = store_sale_quote(till=_till(request), terms=terms, now=now)
        except DomainError as error:
            form.add_error(None, str(error))
            status = error.status
        else:
            page |= {
                "line": document["lines"][0],
                "version": document["version"],
                "ticket_no": new_no("DC", 12),
                "way": form.way_label(),
            }
            return render(request, "desk/card_confirm.html", page)
    return render(request, "desk/card_choose.html", page, status=status)


@require_POST
@at_counter
def sell(request: DeskRequest, member_no: str) -> HttpResponse:
    """Sell it. Sent twice it is one sale; both are led to what came of it."""
    member, now = _member(member_no), clock.now()
    choices = card_choices(member=member, store=request.store, now=now)
    form = ConfirmForm(request.POST, choices=choices)
    if not form.is_valid():
        return redirect("desk:card_choose", member.no)
    actor = Actor.user(request.user)
    try:
        sale = store_sale(
            till=_till(request),
            ticket_no=form.cleaned_data["ticket_no"],
            terms=form.terms(member.no),
            version=form.cleaned_data["version"],
            actor=actor,
            now=now,
        )
    except DomainError as error:
        again = SaleForm(request.POST, choices=choices)
        again.add_error(None, str(error))
        page = {"tab": "cards", "member": member, "choices": choices, "form": again}
        return page_of(request, "desk/card_choose.html", page, status=error.status)
    _ask_code(request, sale, actor)
    return redirect(f"{reverse('desk:card_sale', args=[sale.no])}?new=1")


def _ask_code(request: DeskRequest, sale: StoreSale, actor: Actor) -> None:
    """The code to be scanned, outside any transaction; its page offers to ask again."""
    document = sale_document(sale)
    if document["state"] != "waiting" or document["code_url"]:
        return
    try:
        payment_code(order_no=document["order"], actor=actor, now=clock.now())
    except DomainError as error:
        messages.error(request, str(error))


def _sale(request: DeskRequest, number: str) -> StoreSale:
    try:
        return sale_find(till=_till(request), number=number)
    except StoreSaleUnknown:
        raise Http404 from None


def _may_undo(request: DeskRequest) -> bool:
    return request.user.has_perm(UNDO, request.store)


def _sale_page(request: DeskRequest, sale: StoreSale) -> dict[str, Any]:
    document = sale_document(sale)
    code = document["code_url"]
    paid_at = document["paid_at"]
    today = paid_at is not None and clock.local_date(paid_at) == clock.local_date(clock.now())
    undoable = document["state"] == "waiting" or (
        document["state"] == "paid" and sale.way != "wechat" and today and _may_undo(request)
    )
    return {
        "tab": "cards",
        "sale": document,
        "way": sale.get_way_display(),
        "sold_by": sale.sold_by,
        "undoable": undoable,
        "new": request.GET.get("new") == "1",
        "qr": qr_svg(code, label=_("Code to be scanned with WeChat")) if code else "",
    }


@require_GET
@at_counter
def sale(request: DeskRequest, number: str) -> HttpResponse:
    """One sale: its receipt, or the code that waits to be paid."""
    return render(request, "desk/card_sale.html", _sale_page(request, _sale(request, number)))


@require_GET
@at_counter
def state(request: DeskRequest, number: str) -> HttpResponse:
    """Asked every other second by the page that shows a code: nothing while it waits, then where
    to go."""
    found = _sale(request, number)
    answer = HttpResponse(status=204)
    if sale_document(found)["state"] != "waiting":
        answer["HX-Redirect"] = f"{reverse('desk:card_sale', args=[found.no])}?new=1"
    return answer


@require_POST
@at_counter
def code(request: DeskRequest, number: str) -> HttpResponse:
    """Ask the gateway for the code again."""
    found = _sale(request, number)
    _ask_code(request, found, Actor.user(request.user))
    return redirect("desk:card_sale", found.no)


@require_POST
@at_counter
def undo(request: DeskRequest, number: str) -> HttpResponse:
    """Take it back on its day; a code that waits may be called off by whoever sells."""
    found = _sale(request, number)
    waits = sale_document(found)["state"] == "waiting"
    if not (waits or _may_undo(request)):
        raise PermissionDenied(_("A manager undoes a sale."))
    form = UndoForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("Say why."))
        return redirect("desk:card_sale", found.no)
    try:
        store_sale_void(
            till=_till(request),
            number=found.no,
            reason=form.cleaned_data["reason"],
            actor=Actor.user(request.user),
            now=clock.now(),
        )
    except DomainError as error:
        messages.error(request, str(error))
    return redirect("desk:card_sale", found.no)


@require_GET
@at_counter
def sales(request: DeskRequest) -> HttpResponse:
    """A day's takings: what was sold, how it was paid, what was undone. ``format=csv`` takes it
    away; ``number`` leads to one sale."""
    number = request.GET.get("number", "").strip().upper()[:32]
    if number:
        try:
            return redirect("desk:card_sale", sale_find(till=_till(request), number=number).no)
        except NotFound as error:
            messages.error(request, str(error))
    today = clock.local_date(clock.now())
    try:
        day = date.fromisoformat(request.GET["day"]) if request.GET.get("day") else today
    except ValueError:
        raise Http404 from None
    found = sale_day(store=request.store, day=day)
    if request.GET.get("format") == "csv":
        return _csv(request, found)
    page = {"tab": "cards", "found": found, "today": today, "may_undo": _may_undo(request)}
    return render(request, "desk/card_sales.html", page)


def _csv(request: DeskRequest, found: SaleDay) -> HttpResponse:
    """The day's sales as a file, for who may undo them; that it was taken is recorded."""
    if not _may_undo(request):
        raise PermissionDenied(_("A manager takes the day's sales away."))
    heads = [
        Head(_("number")),
        Head(_("order")),
        Head(_("paid at")),
        Head(_("member")),
        Head(_("what")),
        Head(_("paid by")),
        Head(_("slip or transfer number")),
        Head(_("amount"), fen=True),
        Head(_("sold by")),
        Head(_("voided at")),
    ]
    rows = []
    for each in found.sales:
        order = each.order
        assert order is not None  # of those that were paid
        line = order.lines.all()[0]
        rows.append(
            [
                each.no,
                order.no,
                order.paid_at,
                order.member.no,
                line.title,
                each.get_way_display(),
                each.reference,
                Fen(order.total_fen),
                each.sold_by,
                each.voided_at,
            ]
        )
    export_record(
        model=StoreSale._meta.label_lower,
        format="csv",
        count=len(rows),
        filters={"day": [found.day.isoformat()], "store": [request.store.code]},
        whole_phones=False,
        actor=Actor.user(request.user),
        now=clock.now(),
    )
    answer = HttpResponse("".join(csv_lines(heads, rows)), content_type="text/csv; charset=utf-8")
    name = f"card-sales-{request.store.code}-{found.day.isoformat()}.csv"
    answer["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer
