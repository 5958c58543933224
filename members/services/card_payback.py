"""The money of a closed card leaves: line by line, the way each one goes, once."""

from datetime import date, datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import Conflict, DomainError, NotFound
from config.kernel.events import record
from config.kernel.states import compare_and_set
from members.events import CardPaybackChanged, CardPaybackRerouted
from members.locks import payback_line_lock
from members.models import CardIdentity, CardPaybackLine
from members.services.card_identity import CardIdentityMissing
from members.states import PAYBACK_MACHINE, PaybackState, PayWay
from stores.ledger import AccountSpec, Draft, accounts_ensure, post


class PaybackBySource(Conflict):
    """It goes back through the gateway; if that fails, staff make a transfer of it there."""

    code = "payback_by_source"
    message = _("This part goes back the way it came. Nobody pays it by hand.")


class PaybackPaid(Conflict):
    code = "payback_paid"
    message = _("This has been paid back already.")


class PaybackReceiptWrong(DomainError):
    code = "payback_receipt_wrong"
    message = _("Say the reference of the payment, and its day: not before the card was closed.")


def payback_transition(
    *,
    line: CardPaybackLine,
    to_state: PaybackState,
    actor: Actor,
    now: datetime,
    reason: str = "",
    **fields: Any,
) -> None:
    """Move a line on by compare-and-set and write the event. Raises IllegalTransition, Conflict."""
    from_state, to = compare_and_set(line, PAYBACK_MACHINE, to_state, **fields)
    event = CardPaybackChanged(
        subject_id=line.pk,
        payback_id=line.payback_id,
        from_state=from_state,
        to_state=to,
        reason=reason,
    )
    record([event], actor=actor, now=now)


def card_payback_settle(
    *,
    line_id: int,
    way: PayWay,
    account_id: int,
    reference: str,
    actor: Actor,
    now: datetime,
    reason: str = "",
    paid_on: date | None = None,
    paid_by_id: int | None = None,
) -> bool:
    """The money of a line has left out of ``account_id``: ``card.payable:{issuer}`` is less by it.

    Whoever sent it calls this in their own transaction. Returns False, and books nothing, when
    the line was paid already. Raises NotFound.
    """
    with transaction.atomic():
        line = _locked(line_id)
        if line.state == PaybackState.PAID:
            return False
        payback_transition(
            line=line,
            to_state=PaybackState.PAID,
            actor=actor,
            now=now,
            reason=reason,
            way=way,
            paid_at=now,
            paid_on=paid_on or clock.local_date(now),
            paid_reference=reference,
            paid_by_id=paid_by_id,
        )
        operator = line.payback.card.operator
        payable = f"card.payable:{operator.code}"
        ids = accounts_ensure([AccountSpec(payable, operator_id=operator.pk)])
        post(
            [
                Draft(
                    debit_id=ids[payable],
                    credit_id=account_id,
                    amount=line.amount_fen,
                    code="card.payout",
                    key=f"card.payout:{line.pk}",
                    reference=line.payback.no,
                )
            ],
            now=now,
        )
    return True


def card_payback_pay(
    *,
    line_id: int,
    reference: str,
    paid_on: date,
    user_id: int,
    reason: str,
    actor: Actor,
    now: datetime,
) -> CardPaybackLine:
    """Somebody has paid a line by bank transfer, or in cash, as ``reference`` and ``paid_on`` say;
    out of ``bank:{issuer}`` or ``cash:{issuer}``.

    Raises NotFound, PaybackPaid, PaybackBySource, PaybackReceiptWrong, and CardIdentityMissing:
    a transfer goes to an account in the name of somebody on record.
    """
    with transaction.atomic():
        line = _locked(line_id)
        card_payback_check(line=line, reference=reference, paid_on=paid_on, now=now)
        operator = line.payback.card.operator
        till = "cash" if line.way == PayWay.CASH else "bank"
        account = f"{till}:{operator.code}"
        ids = accounts_ensure([AccountSpec(account, operator_id=operator.pk)])
        card_payback_settle(
            line_id=line.pk,
            way=PayWay(line.way),
            account_id=ids[account],
            reference=reference.strip()[:64],
            reason=reason,
            paid_on=paid_on,
            paid_by_id=user_id,
            actor=actor,
            now=now,
        )
        line.refresh_from_db()
    return line


def card_payback_check(
    *, line: CardPaybackLine, reference: str, paid_on: date, now: datetime
) -> None:
    """Raise what :func:`card_payback_pay` would. Nothing is changed."""
    if line.state == PaybackState.PAID:
        raise PaybackPaid()
    if line.way == PayWay.SOURCE:
        raise PaybackBySource()
    closed_on = clock.local_date(line.payback.created_at)
    if not reference.strip() or not closed_on <= paid_on <= clock.local_date(now):
        raise PaybackReceiptWrong()
    if line.way == PayWay.TRANSFER and not _on_record(line):
        raise CardIdentityMissing()


def card_payback_reroute(*, line_id: int, reason: str, actor: Actor, now: datetime) -> None:
    """A line cannot go back the way it came: it waits for a bank transfer instead. Raises
    NotFound, PaybackPaid."""
    with transaction.atomic():
        line = _locked(line_id)
        if line.state == PaybackState.PAID:
            raise PaybackPaid()
        if line.way == PayWay.SOURCE:
            CardPaybackLine.objects.filter(pk=line.pk).update(way=PayWay.TRANSFER)
            event = CardPaybackRerouted(
                subject_id=line.pk, payback_id=line.payback_id, reason=reason
            )
            record([event], actor=actor, now=now)


def _locked(line_id: int) -> CardPaybackLine:
    line = payback_line_lock(line_id=line_id)
    if line is None:
        raise NotFound()
    return line


def _on_record(line: CardPaybackLine) -> bool:
    known = CardIdentity.objects.filter(member=line.payback.member_id, replaced_at__isnull=True)
    return known.exists()
