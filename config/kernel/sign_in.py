"""Who is there, again: asked before money moves."""

import time

from allauth.account.app_settings import REAUTHENTICATION_TIMEOUT
from allauth.account.authentication import get_authentication_records
from allauth.core.exceptions import ReauthenticationRequired
from django.http import HttpRequest


def require_recent_sign_in(request: HttpRequest) -> None:
    """Lead whoever has not signed in, or confirmed to be there, lately to do so and back here.

    A form that was sent meanwhile is kept by allauth and taken up again.
    """
    latest = max(
        (r.get("at", 0) for r in get_authentication_records(request, request.user)), default=0
    )
    if time.time() - latest < REAUTHENTICATION_TIMEOUT:
        return
    raise ReauthenticationRequired
