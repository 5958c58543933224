"""What a member agrees to."""

from datetime import datetime

from django.db import IntegrityError, transaction

from config.kernel.actors import Actor
from config.kernel.events import record
from members.events import ConsentGiven
from members.models import Consent


def consent_give(
    *, member_id: int, kind: str, version: str, actor: Actor, now: datetime
) -> Consent:
    """Record that the member agreed to ``version`` of the text of ``kind``.

    Agreeing again to the same version changes nothing; to another version ends the one before.
    """
    with transaction.atomic():
        live = Consent.objects.filter(member_id=member_id, kind=kind, withdrawn_at__isnull=True)
        same = live.filter(version=version).first()
        if same is not None:
            return same
        live.update(withdrawn_at=now)
        try:
            with transaction.atomic():
                consent = Consent.objects.create(
                    member_id=member_id, kind=kind, version=version, given_at=now
                )
        except IntegrityError:
            # A twin of this request was first; its consent is this one.
            return live.get()
        record(
            [ConsentGiven(subject_id=member_id, consent=kind, version=version)],
            actor=actor,
            now=now,
        )
    return consent
