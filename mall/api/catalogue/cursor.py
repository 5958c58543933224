"""Opaque cursors: the ordering and the key of the last row seen."""

import base64
import binascii
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.utils.urls import replace_query_param

from config.kernel.errors import DomainError

_MAX = 2**63


class CursorInvalid(DomainError):
    code = "cursor_invalid"
    message = _("This cursor does not belong to this list. Start again without it.")


def cursor_encode(ordering: str, key: tuple[int, ...]) -> str:
    text = ":".join([ordering, *map(str, key)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def cursor_decode(ordering: str, cursor: str, *, length: int) -> tuple[int, ...]:
    """The key in ``cursor``. Raises CursorInvalid (400) for any other list's or none at all."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        name, *numbers = base64.b64decode(padded, altchars=b"-_", validate=True).decode().split(":")
        key = tuple(int(n) for n in numbers)
    except (binascii.Error, ValueError):
        raise CursorInvalid() from None
    if name != ordering or len(key) != length or not all(0 <= n < _MAX for n in key):
        raise CursorInvalid()
    return key


def page(
    request: HttpRequest | Request, rows: list[Any], *, size: int, ordering: str, key: Any
) -> dict[str, Any]:
    """``rows`` holds one more than ``size`` when there is a next page; ``key(row)`` is its key."""
    following = None
    if len(rows) > size:
        rows = rows[:size]
        cursor = cursor_encode(ordering, key(rows[-1]))
        following = replace_query_param(request.build_absolute_uri(), "cursor", cursor)
    return {"next": following, "results": rows}
