"""Idempotency-Key: a POST that moves value has one effect and one answer, however often sent.

Inside the request's transaction an advisory lock over (caller, endpoint, key) is tried; the
answer is stored with the effect and replayed for 72 hours. Refusals roll back and are not
stored. Natural unique keys stay behind it.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import Conflict, DomainError
from config.kernel.models import IdempotencyKey

KEEP = timedelta(hours=72)


class KeyMissing(DomainError):
    code = "idempotency_key_missing"
    message = _("Send an Idempotency-Key header of 8 to 64 visible characters.")


class KeyInFlight(Conflict):
    code = "idempotency_in_flight"
    message = _("The same request is being worked on. Repeat it shortly with the same key.")


class KeyReused(DomainError):
    code = "idempotency_key_reused"
    status = 422
    message = _("This Idempotency-Key was used with another body.")


@dataclass(frozen=True)
class Stored:
    status: int
    body: str


def check_key(key: str | None) -> str:
    if not key or not 8 <= len(key) <= 64 or not key.isascii() or not key.isprintable():
        raise KeyMissing()
    return key


def fingerprint(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def begin(*, caller: str, endpoint: str, key: str, request_hash: str) -> Stored | None:
    """Lock the key until commit and return the stored answer, if there is one. One statement.

    Raises KeyInFlight (409) while another request holds it, KeyReused (422) for another body.
    """
    digest = hashlib.blake2b(f"{caller}\n{endpoint}\n{key}".encode(), digest_size=8).digest()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s::bigint), k.request_hash, k.status, k.body"
            " FROM (VALUES (1)) AS one(row) LEFT JOIN kernel_idempotencykey k"
            " ON k.caller = %s::text AND k.endpoint = %s::text AND k.key = %s::text",
            [int.from_bytes(digest, signed=True), caller, endpoint, key],
        )
        locked, stored_hash, status, body = cursor.fetchone()
    if stored_hash is not None:
        if stored_hash != request_hash:
            raise KeyReused()
        return Stored(status, body)
    if not locked:
        raise KeyInFlight()
    return None


def finish(
    *,
    caller: str,
    endpoint: str,
    key: str,
    request_hash: str,
    status: int,
    body: str,
    now: datetime,
) -> None:
    """Store the answer with its effect. The unique key catches a twin that committed between
    this request's snapshot and its lock."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO kernel_idempotencykey"
                " (caller, endpoint, key, request_hash, status, body, created_at)"
                " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                [caller, endpoint, key, request_hash, status, body, now],
            )
    except IntegrityError:
        transaction.set_rollback(True)
        raise KeyInFlight() from None


def purge(*, now: datetime) -> int:
    """Delete answers older than 72 hours; returns how many."""
    return IdempotencyKey.objects.filter(created_at__lt=now - KEEP).delete()[0]
