"""Send what waits: claim and commit, call WeChat, record the fact.

A process that dies between the claim and the fact leaves the message ``sending``; its lease ends
after two minutes and it is tried again, so a message may arrive twice but never gets lost. One
accepted prompt buys one send: WeChat keeps those credits and answers 43101 when there is none.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from config.kernel.errors import Conflict, DomainError
from config.kernel.wechat import api
from config.kernel.wechat.errors import (
    GatewayBusy,
    WechatError,
    WechatMessageInvalid,
    WechatNotSubscribed,
)
from members import locks
from members.models import Consent, ExternalId, Message
from members.services.message_transition import message_transition
from members.states import ConsentKind, ExternalKind, MessageState

logger = logging.getLogger(__name__)
BATCH = 10
# Longer than a batch takes when every call to WeChat runs into its time-out.
LEASE = timedelta(minutes=2)
FIRST_PAUSE = timedelta(seconds=30)
MAX_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Outcome:
    state: MessageState
    error: str = ""


def messages_send(*, now: datetime, limit: int = BATCH) -> int:
    """Try up to ``limit`` due messages; returns how many were claimed. Not in a transaction."""
    claimed, openids = _claim(now, limit)
    for message in claimed:
        outcome = _send(message, openids.get(message.member_id, []))
        _record(message, outcome, now)
    return len(claimed)


def _claim(now: datetime, limit: int) -> tuple[list[Message], dict[int, list[tuple[str, str]]]]:
    """Take due messages for this process; whoever withdrew consent meanwhile gets none."""
    with transaction.atomic():
        due = locks.messages_claim(now=now, limit=limit)
        if not due:
            return [], {}
        members = {message.member_id for message in due}
        agreed = set(
            Consent.objects.filter(
                member_id__in=members, kind=ConsentKind.MESSAGES, withdrawn_at__isnull=True
            ).values_list("member_id", flat=True)
        )
        for state in (MessageState.PENDING, MessageState.SENDING):
            unwanted = [m for m in due if m.state == state and m.member_id not in agreed]
            message_transition(
                unwanted, to_state=MessageState.REFUSED, now=now, reason="consent withdrawn"
            )
        wanted = [m for m in due if m.member_id in agreed]
        fresh = [m for m in wanted if m.state == MessageState.PENDING]
        message_transition(fresh, to_state=MessageState.SENDING, now=now)
        for message in wanted:
            message.attempts += 1
            message.next_attempt_at = now + LEASE
        Message.objects.bulk_update(wanted, ["attempts", "next_attempt_at"])
        return wanted, _openids(members)


def _openids(members: set[int]) -> dict[int, list[tuple[str, str]]]:
    """Member → (mini-program, openid), the one met last first."""
    rows = ExternalId.objects.filter(
        member_id__in=members,
        kind=ExternalKind.OPENID,
        app_id__in=list(settings.WECHAT["miniprograms"]),
    ).order_by("-pk")
    found: dict[int, list[tuple[str, str]]] = {}
    for row in rows:
        found.setdefault(row.member_id, []).append((row.app_id, row.value))
    return found


def _send(message: Message, openids: list[tuple[str, str]]) -> Outcome:
    """Try the member's mini-programs until one takes it: credits are per mini-program."""
    if message.template not in settings.WECHAT["templates"]:
        return Outcome(MessageState.FAILED, f"there is no template {message.template}")
    if not openids:
        return Outcome(MessageState.FAILED, "the member has no mini-program")
    for app_id, openid in openids:
        try:
            api.subscribe_send(
                appid=app_id, openid=openid, template=message.template, data=message.data
            )
            return Outcome(MessageState.SENT)
        except WechatNotSubscribed:
            continue
        except WechatMessageInvalid as error:
            logger.error("WeChat refuses the content of message %s", message.pk)
            return Outcome(MessageState.FAILED, _words(error))
        except (WechatError, GatewayBusy) as error:
            last = message.attempts >= MAX_ATTEMPTS
            return Outcome(MessageState.FAILED if last else MessageState.PENDING, _words(error))
    return Outcome(MessageState.REFUSED, "no credit: the member has not accepted another message")


def _record(message: Message, outcome: Outcome, now: datetime) -> None:
    fields: dict[str, Any] = {"last_error": outcome.error[:200]}
    if outcome.state == MessageState.SENT:
        fields["sent_at"] = now
    if outcome.state == MessageState.PENDING:
        fields["next_attempt_at"] = now + FIRST_PAUSE * 2 ** (message.attempts - 1)
    try:
        with transaction.atomic():
            message_transition(
                [message], to_state=outcome.state, now=now, reason=outcome.error, **fields
            )
    except Conflict:
        # Our lease had ended and another process has recorded its own attempt.
        logger.warning("message %s was taken over by another process", message.pk)


def _words(error: DomainError) -> str:
    errcode = getattr(error, "errcode", None)
    return f"{error.code} {errcode}" if errcode else error.code
