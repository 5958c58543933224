"""What is left of a void batch goes to its buyer by bank transfer; much of it by two people."""

from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.approvals import ApprovalKind, approval_request
from config.kernel.approvals import register_kind as register_approval
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import record
from config.kernel.models import Approval
from config.kernel.money import yuan
from members.events import CardBatchPaidOut
from members.locks import batch_lock
from members.models import CardBatch
from members.services.card_payback import PaybackPaid, PaybackReceiptWrong
from stores.approvals import approval_needed
from stores.ledger import AccountSpec, Draft, accounts_ensure, post
from stores.models import Transfer
from stores.states import Role

PAYOUT = "members.card_batch_payout"


class BatchNotVoid(Conflict):
    code = "card_batch_not_void"
    message = gettext_lazy("Nothing of this batch is owed: it is not void, or nothing was left.")


def batch_owed_fen(*, batch: CardBatch) -> int:
    """What was left in ``batch`` when it was voided, in fen; 0 while it is not."""
    rows = Transfer.objects.filter(key=f"card.batch_void:{batch.no}")
    return rows.values_list("amount", flat=True).first() or 0


def card_batch_payout(
    *, batch_id: int, reference: str, paid_on: date, reason: str, user: Any, now: datetime
) -> Approval | None:
    """Say that the buyer was paid, as ``reference`` and ``paid_on`` tell, or ask for it where
    ``user`` may not pay that much alone.

    Returns the request that now waits, None when it is done. Raises NotFound, BatchNotVoid,
    PaybackPaid, PaybackReceiptWrong, ApprovalPending.
    """
    batch = CardBatch.objects.filter(pk=batch_id).first()
    if batch is None:
        raise NotFound()
    amount_fen = _check(batch, reference, paid_on, now)
    if approval_needed(
        user=user,
        kind=PAYOUT,
        amount_fen=amount_fen,
        operator_id=batch.operator_id,
        store_id=None,
        now=now,
    ):
        return approval_request(
            kind=PAYOUT,
            subject_type=CardBatch._meta.label_lower,
            subject_id=batch.pk,
            reason=reason,
            actor=Actor.user(user),
            now=now,
            params={"reference": reference, "paid_on": paid_on.isoformat()},
            amount_fen=amount_fen,
            operator_id=batch.operator_id,
        )
    _pay(batch.pk, reference, paid_on, reason, Actor.user(user), now)
    return None


def _check(batch: CardBatch, reference: str, paid_on: date, now: datetime) -> int:
    if batch.paid_at is not None:
        raise PaybackPaid()
    amount_fen = batch_owed_fen(batch=batch)
    if batch.voided_at is None or not amount_fen:
        raise BatchNotVoid()
    if not reference.strip() or not (
        clock.local_date(batch.voided_at) <= paid_on <= clock.local_date(now)
    ):
        raise PaybackReceiptWrong()
    return amount_fen


def _pay(
    batch_id: int, reference: str, paid_on: date, reason: str, actor: Actor, now: datetime
) -> None:
    with transaction.atomic():
        batch = batch_lock(batch_id=batch_id)
        if batch is None:
            raise NotFound()
        amount_fen = _check(batch, reference, paid_on, now)
        CardBatch.objects.filter(pk=batch.pk).update(
            paid_at=now, paid_on=paid_on, paid_reference=reference.strip()[:64]
        )
        operator = batch.operator
        payable, bank = f"card.payable:{operator.code}", f"bank:{operator.code}"
        ids = accounts_ensure(
            [AccountSpec(code, operator_id=operator.pk) for code in (payable, bank)]
        )
        post(
            [
                Draft(
                    debit_id=ids[payable],
                    credit_id=ids[bank],
                    amount=amount_fen,
                    code="card.batch_payout",
                    key=f"card.batch_payout:{batch.no}",
                    reference=batch.no,
                )
            ],
            now=now,
        )
        event = CardBatchPaidOut(subject_id=batch.pk, reason=reason, amount_fen=amount_fen)
        record([event], actor=actor, now=now)


def _run(approval: Approval, *, actor: Actor, now: datetime) -> None:
    paid_on = date.fromisoformat(approval.params["paid_on"])
    reference = approval.params["reference"]
    _pay(approval.subject_id, reference, paid_on, approval.reason, actor, now)


def _describe(approval: Approval) -> str:
    batch = CardBatch.objects.get(pk=approval.subject_id)
    return _("{amount} that is left of void batch {batch} is paid out: {reference}, {day}.").format(
        amount=yuan(approval.amount_fen),
        batch=batch.no,
        reference=approval.params["reference"],
        day=approval.params["paid_on"],
    )


PAYOUT_KIND = ApprovalKind(
    code=PAYOUT,
    label=gettext_lazy("void batch of cards paid out above the limit"),
    permission="members.change_cardbatch",
    run=_run,
    describe=_describe,
    limits={
        "alone": {Role.FINANCE: 200_000, Role.HEADQUARTERS: None},
        "check": {Role.FINANCE: None, Role.HEADQUARTERS: None},
    },
)


def register() -> None:
    register_approval(PAYOUT_KIND)
