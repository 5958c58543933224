"""A batch of cards sold from the console: the buyer on record, the money where it came, and above
a limit two people, because nobody sees the money there."""

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.actors import Actor
from config.kernel.approvals import ApprovalKind, approval_request
from config.kernel.approvals import register_kind as register_approval
from config.kernel.errors import DomainError, NotFound
from config.kernel.models import Approval
from config.kernel.money import yuan
from members.models import CardBatch, CardProduct
from members.services.card_batch import card_batch_sell
from members.services.card_identity import card_identity_record
from members.states import PayerKind, PayWay
from stores.approvals import approval_needed
from stores.ledger import AccountSpec, accounts_ensure
from stores.states import Role

BATCH = "members.card_batch_sell"


class BatchReceiptMissing(DomainError):
    code = "card_batch_receipt_missing"
    message = gettext_lazy("Say the number of the transfer, or of the receipt for the cash.")


def card_batch_approval(
    *,
    product: CardProduct,
    count: int,
    principal_fen: int | None,
    company: tuple[str, str],
    way: str,
    reference: str,
    key: str,
    reason: str,
    user: Any,
    now: datetime,
) -> Approval | CardBatch:
    """Sell ``count`` cards of ``product`` (with its operator) to a company, (name, number), or ask
    for it where ``user`` may not sell that much alone. ``key`` makes a second click the same
    batch.

    Raises BatchReceiptMissing, ApprovalPending, CardIdentityInvalid and what ``card_batch_sell``
    raises.
    """
    known = CardBatch.objects.filter(key=key).first()
    if known is not None:
        return known
    if not reference.strip():
        raise BatchReceiptMissing()
    actor = Actor.user(user)
    each = product.price_fen if principal_fen is None else principal_fen
    operator = product.operator
    with transaction.atomic():
        name, number = company
        identity = card_identity_record(
            member_id=None, kind=PayerKind.COMPANY, name=name, number=number, actor=actor, now=now
        )
        said = {
            "product_id": product.pk,
            "count": count,
            "principal_fen": each,
            "way": way,
            "reference": reference.strip(),
            "identity_id": identity.pk,
            "key": key,
        }
        needed = approval_needed(
            user=user,
            kind=BATCH,
            amount_fen=count * each,
            operator_id=operator.pk,
            store_id=None,
            now=now,
        )
        if not needed:
            return _sell(said, actor, now)
        # What would be refused is not worth a second person's time.
        with transaction.atomic():
            _sell(said, actor, now)
            transaction.set_rollback(True)
        return approval_request(
            kind=BATCH,
            subject_type=CardProduct._meta.label_lower,
            subject_id=product.pk,
            reason=reason,
            actor=actor,
            now=now,
            params=said,
            amount_fen=count * each,
            operator_id=operator.pk,
        )


def _sell(said: dict[str, Any], actor: Actor, now: datetime) -> CardBatch:
    product = CardProduct.objects.select_related("operator").filter(pk=said["product_id"]).first()
    if product is None:
        raise NotFound()
    operator = product.operator
    place = "cash" if said["way"] == PayWay.CASH else "bank"
    money = AccountSpec(f"{place}:{operator.code}", operator_id=operator.pk)
    return card_batch_sell(
        card_product_id=product.pk,
        count=said["count"],
        principal_fen=said["principal_fen"],
        payer=PayerKind.COMPANY,
        way=said["way"],
        funding_account_id=accounts_ensure([money])[money.code],
        reference=said["reference"],
        identity_id=said["identity_id"],
        key=said["key"],
        actor=actor,
        now=now,
    )


def _run(approval: Approval, *, actor: Actor, now: datetime) -> None:
    _sell(approval.params, actor, now)


def _describe(approval: Approval) -> str:
    product = CardProduct.objects.get(pk=approval.params["product_id"])
    return _("{count} cards {product} are sold for {amount}, paid by {way} ({reference}).").format(
        count=approval.params["count"],
        product=product.name,
        amount=yuan(approval.amount_fen),
        way=PayWay(approval.params["way"]).label,
        reference=approval.params["reference"],
    )


BATCH_KIND = ApprovalKind(
    code=BATCH,
    label=gettext_lazy("batch of cards sold above the limit"),
    permission="members.change_cardbatch",
    run=_run,
    describe=_describe,
    limits={
        "alone": {Role.FINANCE: 500_000, Role.HEADQUARTERS: None},
        "check": {Role.FINANCE: None, Role.HEADQUARTERS: None},
    },
)


def register() -> None:
    register_approval(BATCH_KIND)
