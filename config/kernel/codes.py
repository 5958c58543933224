"""Codes: issue and resolve short tokens that stand for something."""

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import DomainError
from config.kernel.models import Code
from config.kernel.numbers import random_code


class CodeInvalid(DomainError):
    code = "code_invalid"
    status = 404
    message = _("This code is unknown or no longer valid.")


def code_issue(
    *,
    purpose: str,
    owner_type: str,
    owner_id: int,
    now: datetime,
    payload: dict[str, Any] | None = None,
    valid_until: datetime | None = None,
) -> Code:
    """A new code with a random 16-character token (80 bits)."""
    return Code.objects.create(
        token=random_code(16),
        purpose=purpose,
        owner_type=owner_type,
        owner_id=owner_id,
        payload=payload or {},
        created_at=now,
        valid_until=valid_until,
    )


def code_resolve(*, token: str, now: datetime, purpose: str | None = None) -> Code:
    """The live code with this token. Raises CodeInvalid (404)."""
    query = Code.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=now),
        token=token.strip().upper(),
        revoked_at__isnull=True,
    )
    if purpose is not None:
        query = query.filter(purpose=purpose)
    found = query.first()
    if found is None:
        raise CodeInvalid()
    return found


def code_revoke(*, code_id: int, now: datetime) -> None:
    """The code resolves no more; one that was revoked before stays as it was."""
    Code.objects.filter(pk=code_id, revoked_at__isnull=True).update(revoked_at=now)
