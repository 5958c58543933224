"""A member gets a guide of their own."""

from datetime import datetime

from django.db import IntegrityError, transaction

from config.kernel.actors import Actor
from config.kernel.events import record
from guides.events import BindingOpened
from guides.models import Binding, Guide


def binding_open(
    *, guide: Guide, member_id: int, member_user_id: int, source: str, actor: Actor, now: datetime
) -> Binding | None:
    """Bind the member to ``guide`` unless somebody has them already, or they are the guide.

    Returns the new binding, or None when nothing changed. Two first touches at once bind once:
    the database allows one live binding per member.
    """
    if guide.member_id == member_id or guide.user_id == member_user_id:
        return None
    live = Binding.objects.filter(member_id=member_id, until__isnull=True)
    with transaction.atomic(savepoint=False):
        try:
            with transaction.atomic():
                opened = Binding.objects.create(
                    guide=guide, member_id=member_id, source=source, since=now
                )
        except IntegrityError:
            if live.exists():
                return None
            raise
        event = BindingOpened(subject_id=opened.pk, guide_id=guide.pk, member_id=member_id)
        record([event], actor=actor, now=now)
        return opened
