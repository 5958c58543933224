"""Who may open the workbench: a signed-in user who is an active guide."""

from collections.abc import Callable
from functools import wraps

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django_htmx.middleware import HtmxDetails

from config.kernel import clock
from guides.models import Guide
from guides.selectors import guide_of


class GuideRequest(HttpRequest):
    """A request whose ``guide`` is known."""

    guide: Guide
    htmx: HtmxDetails


def guide_only(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Anonymous visitors go to the login page; others who are no active guide get a 403 page."""

    @login_required
    @wraps(view)
    def wrapped(request: GuideRequest, *args, **kwargs) -> HttpResponse:
        user_id = request.user.pk
        assert user_id is not None  # login_required
        guide = guide_of(user_id=user_id, now=clock.now())
        if guide is None:
            raise PermissionDenied(
                _("The workbench is for shopping guides. Ask your manager to make you one.")
            )
        request.guide = guide
        return view(request, *args, **kwargs)

    return wrapped
