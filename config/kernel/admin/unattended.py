"""The admin without a browser: what a worker does for somebody, it does as that person."""

from typing import Any

from django.http import HttpRequest, QueryDict

from config.kernel.errors import Forbidden
from config.kernel.models import Batch, User


class _NoMessages:
    """Nobody reads along."""

    def add(self, *_args: Any, **_kwargs: Any) -> None:
        return None


def request_of(batch: Batch, query: str = "") -> HttpRequest:
    """A request of the batch's maker, as they are now, for a list with ``query``.

    Permissions and scope are read afresh. Raises Forbidden when they are no staff any more.
    """
    user = User.objects.filter(pk=batch.started_by_id or 0, is_active=True, is_staff=True).first()
    if user is None:
        raise Forbidden()
    request = HttpRequest()
    request.method = "GET"
    request.user = user
    request.GET = QueryDict(query)
    request.META["SERVER_NAME"], request.META["SERVER_PORT"] = "localhost", "80"
    request._messages = _NoMessages()  # type: ignore[attr-defined]  # where messages look
    return request
