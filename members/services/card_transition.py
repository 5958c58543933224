"""The one place where the state of a card changes."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import record
from config.kernel.states import compare_and_set
from members.events import CardChanged
from members.models import Card, CardHold
from members.states import CARD_MACHINE, HoldState


class CardHasHolds(Conflict):
    """An order waits to be paid with the card: it keeps its holder and its life until then."""

    code = "card_has_holds"
    message = _("Part of this card is set aside for an order that waits for its payment.")


def card_transition(
    *, card: Card, to_state: str, actor: Actor, now: datetime, reason: str = "", **fields: Any
) -> Card:
    """Move ``card`` on by compare-and-set and write the event; in the caller's transaction.

    Waits for spends in flight, which share-lock the card. Raises IllegalTransition, Conflict.
    """
    from_state, _to = compare_and_set(card, CARD_MACHINE, to_state, **fields)
    event = CardChanged(
        subject_id=card.pk,
        from_state=from_state,
        to_state=to_state,
        reason=reason,
        member_id=card.member_id,
    )
    record([event], actor=actor, now=now)
    return card


def card_get(*, card_id: int, member_id: int | None = None) -> Card:
    """The card with its product and issuer; of ``member_id`` alone when said. Raises NotFound:
    somebody else's card is as unknown as none."""
    rows = Card.objects.select_related("product", "operator").filter(pk=card_id)
    if member_id is not None:
        rows = rows.filter(member_id=member_id)
    card = rows.first()
    if card is None:
        raise NotFound()
    return card


def ensure_no_holds(*, card: Card) -> None:
    """Called when the card's row is locked or has left its state: no new hold gets in. Raises
    CardHasHolds."""
    if CardHold.objects.filter(card=card, state=HoldState.OPEN).exists():
        raise CardHasHolds()
