"""What a member no longer agrees to."""

from datetime import datetime

from django.db import transaction

from config.kernel.actors import Actor
from config.kernel.events import record
from members.events import ConsentWithdrawn
from members.models import Consent


def consent_withdraw(*, member_id: int, kind: str, actor: Actor, now: datetime) -> bool:
    """End the member's consent of ``kind``; False when there was none. Works from now on:
    messages that wait are not sent any more."""
    with transaction.atomic():
        ended = Consent.objects.filter(
            member_id=member_id, kind=kind, withdrawn_at__isnull=True
        ).update(withdrawn_at=now)
        if ended:
            record([ConsentWithdrawn(subject_id=member_id, consent=kind)], actor=actor, now=now)
    return bool(ended)
