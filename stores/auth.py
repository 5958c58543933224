"""Who calls ``/api/v1/pos/``: a terminal, by its key, with the cashier who stands at it.

``Authorization: Terminal <number>.<secret>`` and ``X-Cashier: <number of the cashier>``. One
statement reads the terminal with its store; secrets are compared in constant time, also where
there is no such terminal.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.auth import Principal
from config.kernel.errors import DomainError
from stores.models import Terminal
from stores.terminal_keys import secret_fits

# How old ``last_seen_at`` may be: a busy till would else write its row at every sale.
SEEN = timedelta(minutes=1)
_CASHIER = re.compile(r"[0-9A-Za-z_-]{1,20}")
_FIELDS = (
    "pk",
    "key_hash",
    "disabled_at",
    "scopes",
    "last_seen_at",
    "store_id",
    "store__code",
    "store__archived_at",
    "store__operator_id",
    "store__operator__code",
    "store__operator__archived_at",
)


class CashierMissing(DomainError):
    code = "cashier_missing"
    message = _("Send the number of the cashier as X-Cashier: 1 to 20 letters, digits, - or _.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalPrincipal(Principal):
    """A terminal: stands in for ``request.user`` under ``/api/v1/pos/``. ``pk`` is its own."""

    no: str
    cashier: str
    scopes: frozenset[str]
    store_id: int
    store_code: str
    operator_id: int
    operator_code: str

    @property
    def caller(self) -> str:
        return f"terminal:{self.no}"

    @property
    def actor(self) -> Actor:
        return Actor("terminal", f"{self.no}/{self.cashier}")


class TerminalRequest(Request):
    """What the type checker knows of a request that a terminal's key has let in."""

    user: TerminalPrincipal  # type: ignore[assignment]  # Django says its own user


class TerminalAuthentication(BaseAuthentication):
    """Terminal key → TerminalPrincipal. Absent: anonymous. Wrong, disabled, of a store or an
    operator that is archived: 401 ``terminal_unknown``. Without a cashier: ``cashier_missing``."""

    def authenticate(self, request):
        scheme, _space, key = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "terminal":
            return None
        no, _dot, secret = key.strip().partition(".")
        now = clock.now()
        row = None
        if len(no) <= 16 and no.isascii() and no.isalnum():
            row = Terminal.objects.filter(no=no).values(*_FIELDS).first()
        fits = secret_fits(secret[:64], row and row["key_hash"])
        gone = ("disabled_at", "store__archived_at", "store__operator__archived_at")
        if row is None or not fits or any(row[name] is not None for name in gone):
            raise AuthenticationFailed(
                _("This terminal's key is wrong or no longer valid."), "terminal_unknown"
            )
        cashier = request.headers.get("X-Cashier", "")
        if not _CASHIER.fullmatch(cashier):
            raise CashierMissing()
        _seen(row["pk"], row["last_seen_at"], now)
        terminal = TerminalPrincipal(
            pk=row["pk"],
            is_staff=False,
            no=no,
            cashier=cashier,
            scopes=frozenset(row["scopes"]),
            store_id=row["store_id"],
            store_code=row["store__code"],
            operator_id=row["store__operator_id"],
            operator_code=row["store__operator__code"],
        )
        return terminal, no

    def authenticate_header(self, request) -> str:
        # Makes DRF answer 401 and not 403 when credentials are missing.
        return 'Terminal realm="pos"'


def _seen(terminal_id: int, before: datetime | None, now: datetime) -> None:
    if before is None or before < now - SEEN:
        Terminal.objects.filter(pk=terminal_id).update(last_seen_at=now)


class IsTerminal(BasePermission):
    """The caller is a terminal whose key has the view's ``scope``, if it names one."""

    message = _("This terminal's key does not allow this.")
    code = "terminal_scope"

    def has_permission(self, request, view) -> bool:
        if not isinstance(request.user, TerminalPrincipal):
            return False
        scope = getattr(view, "scope", None)
        return scope is None or scope in request.user.scopes


class TerminalScheme(OpenApiAuthenticationExtension):
    target_class = "stores.auth.TerminalAuthentication"
    name = "Terminal"

    def get_security_definition(self, auto_schema) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Terminal <number>.<secret>`, with the cashier's number as "
            "`X-Cashier`. A terminal's key is shown once, when it is made or renewed.",
        }
