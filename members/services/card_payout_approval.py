"""Paying a closed card's holder by hand above what one may pay alone: asked of a second person."""

from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.actors import Actor
from config.kernel.approvals import ApprovalKind, approval_request
from config.kernel.approvals import register_kind as register_approval
from config.kernel.errors import NotFound
from config.kernel.models import Approval
from config.kernel.money import yuan
from members.models import CardPaybackLine
from members.services.card_payback import card_payback_check, card_payback_pay
from stores.approvals import approval_needed
from stores.states import Role

PAYOUT = "members.card_payout"


def card_payout_approval(
    *, line_id: int, reference: str, paid_on: date, reason: str, user: Any, now: datetime
) -> Approval | None:
    """Say that a line was paid, or ask for it where ``user`` may not pay that much alone.

    Returns the request that now waits, None when it is done. Raises ApprovalPending and what
    ``card_payback_pay`` raises.
    """
    line = (
        CardPaybackLine.objects.select_related("payback__card__operator").filter(pk=line_id).first()
    )
    if line is None:
        raise NotFound()
    operator_id = line.payback.card.operator_id
    actor = Actor.user(user)
    if approval_needed(
        user=user,
        kind=PAYOUT,
        amount_fen=line.amount_fen,
        operator_id=operator_id,
        store_id=None,
        now=now,
    ):
        card_payback_check(line=line, reference=reference, paid_on=paid_on, now=now)
        return approval_request(
            kind=PAYOUT,
            subject_type=CardPaybackLine._meta.label_lower,
            subject_id=line.pk,
            reason=reason,
            actor=actor,
            now=now,
            params={
                "reference": reference,
                "paid_on": paid_on.isoformat(),
                "way": line.way,
                "user": user.pk,
            },
            amount_fen=line.amount_fen,
            operator_id=operator_id,
        )
    card_payback_pay(
        line_id=line.pk,
        reference=reference,
        paid_on=paid_on,
        user_id=user.pk,
        reason=reason,
        actor=actor,
        now=now,
    )
    return None


def _run(approval: Approval, *, actor: Actor, now: datetime) -> None:
    card_payback_pay(
        line_id=approval.subject_id,
        reference=approval.params["reference"],
        paid_on=date.fromisoformat(approval.params["paid_on"]),
        user_id=approval.params["user"],
        reason=approval.reason,
        actor=actor,
        now=now,
    )


def _describe(approval: Approval) -> str:
    line = CardPaybackLine.objects.select_related("payback__card").get(pk=approval.subject_id)
    return _("{amount} of closed card {card} is paid out: {reference}, {day}.").format(
        amount=yuan(approval.amount_fen),
        card=line.payback.card.no,
        reference=approval.params["reference"],
        day=approval.params["paid_on"],
    )


PAYOUT_KIND = ApprovalKind(
    code=PAYOUT,
    label=gettext_lazy("closed card paid out above the limit"),
    permission="members.change_cardpaybackline",
    run=_run,
    describe=_describe,
    limits={
        "alone": {Role.FINANCE: 200_000, Role.HEADQUARTERS: None},
        "check": {Role.FINANCE: None, Role.HEADQUARTERS: None},
    },
)


def register() -> None:
    register_approval(PAYOUT_KIND)
