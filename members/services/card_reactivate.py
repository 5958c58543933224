"""An expired card with something on it lives again."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import record
from members.events import CardReactivated
from members.locks import card_lock
from members.models import Card, CardReactivation
from members.selectors_cards import card_rules
from members.states import CardState


class CardNotExpired(Conflict):
    code = "card_not_expired"
    message = _("This card has not expired, or is stopped.")


def card_reactivate(*, card_id: int, reason: str, actor: Actor, now: datetime) -> Card:
    """An unnamed card that has expired is valid again from now on, for the days of the policy
    (单用途商业预付卡管理办法 art. 19). Raises NotFound, CardNotExpired."""
    with transaction.atomic():
        card = card_lock(card_id=card_id)
        if card is None:
            raise NotFound()
        if card.state != CardState.ACTIVE or card.expires_at is None or card.expires_at > now:
            raise CardNotExpired()
        rules = card_rules(operator_code=card.operator.code, now=now)
        row = CardReactivation.objects.create(
            card=card,
            expired_at=card.expires_at,
            reactivated_at=now,
            expires_at=now + timedelta(days=rules.reactivation_days),
            reason=reason[:200],
        )
        Card.objects.filter(pk=card.pk).update(expires_at=row.expires_at)
        card.expires_at = row.expires_at
        event = CardReactivated(subject_id=card.pk, reason=reason, reactivation_id=row.pk)
        record([event], actor=actor, now=now)
    return card
