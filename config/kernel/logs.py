"""What the log says of a request besides what django-structlog binds by itself.

Its own ways to the caller and the address would load the session for every request, know nobody
who calls the API, and believe any header that claims an address; together they cost more than
half of the middleware.
"""

from typing import Any

import structlog
from django.conf import settings
from django.dispatch import receiver
from django.http import HttpRequest
from django_structlog.signals import (
    bind_extra_request_failed_metadata,
    bind_extra_request_finished_metadata,
    bind_extra_request_metadata,
)

from config.kernel.auth import Principal
from config.kernel.throttles import CallerThrottle

_throttle = CallerThrottle()


@receiver(bind_extra_request_metadata, dispatch_uid="kernel.logs.address")
def address_bind(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """The caller's address as rate limits see it: of what a client says of itself only what our
    own proxies added is believed (NUM_PROXIES). A session is named at once, a token when known."""
    structlog.contextvars.bind_contextvars(ip=_throttle.get_ident(request))
    if settings.SESSION_COOKIE_NAME in request.COOKIES and not request.path.startswith("/api/"):
        structlog.contextvars.bind_contextvars(user_id=request.user.pk)


@receiver(bind_extra_request_finished_metadata, dispatch_uid="kernel.logs.finished")
@receiver(bind_extra_request_failed_metadata, dispatch_uid="kernel.logs.failed")
def caller_add(
    sender: Any, request: HttpRequest, log_kwargs: dict[str, Any], **kwargs: Any
) -> None:
    """Who called the API, once its authenticator has said so."""
    caller = request.__dict__.get("user")
    # Not isinstance: that would make a lazy user look itself up.
    if type(caller) is Principal:
        log_kwargs["user_id"] = caller.pk
