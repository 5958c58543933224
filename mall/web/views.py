"""The desk of a store, on a phone: read, or call one service, and render."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import DomainError
from config.kernel.sign_in import require_recent_sign_in
from mall.models import AfterSale, Order
from mall.selectors.desk import DeskOrder, desk_order, desk_queue
from mall.services.aftersale import aftersale_refuse
from mall.services.aftersale_approval import aftersale_approval
from mall.services.order_deliver import order_ship
from mall.services.order_handover import order_handover, order_ready
from mall.services.return_in_store import return_in_store
from mall.states import AfterSaleState
from mall.web.access import STORE_KEY, DeskRequest, at_desk, desk_staff
from mall.web.answers import page_of
from mall.web.forms import DecisionForm, ReturnForm
from stores.services.pickup_collect import PickupCollected, PickupElsewhere, PickupNotReady

LONGEST_SCAN = 300


@require_http_methods(["GET", "POST"])
@desk_staff
def stores(request: DeskRequest) -> HttpResponse:
    """Choose the store one is at; kept for the session."""
    if request.method == "POST":
        code = request.POST.get("store", "")
        if code not in {store.code for store in request.stores}:
            raise Http404
        request.session[STORE_KEY] = code
        return redirect("desk:queue")
    return render(request, "desk/stores.html")


def _queue_context(request: DeskRequest) -> dict[str, Any]:
    q = request.GET.get("q", request.POST.get("q", "")).strip()[:40]
    queue = desk_queue(user=request.user, store=request.store, q=q, now=clock.now())
    return {"tab": "queue", "q": q, "queue": queue}


def _fragment(request: DeskRequest) -> bool:
    htmx = request.htmx
    return bool(htmx) and not htmx.boosted and not htmx.history_restore_request


@require_GET
@at_desk
def queue(request: DeskRequest) -> HttpResponse:
    template = "desk/_queue.html" if _fragment(request) else "desk/queue.html"
    return render(request, template, _queue_context(request))


@require_POST
@at_desk
def ready(request: DeskRequest, order_no: str) -> HttpResponse:
    """The parcel lies on the shelf."""
    no = _found(request, order_no).order.no
    try:
        order_ready(
            order_no=no,
            user=request.user,
            actor=Actor.user(request.user),
            now=clock.now(),
        )
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Ready: %(no)s. The member is told.") % {"no": no})
    if _fragment(request):
        return render(request, "desk/_queue.html", {**_queue_context(request), "told": True})
    return redirect("desk:queue")


@require_POST
@at_desk
def ship(request: DeskRequest, order_no: str) -> HttpResponse:
    """The parcel went to its carrier."""
    no = _found(request, order_no).order.no
    try:
        parcel = order_ship(
            order_no=no,
            carrier=request.POST.get("carrier", ""),
            tracking_no=request.POST.get("tracking_no", ""),
            user=request.user,
            actor=Actor.user(request.user),
            now=clock.now(),
        )
    except DomainError as error:
        messages.error(request, str(error))
        return redirect("desk:order", no)
    told = _("Shipped: %(no)s, %(carrier)s %(number)s. The member is told.")
    messages.success(
        request, told % {"no": no, "carrier": parcel.carrier, "number": parcel.tracking_no}
    )
    return redirect("desk:queue")


@require_http_methods(["GET", "POST"])
@at_desk
def scan(request: DeskRequest) -> HttpResponse:
    """Hand over what the scanned or typed code stands for, and say loudly what came of it."""
    if request.method == "GET":
        return render(request, "desk/scan.html", {"tab": "queue"})
    text = request.POST.get("code", "").strip()[:LONGEST_SCAN]
    now = clock.now()
    status, outcome = 200, {}
    try:
        done = order_handover(text=text, user=request.user, actor=Actor.user(request.user), now=now)
    except DomainError as error:
        status, outcome = error.status, _refusal(error)
    else:
        found = _handed_over(request, done.order)
        outcome = {"kind": "ok", "handed": done, "found": found}
    template = "desk/_result.html" if _fragment(request) else "desk/scan.html"
    return page_of(request, template, {"tab": "queue", "outcome": outcome}, status=status)


def _handed_over(request: DeskRequest, order: Order) -> DeskOrder | None:
    """The order at the desk it belongs to, whichever of this user's that is."""
    store = next((s for s in request.stores if s.pk == order.store_id), None)
    if store is None:
        return None
    return desk_order(user=request.user, store=store, order_no=order.no)


