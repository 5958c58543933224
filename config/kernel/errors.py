"""Errors that a person or a client is meant to see: stable code, HTTP status, two languages."""

from typing import Any

from django.utils.translation import gettext_lazy as _


class DomainError(Exception):
    """A refusal with a reason. Subclass it beside the service that raises it.

    ``code`` is part of the API and never changes. ``message`` is an English msgid that may hold
    ``{name}`` fields filled from ``params``; ``params`` also reach API clients as ``extra``.
    """

    code: str = "error"
    status: int = 400
    message: Any = _("The request cannot be done.")

    def __init__(self, message: Any = None, **params: Any) -> None:
        self.params = params
        if message is not None:
            self.message = message
        super().__init__(self.code)

    def __str__(self) -> str:
        text = str(self.message)
        return text.format(**self.params) if self.params else text


class NotFound(DomainError):
    code = "not_found"
    status = 404
    message = _("There is no such thing here.")


class Forbidden(DomainError):
    code = "forbidden"
    status = 403
    message = _("You may not do this.")


class Conflict(DomainError):
    code = "conflict"
    status = 409
    message = _("It has changed in the meantime. Load it again and retry.")


class IllegalTransition(Conflict):
    code = "illegal_transition"
    message = _("It cannot go from {from_state} to {to_state}.")
