"""The one-query authenticator of the API.

allauth's headless app client hands a shopper a session token, sent back as ``X-Session-Token``.
The session row carries its user, so one joined statement of plain values answers who calls; a
logout deletes the row and is honoured at once. Higher apps add what they want to know of the
caller with :func:`principal_field` in their ``ready()``.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from django.db import connection
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.models import Session

_fields: dict[str, str] = {}


def principal_field(name: str, lookup: str) -> None:
    """Have ``Principal.<name>`` filled from ``lookup``, a path over Session, in the same query."""
    _fields[name] = lookup


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls: stands in for ``request.user`` in the API without a model instance."""

    pk: int
    is_staff: bool
    extra: dict[str, Any] = field(default_factory=dict)
    is_authenticated: bool = True
    is_anonymous: bool = False
    is_active: bool = True

    @property
    def member_id(self) -> int:
        """The caller's member; views that use it carry the IsMember permission."""
        return self.extra["member_id"]

    @property
    def caller(self) -> str:
        """Stable name for throttles and idempotency keys."""
        member_id = self.extra.get("member_id")
        return f"member:{member_id}" if member_id else f"user:{self.pk}"

    @property
    def actor(self) -> Actor:
        member_id = self.extra.get("member_id")
        return Actor("member", str(member_id)) if member_id else Actor("user", str(self.pk))


class MemberRequest(Request):
    """What the type checker knows of a request that the IsMember permission has let in."""

    user: Principal  # type: ignore[assignment]  # Django says its own user


@cache
def _statement() -> str:
    """The query as Django writes it, compiled once per process: doing so for each request costs
    more than running it. Its parameters are the token and the moment, in this order."""
    given = ("token", datetime.max.replace(tzinfo=UTC))
    rows = (
        Session.objects.filter(session_key=given[0])
        .filter(expire_date__gt=given[1])
        .filter(user__is_active=True)
        .values_list("user_id", "user__is_staff", *_fields.values())
    )
    sql, parameters = rows.query.sql_with_params()
    if parameters != given:
        raise RuntimeError(f"the session query has other parameters: {parameters}")
    return sql


def _who(token: str, now: datetime) -> tuple[Any, ...] | None:
    with connection.cursor() as cursor:
        cursor.execute(_statement(), [token, now])
        return cursor.fetchone()


def principal(token: str, now: datetime) -> Principal | None:
    """Who holds the session ``token``: one statement. None: unknown, ended or expired."""
    row = _who(token, now) if len(token) <= 40 and "\0" not in token else None
    if row is None:
        return None
    return Principal(row[0], row[1], dict(zip(_fields, row[2:], strict=True)))


class SessionTokenAuthentication(BaseAuthentication):
    """``X-Session-Token`` → Principal. Absent: anonymous. Unknown, ended or expired: 401."""

    def authenticate(self, request):
        token = request.headers.get("X-Session-Token")
        if not token:
            return None
        caller = principal(token, clock.now())
        if caller is None:
            raise AuthenticationFailed(_("The session has ended. Log in again."), "session_ended")
        return caller, token

    def authenticate_header(self, request) -> str:
        # Makes DRF answer 401 and not 403 when credentials are missing.
        return 'SessionToken realm="api"'


class IsMember(BasePermission):
    """The caller is a shopper with a live member account."""

    message = _("Only members may do this.")
    code = "members_only"

    def has_permission(self, request, view) -> bool:
        user = request.user
        if not isinstance(user, Principal) or not user.extra.get("member_id"):
            return False
        return user.extra.get("member_archived_at") is None
