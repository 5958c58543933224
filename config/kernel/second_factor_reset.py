"""A lost phone: somebody signs in with their password alone again, and nobody else does."""

from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from config.kernel.events import EventBase, record
from config.kernel.models import Session


class SecondFactorMissing(Conflict):
    code = "second_factor_missing"
    message = _("This user signs in without a second factor.")


@dataclass(frozen=True, kw_only=True)
class SecondFactorReset(EventBase):
    """The user's second factors and recovery codes were taken away and ``sessions`` ended."""

    kind = "kernel.second_factor_reset"
    subject_type = "kernel.user"
    sessions: int


def second_factor_reset(*, user_id: int, reason: str, actor: Actor, now: datetime) -> None:
    """Forget the user's authenticator apps, keys and recovery codes, and end every session of
    theirs: one of them may be on the lost phone. Raises SecondFactorMissing."""
    with transaction.atomic():
        gone, _by_model = Authenticator.objects.filter(user_id=user_id).delete()
        if not gone:
            raise SecondFactorMissing()
        sessions, _by_model = Session.objects.filter(user_id=user_id).delete()
        event = SecondFactorReset(subject_id=user_id, sessions=sessions, reason=reason)
        record([event], actor=actor, now=now)
