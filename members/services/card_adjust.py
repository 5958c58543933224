"""Correct the bonus on a card: goodwill, or a mistake. One person asks, another decides.

Principal is the member's money and is never adjusted.
"""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.actors import Actor
from config.kernel.approvals import ApprovalKind, approval_request
from config.kernel.approvals import register_kind as register_approval
from config.kernel.errors import NotFound
from config.kernel.events import record
from config.kernel.models import Approval
from config.kernel.money import yuan
from members.events import CardAdjusted
from members.guards import CardNotUsable
from members.locks import card_lock
from members.models import Card
from members.selectors_cards import card_rules, card_value_fen
from members.services.card_lot import CardAmountRefused, Purchase, limit_check, lot_make
from members.services.card_transition import card_get
from members.states import CardState
from stores.ledger import AccountSpec, Draft, InsufficientFunds, accounts_ensure, post
from stores.states import Role

ADJUST = "members.card_adjust"


def card_adjust(*, card_id: int, bonus_fen: int, reason: str, user: Any, now: datetime) -> Approval:
    """Ask for ``bonus_fen`` to be put on the card, or (below zero) taken off it.

    Nobody does this alone: the request waits for another person, and asks again then. Raises
    NotFound, CardNotUsable, CardAmountRefused for zero, CardLimitExceeded, InsufficientFunds,
    ApprovalPending.
    """
    card = card_get(card_id=card_id)
    if card.state != CardState.ACTIVE:
        raise CardNotUsable()
    if not bonus_fen:
        raise CardAmountRefused()
    if bonus_fen > 0:
        rules = card_rules(operator_code=card.operator.code, now=now)
        value = card_value_fen(card.pk) + bonus_fen
        limit_check(product=card.product, rules=rules, value_fen=value)
    elif _free_bonus_fen(card) < -bonus_fen:
        raise InsufficientFunds()
    return approval_request(
        kind=ADJUST,
        subject_type=Card._meta.label_lower,
        subject_id=card.pk,
        reason=reason,
        actor=Actor.user(user),
        now=now,
        params={"bonus_fen": bonus_fen},
        amount_fen=abs(bonus_fen),
        operator_id=card.operator_id,
    )


def _run(approval: Approval, *, actor: Actor, now: datetime) -> None:
    card = card_lock(card_id=approval.subject_id)
    if card is None:
        raise NotFound()
    if card.state != CardState.ACTIVE or (card.expires_at is not None and card.expires_at <= now):
        raise CardNotUsable()
    bonus = approval.params["bonus_fen"]
    if bonus > 0:
        _grant(card, bonus, approval.no, now)
    else:
        _withdraw(card, -bonus, approval.no, now)
    event = CardAdjusted(
        subject_id=card.pk, reason=approval.reason, approval_id=approval.pk, bonus_fen=bonus
    )
    record([event], actor=actor, now=now)


def _grant(card: Card, bonus_fen: int, no: str, now: datetime) -> None:
    rules = card_rules(operator_code=card.operator.code, now=now)
    value = card_value_fen(card.pk) + bonus_fen
    limit = limit_check(product=card.product, rules=rules, value_fen=value)
    purchase = Purchase(0, bonus_fen, 0, no, f"adjust:{no}", "card.adjust")
    lot_make(
        card=card,
        purchase=purchase,
        limit_fen=limit,
        identity=None,
        now=now,
        bonus_code="card.adjust",
    )


def _free_bonus_fen(card: Card) -> int:
    return sum(lot.bonus.balance - lot.bonus.held for lot in card.lots.select_related("bonus"))


def _withdraw(card: Card, bonus_fen: int, no: str, now: datetime) -> None:
    """Out of the free bonus of the lots, the oldest first. Raises InsufficientFunds."""
    operator = card.operator
    spec = AccountSpec(f"bonus.withdrawn:{operator.code}", operator_id=operator.pk)
    withdrawn = accounts_ensure([spec])[spec.code]
    drafts = []
    for lot in card.lots.select_related("bonus").order_by("pk"):
        part = min(bonus_fen, lot.bonus.balance - lot.bonus.held)
        bonus_fen -= part
        if part:
            drafts.append(
                Draft(
                    debit_id=lot.bonus_id,
                    credit_id=withdrawn,
                    amount=part,
                    code="card.adjust",
                    key=f"card.adjust:{no}:{lot.pk}",
                    reference=no,
                )
            )
    if bonus_fen:
        raise InsufficientFunds()
    post(drafts, now=now)


def _describe(approval: Approval) -> str:
    card = Card.objects.get(pk=approval.subject_id)
    bonus = approval.params["bonus_fen"]
    words = (
        _("{amount} of bonus is put on card {card}.")
        if bonus > 0
        else _("{amount} of bonus is taken off card {card}.")
    )
    return words.format(amount=yuan(abs(bonus)), card=card.no)


ADJUST_KIND = ApprovalKind(
    code=ADJUST,
    label=gettext_lazy("correction of a card's bonus"),
    permission="members.change_card",
    run=_run,
    describe=_describe,
    limits={"alone": {}, "check": {Role.FINANCE: 50_000, Role.HEADQUARTERS: None}},
)


def register() -> None:
    register_approval(ADJUST_KIND)
