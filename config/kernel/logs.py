"""What the log says of a request besides what django-structlog binds by itself."""

from typing import Any

import structlog
from django.dispatch import receiver
from django.http import HttpRequest
from django_structlog.signals import bind_extra_request_metadata

from config.kernel.throttles import CallerThrottle

_throttle = CallerThrottle()


@receiver(bind_extra_request_metadata, dispatch_uid="kernel.logs")
def address_bind(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """The caller's address as rate limits see it: of what a client says of itself only what our
    own proxies added is believed (NUM_PROXIES). django-structlog's own guess believes any header,
    and trying them all costs as much as the rest of the middleware together."""
    structlog.contextvars.bind_contextvars(ip=_throttle.get_ident(request))
