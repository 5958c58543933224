"""Closing a card above what one may pay back alone: the same, asked of a second person."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.actors import Actor
from config.kernel.approvals import ApprovalKind, approval_request
from config.kernel.approvals import register_kind as register_approval
from config.kernel.errors import Conflict
from config.kernel.models import Approval
from config.kernel.money import yuan
from members.models import Card
from members.services.card_close import card_close_preview, card_close_refund
from members.services.card_transition import card_get
from stores.approvals import approval_needed
from stores.states import Role

CLOSE = "members.card_close"


def card_close_approval(
    *, card_id: int, reason: str, user: Any, now: datetime, cash: bool = False
) -> Approval | None:
    """Close a card and pay it back, or ask for it where ``user`` may not pay that much alone.

    Returns the request that now waits, None when it is done. Raises ApprovalPending and what
    ``card_close_refund`` raises.
    """
    card = card_get(card_id=card_id)
    actor = Actor.user(user)
    amount_fen = _amount(card.pk, now)
    if approval_needed(
        user=user,
        kind=CLOSE,
        amount_fen=amount_fen,
        operator_id=card.operator_id,
        store_id=None,
        now=now,
    ):
        return approval_request(
            kind=CLOSE,
            subject_type=Card._meta.label_lower,
            subject_id=card.pk,
            reason=reason,
            actor=actor,
            now=now,
            params={"cash": cash},
            amount_fen=amount_fen,
            operator_id=card.operator_id,
        )
    card_close_refund(card_id=card.pk, reason=reason, actor=actor, now=now, cash=cash)
    return None


def _amount(card_id: int, now: datetime) -> int:
    return sum(lot.amount_fen for lot in card_close_preview(card_id=card_id, now=now))


def _run(approval: Approval, *, actor: Actor, now: datetime) -> None:
    payback = card_close_refund(
        card_id=approval.subject_id,
        reason=approval.reason,
        actor=actor,
        now=now,
        cash=approval.params["cash"],
    )
    if payback.amount_fen != approval.amount_fen:
        # Spent from, topped up or older since it was asked for: it has to be asked again.
        raise Conflict()


def _describe(approval: Approval) -> str:
    card = Card.objects.get(pk=approval.subject_id)
    return _("Card {card} is closed and {amount} of principal is paid back.").format(
        card=card.no, amount=yuan(approval.amount_fen)
    )


CLOSE_KIND = ApprovalKind(
    code=CLOSE,
    label=gettext_lazy("card paid back above the limit"),
    permission="members.change_card",
    run=_run,
    describe=_describe,
    limits={
        "alone": {Role.SERVICE: 20_000, Role.FINANCE: 200_000, Role.HEADQUARTERS: None},
        "check": {Role.FINANCE: None, Role.HEADQUARTERS: None},
    },
)


def register() -> None:
    register_approval(CLOSE_KIND)
