"""Issue a stored-value card that has been paid for."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import record
from config.kernel.money import yuan
from config.kernel.numbers import new_no
from members.cards import legal_limit_fen
from members.events import CardChanged
from members.models import Card, CardLot, CardProduct
from members.states import CardState
from stores.ledger import AccountSpec, Draft, DuplicateTransfer, accounts_ensure, post

# 单用途商业预付卡管理办法: an unnamed card is valid for three years or more.
UNNAMED_VALID = timedelta(days=3 * 366)


class CardLimitExceeded(Conflict):
    code = "card_limit_exceeded"
    message = _("A card of this kind may hold at most {limit}.")


def card_issue(
    *,
    member_id: int,
    card_product_id: int,
    funding_account_id: int,
    reference: str,
    key: str,
    actor: Actor,
    now: datetime,
) -> Card:
    """A new card of ``card_product_id`` with one lot: principal out of ``funding_account_id``,
    bonus out of the issuer's ``bonus.granted``. ``reference`` is the order's number.

    Raises NotFound, CardLimitExceeded (principal + bonus against the product's limit and the
    law's), DuplicateTransfer when ``key`` was issued before.
    """
    with transaction.atomic():
        product = CardProduct.objects.select_related("operator").filter(pk=card_product_id).first()
        if product is None:
            raise NotFound()
        limit = min(product.limit_fen, legal_limit_fen(named=product.named))
        if product.price_fen + product.bonus_fen > limit:
            raise CardLimitExceeded(limit=yuan(limit))
        if CardLot.objects.filter(key=key).exists():
            raise DuplicateTransfer()
        card = Card.objects.create(
            no=new_no("SC"),
            product=product,
            operator=product.operator,
            member_id=member_id,
            state=CardState.ACTIVE,
            issued_at=now,
            expires_at=None if product.named else now + UNNAMED_VALID,
        )
        _lot(card, product, funding_account_id, reference, key, now)
        issued = CardChanged(subject_id=card.pk, to_state=CardState.ACTIVE, member_id=member_id)
        record([issued], actor=actor, now=now)
    return card


def _lot(
    card: Card, product: CardProduct, funding_id: int, reference: str, key: str, now: datetime
) -> None:
    operator = product.operator
    lot_key = new_no("")
    principal, bonus = f"card.p:{lot_key}", f"card.b:{lot_key}"
    granted = f"bonus.granted:{operator.code}"
    ids = accounts_ensure(
        [
            AccountSpec(principal, operator_id=operator.pk, guarded=True),
            AccountSpec(bonus, operator_id=operator.pk, guarded=True),
            AccountSpec(granted, operator_id=operator.pk),
        ]
    )
    CardLot.objects.create(
        card=card,
        principal_id=ids[principal],
        bonus_id=ids[bonus],
        reference=reference,
        key=key,
        created_at=now,
    )
    drafts = [
        Draft(
            debit_id=funding_id,
            credit_id=ids[principal],
            amount=product.price_fen,
            code="card.issue",
            key=f"card.issue:{key}",
            reference=reference,
        )
    ]
    if product.bonus_fen:
        drafts.append(
            Draft(
                debit_id=ids[granted],
                credit_id=ids[bonus],
                amount=product.bonus_fen,
                code="card.bonus",
                key=f"card.bonus:{key}",
                reference=reference,
            )
        )
    post(drafts, now=now)
