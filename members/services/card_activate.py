"""A code of a corporate batch becomes a member's card."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, DomainError, IllegalTransition
from config.kernel.events import record
from config.kernel.states import compare_and_set
from members.activation import code_hash
from members.events import CardActivationChanged
from members.models import Card, CardActivation
from members.selectors_cards import card_rules
from members.services.card_holder import member_to_hold
from members.services.card_issue import card_make
from members.services.card_lot import Purchase
from members.states import ACTIVATION_MACHINE, ActivationState


class ActivationUnknown(DomainError):
    code = "activation_unknown"
    status = 404
    message = _("This activation code is unknown.")


class ActivationUsed(Conflict):
    """Used, void, or too late."""

    code = "activation_used"
    message = _("This activation code can no longer be used.")


def card_activate(
    *, code: str, member_id: int, actor: Actor, now: datetime, source: str = ""
) -> Card:
    """The card behind ``code`` is ``member_id``'s. Its principal comes out of the batch, whose
    sale its expiry counts from.

    Raises ActivationUnknown (404), ActivationUsed, NotFound, CardIdentityMissing,
    CardLimitExceeded.
    """
    with transaction.atomic():
        row = (
            CardActivation.objects.select_related("batch__product__operator")
            .filter(code_hash=code_hash(code))
            .first()
        )
        if row is None:
            raise ActivationUnknown()
        batch = row.batch
        if batch.activate_until is not None and batch.activate_until <= now:
            raise ActivationUsed()
        rules = card_rules(operator_code=batch.product.operator.code, now=now)
        member = member_to_hold(
            member_id=member_id, named=batch.product.named, rules=rules, now=now
        )
        activation_transition(
            activation=row, to_state=ActivationState.USED, actor=actor, now=now, member=member
        )
        purchase = Purchase(
            batch.principal_fen,
            batch.bonus_fen,
            batch.account_id,
            batch.no,
            f"activation:{row.pk}",
            "card.issue",
            source,
        )
        card = card_make(
            product=batch.product,
            member=member,
            purchase=purchase,
            rules=rules,
            sold_at=batch.sold_at,
            actor=actor,
            now=now,
        )
        CardActivation.objects.filter(pk=row.pk).update(card=card)
    return card


def activation_transition(
    *, activation: CardActivation, to_state: str, actor: Actor, now: datetime, **fields: Any
) -> CardActivation:
    """Move ``activation`` on by compare-and-set and write the event. Raises ActivationUsed when
    it has moved already."""
    try:
        from_state, _to = compare_and_set(
            activation, ACTIVATION_MACHINE, to_state, ended_at=now, **fields
        )
    except (Conflict, IllegalTransition):
        raise ActivationUsed() from None
    event = CardActivationChanged(
        subject_id=activation.pk,
        from_state=from_state,
        to_state=to_state,
        batch_id=activation.batch_id,
    )
    record([event], actor=actor, now=now)
    return activation
