"""Cards sold together and handed out as codes (团购): sold, made, voided."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import record
from config.kernel.numbers import new_no
from members.activation import activation_code, code_hash
from members.events import CardActivationChanged, CardBatchSold, CardBatchVoided
from members.locks import batch_lock
from members.models import CardActivation, CardBatch, CardIdentity, CardProduct
from members.selectors_cards import card_rules
from members.services.card_identity import CardIdentityMissing, identity_keep
from members.services.card_lot import amount_check, limit_check, way_check
from members.states import ActivationState
from stores.ledger import AccountSpec, Draft, DuplicateTransfer, accounts_ensure, post
from stores.models import Account

MOST = 100_000


class CardBatchInvalid(Conflict):
    code = "card_batch_invalid"
    message = _("A batch is of one to {most} cards.")


def card_batch_sell(
    *,
    card_product_id: int,
    count: int,
    payer: str,
    way: str,
    funding_account_id: int,
    reference: str,
    key: str,
    actor: Actor,
    now: datetime,
    principal_fen: int | None = None,
    bonus_fen: int = 0,
    identity_id: int | None = None,
    activate_days: int | None = None,
) -> CardBatch:
    """``count`` cards of ``principal_fen`` (the product's price) each are sold; the money is in
    the batch's own account until they are activated. The codes are made by ``card_batch_make``.

    ``payer`` (person, company) and ``way`` are held to the policy: who pays that much does so by
    transfer, and is in the register (``identity_id``). Raises NotFound, CardBatchInvalid,
    CardAmountRefused, CardLimitExceeded, CardCashRefused, CardIdentityMissing,
    DuplicateTransfer for a ``key`` that was sold.
    """
    if not 1 <= count <= MOST:
        raise CardBatchInvalid(most=MOST)
    with transaction.atomic():
        product = CardProduct.objects.select_related("operator").filter(pk=card_product_id).first()
        if product is None:
            raise NotFound()
        operator = product.operator
        each = product.price_fen if principal_fen is None else principal_fen
        rules = card_rules(operator_code=operator.code, now=now)
        amount_check(product=product, principal_fen=each, first=True)
        limit_check(product=product, rules=rules, value_fen=each + bonus_fen)
        way_check(rules=rules, way=way, amount_fen=count * each, payer=payer)
        identity = _buyer(identity_id, now)
        if identity is None and rules.identity_needed(named=product.named, amount_fen=count * each):
            raise CardIdentityMissing()
        if CardBatch.objects.filter(key=key).exists():
            raise DuplicateTransfer()
        no = new_no("CB")
        account = AccountSpec(f"card.batch:{no}", operator_id=operator.pk, guarded=True)
        account_id = accounts_ensure([account])[account.code]
        batch = CardBatch.objects.create(
            no=no,
            product=product,
            operator=operator,
            account_id=account_id,
            count=count,
            principal_fen=each,
            bonus_fen=bonus_fen,
            payer=payer,
            way=way,
            identity=identity,
            reference=reference,
            key=key,
            sold_at=now,
            activate_until=None if activate_days is None else now + timedelta(days=activate_days),
        )
        paid = Draft(
            debit_id=funding_account_id,
            credit_id=account_id,
            amount=count * each,
            code="card.batch",
            key=f"card.batch:{key}",
            reference=no,
        )
        post([paid], now=now)
        event = CardBatchSold(subject_id=batch.pk, count=count, principal_fen=each)
        record([event], actor=actor, now=now)
    return batch


def card_batch_make(*, batch_id: int, limit: int = 1_000) -> int:
    """Make up to ``limit`` more codes of the batch; returns how many. Call until it returns 0: an
    interrupted run goes on where it stopped. Raises NotFound."""
    with transaction.atomic():
        batch = batch_lock(batch_id=batch_id)
        if batch is None:
            raise NotFound()
        more = 0 if batch.voided_at else min(limit, batch.count - batch.made)
        CardActivation.objects.bulk_create(
            CardActivation(
                batch=batch,
                serial=serial,
                code_hash=code_hash(activation_code(batch.no, serial)),
                state=ActivationState.OPEN,
            )
            for serial in range(batch.made + 1, batch.made + more + 1)
        )
        CardBatch.objects.filter(pk=batch.pk).update(made=batch.made + more)
    return more


def card_batch_void(*, batch_id: int, reason: str, actor: Actor, now: datetime) -> int:
    """No code that is left can be used any more; their money waits in ``card.payable:{issuer}``
    for the buyer. Returns the fen. Raises NotFound, Conflict when it was voided before."""
    with transaction.atomic():
        batch = batch_lock(batch_id=batch_id)
        if batch is None:
            raise NotFound()
        if batch.voided_at is not None:
            raise Conflict()
        voided = _void_transition(batch=batch, reason=reason, actor=actor, now=now)
        CardBatch.objects.filter(pk=batch.pk).update(voided_at=now)
        # Whoever was activating a code has committed, or will find it void.
        left = Account.objects.get(pk=batch.account_id).balance
        operator = batch.operator
        payable = AccountSpec(f"card.payable:{operator.code}", operator_id=operator.pk)
        draft = Draft(
            debit_id=batch.account_id,
            credit_id=accounts_ensure([payable])[payable.code],
            amount=left,
            code="card.batch_void",
            key=f"card.batch_void:{batch.no}",
            reference=batch.no,
        )
        post([draft] if left else [], now=now)
        event = CardBatchVoided(subject_id=batch.pk, reason=reason, count=voided, amount_fen=left)
        record([event], actor=actor, now=now)
    return left


def _void_transition(*, batch: CardBatch, reason: str, actor: Actor, now: datetime) -> int:
    """Every open code of the batch at once; waits for those that are being used."""
    codes = CardActivation.objects.filter(batch=batch, state=ActivationState.OPEN)
    pks = set(codes.values_list("pk", flat=True))
    codes.update(state=ActivationState.VOID, ended_at=now)
    void = CardActivation.objects.filter(
        batch=batch, state=ActivationState.VOID, pk__in=pks
    ).values_list("pk", flat=True)
    events = [
        CardActivationChanged(
            subject_id=pk,
            from_state=ActivationState.OPEN,
            to_state=ActivationState.VOID,
            reason=reason,
            batch_id=batch.pk,
        )
        for pk in void
    ]
    record(events, actor=actor, now=now)
    return len(events)


def _buyer(identity_id: int | None, now: datetime) -> CardIdentity | None:
    if identity_id is None:
        return None
    if not identity_keep(identity_id=identity_id, now=now):
        raise NotFound()
    return CardIdentity.objects.get(pk=identity_id)
