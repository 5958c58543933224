"""Undo a purchase of stored value that nothing was spent of: it was sold by mistake."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import NotFound
from config.kernel.events import record
from members.events import CardPurchaseVoided, TopUpOfferReturned
from members.guards import CardNotUsable, CardRefused
from members.locks import card_lock
from members.models import Card, CardLot, TopUpOfferUse
from members.services.card_transition import card_transition, ensure_no_holds
from members.states import CardState
from stores.ledger import Draft, post
from stores.models import Transfer


class CardPurchaseUsed(CardRefused):
    """Spent from, adjusted, or a card on which there is more than this purchase."""

    code = "card_purchase_used"
    message = _("Something was done with this purchase already. Close the card instead.")


def card_purchase_void(
    *, key: str, member_id: int, reason: str, actor: Actor, now: datetime
) -> int:
    """The purchase ``key`` never was: principal goes back to the account it came from, bonus to
    the issuer's, the offer to ``member_id``; a card that it made is closed. Returns the principal
    in fen. Nothing of it may be gone: neither spent nor held, and the card still the member's.

    Raises NotFound, CardNotUsable (not active, or given away), CardHasHolds, CardPurchaseUsed,
    DuplicateTransfer for what was voided before.
    """
    with transaction.atomic():
        found = CardLot.objects.filter(key=key).values_list("pk", "card_id").first()
        card = None if found is None else card_lock(card_id=found[1])
        if found is None or card is None:
            raise NotFound()
        if card.state != CardState.ACTIVE or card.member_id != member_id:
            raise CardNotUsable()
        # Read under the card's lock: spends in flight have committed.
        lot = CardLot.objects.select_related("principal", "bonus").get(pk=found[0])
        drafts, made = _reversals(lot)
        if made:
            _only_purchase_check(card, lot)
            ensure_no_holds(card=card)
            card_transition(
                card=card, to_state=CardState.CLOSED, actor=actor, now=now, reason=reason
            )
        use = TopUpOfferUse.objects.filter(key=key, returned_at__isnull=True).first()
        events: list[CardPurchaseVoided | TopUpOfferReturned] = [
            CardPurchaseVoided(
                subject_id=card.pk, reason=reason, lot_id=lot.pk, principal_fen=drafts[0].amount
            )
        ]
        if use is not None:
            TopUpOfferUse.objects.filter(pk=use.pk).update(returned_at=now)
            events.append(
                TopUpOfferReturned(
                    subject_id=use.pk, offer_id=use.offer_id, member_id=use.member_id
                )
            )
        post(drafts, now=now)
        record(events, actor=actor, now=now)
    return drafts[0].amount


def _reversals(lot: CardLot) -> tuple[list[Draft], bool]:
    """The transfers of the purchase the other way round, principal first, and whether it made the
    card. Raises CardPurchaseUsed unless each account has all of its part, unheld."""
    names = [f"{code}:{lot.key}" for code in ("card.issue", "card.topup", "card.bonus")]
    paid = {t.code: t for t in Transfer.objects.filter(key__in=names)}
    bonus = paid.pop("card.bonus", None)
    if len(paid) != 1:
        # Out of a batch, or never funded by money.
        raise CardPurchaseUsed()
    ((code, principal),) = paid.items()
    parts = [(lot.principal, principal, "card.void"), (lot.bonus, bonus, "bonus.void")]
    drafts = []
    for account, transfer, word in parts:
        amount = 0 if transfer is None else transfer.amount
        if account.balance != amount or account.held:
            raise CardPurchaseUsed()
        if transfer is not None:
            drafts.append(
                Draft(
                    debit_id=transfer.credit_id,
                    credit_id=transfer.debit_id,
                    amount=amount,
                    code=word,
                    key=f"{word}:{lot.key}",
                    reference=lot.reference,
                    reverses_id=transfer.pk,
                )
            )
    return drafts, code == "card.issue"


def _only_purchase_check(card: Card, lot: CardLot) -> None:
    others = (
        CardLot.objects.filter(card=card).exclude(pk=lot.pk).select_related("principal", "bonus")
    )
    if any(other.principal.balance or other.bonus.balance for other in others):
        raise CardPurchaseUsed()