def _refusal(error: DomainError) -> dict[str, Any]:
    if isinstance(error, PickupCollected):
        return {
            "kind": "bad",
            "title": _("Already handed over"),
            "at": datetime.fromisoformat(error.params["at"]),
            "by": error.params["by"],
        }
    if isinstance(error, PickupElsewhere):
        title = _("This parcel belongs to another store")
    elif isinstance(error, PickupNotReady):
        title = _("Not ready to be handed over")
    else:
        title = _("Not handed over")
    return {"kind": "bad", "title": title, "text": str(error)}


@require_GET
@at_desk
def returns(request: DeskRequest) -> HttpResponse:
    """Find the order whose goods come back."""
    order_no = request.GET.get("order_no", "").strip()[:40]
    if order_no:
        found = desk_order(user=request.user, store=request.store, order_no=order_no)
        if found is not None:
            return redirect("desk:order", found.order.no)
        messages.error(
            request, _("No order of this store has the number %(no)s.") % {"no": order_no}
        )
    return render(request, "desk/returns.html", {"tab": "returns", "order_no": order_no})


def _found(request: DeskRequest, order_no: str) -> DeskOrder:
    found = desk_order(user=request.user, store=request.store, order_no=order_no)
    if found is None:
        raise Http404
    return found


@require_http_methods(["GET", "POST"])
@at_desk
def order(request: DeskRequest, order_no: str) -> HttpResponse:
    """One order; when it was collected, its return form."""
    found = _found(request, order_no)
    form = ReturnForm(request.POST if request.method == "POST" else None, found=found)
    status = 200
    if request.method == "POST" and form.is_valid():
        if found.may_decide:
            require_recent_sign_in(request)
        try:
            done = return_in_store(
                order_no=found.order.no,
                store_id=request.store.pk,
                lines=form.wanted(),
                reason=form.cleaned_data["reason"],
                restock=not form.cleaned_data["damaged"],
                seen=form.seen(),
                user=request.user,
                actor=Actor.user(request.user),
                now=clock.now(),
            )
        except DomainError as error:
            form.add_error(None, str(error))
            status = error.status
        else:
            messages.success(request, _taken_back(done))
            return redirect("desk:order", found.order.no)
    tab = "returns" if found.may_return else "queue"
    return render(
        request, "desk/order.html", {"tab": tab, "found": found, "form": form}, status=status
    )


def _taken_back(done: AfterSale) -> str:
    if done.state == AfterSaleState.REQUESTED:
        return _("Taken back. The refund waits for approval.")
    return _("Taken back. The money is on its way.")


def _decide(request: DeskRequest, after_sale_no: str, form: DecisionForm) -> bool:
    """Whether the refund waits for a second person, being above what this one may grant."""
    reason, now = form.cleaned_data["reason"], clock.now()
    if form.approves():
        asked = {"after_sale_no": after_sale_no, "reason": reason}
        return aftersale_approval(**asked, user=request.user, now=now) is not None
    aftersale_refuse(
        after_sale_no=after_sale_no, reason=reason, actor=Actor.user(request.user), now=now
    )
    return False


@require_POST
@at_desk
def after_sale(request: DeskRequest, order_no: str) -> HttpResponse:
    """Decide on the open request for units back: the member's, or a clerk's who received them."""
    found = _found(request, order_no)
    if not found.may_decide:
        raise PermissionDenied(_("A manager decides on this."))
    require_recent_sign_in(request)
    asked = found.requested
    form = DecisionForm(request.POST)
    if asked is None:
        messages.error(request, _("There is no open request for this order."))
    elif not form.is_valid():
        messages.error(request, _("Choose a decision and say why."))
    else:
        try:
            waiting = _decide(request, asked.no, form)
        except DomainError as error:
            messages.error(request, str(error))
        else:
            messages.success(
                request, _("The refund waits for approval.") if waiting else _("Decided.")
            )
    return redirect("desk:order", order_no)
