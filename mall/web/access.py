"""Who may open the desk: signed-in staff with a role that does desk work at a store."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from config.kernel import clock
from mall.selectors.desk import desk_stores
from stores.models import Store

STORE_KEY = "desk_store"


class DeskRequest(HttpRequest):
    """A request whose ``stores`` (those of its user) and ``store`` (the chosen one) are known."""

    htmx: HtmxDetails
    stores: list[Store]
    store: Store


def desk_staff(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Anonymous visitors go to the login page; whoever works at no desk gets a 403 page."""

    @login_required
    @wraps(view)
    def wrapped(request: DeskRequest, *args, **kwargs) -> HttpResponse:
        request.stores = desk_stores(user=request.user, now=clock.now())
        if not request.stores:
            raise PermissionDenied(
                _("The desk is for staff of a store. Ask your manager to assign you to one.")
            )
        return view(request, *args, **kwargs)

    return wrapped


def at_desk(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """As :func:`desk_staff`, at one store: the one chosen in this session, as long as it is
    theirs, or their only one. Whoever has not chosen yet is asked first."""

    @desk_staff
    @wraps(view)
    def wrapped(request: DeskRequest, *args, **kwargs) -> HttpResponse:
        chosen = request.session.get(STORE_KEY)
        found = next((s for s in request.stores if s.code == chosen), None)
        if found is None and len(request.stores) == 1:
            found = request.stores[0]
        if found is None:
            return redirect("desk:stores")
        request.store = found
        return view(request, *args, **kwargs)

    return wrapped
