"""What buying a card and topping it up have in common: checks, and the lot itself."""

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.money import yuan
from config.kernel.numbers import new_no
from members.card_rules import CardRules
from members.guards import CardRefused
from members.models import Card, CardIdentity, CardLot, CardProduct
from members.services.card_offer import card_offer_take
from members.states import PayerKind
from stores.ledger import AccountSpec, Draft, DuplicateTransfer, accounts_ensure, post


class CardLimitExceeded(CardRefused):
    code = "card_limit_exceeded"
    message = _("A card of this kind may hold at most {limit}.")


class CardAmountRefused(CardRefused):
    """Not the product's amount, or not between its least and its most."""

    code = "card_amount_refused"
    message = _("This amount cannot be put on such a card.")


class CardCashRefused(CardRefused):
    code = "card_cash_refused"
    message = _("So much has to be paid by transfer, not in cash.")


@dataclass(frozen=True, slots=True)
class Purchase:
    """What is put on a card at once: fen, where the money is, and the words that name it.

    ``key`` is unique to the purchase, ``reference`` the order's number, ``code`` that of the
    transfer. ``source`` is a hash of where it came from, if known.
    """

    principal_fen: int
    bonus_fen: int
    funding_account_id: int
    reference: str
    key: str
    code: str
    source: str = ""


def amount_check(*, product: CardProduct, principal_fen: int, first: bool) -> None:
    """Raise CardAmountRefused. A fixed price is that of buying; a top-up of such a card may be of
    any amount."""
    if product.min_fen is not None and product.max_fen is not None:
        fits = product.min_fen <= principal_fen <= product.max_fen
    else:
        fits = principal_fen == product.price_fen if first else principal_fen > 0
    if not fits:
        raise CardAmountRefused()


def way_check(
    *, rules: CardRules, way: str, amount_fen: int, payer: str = PayerKind.PERSON
) -> None:
    """Raise CardCashRefused for more cash than the law wants to see."""
    if not rules.payable_by(way=way, payer=payer, amount_fen=amount_fen):
        raise CardCashRefused()


def limit_check(*, product: CardProduct, rules: CardRules, value_fen: int) -> int:
    """The limit that applies to a card that would hold ``value_fen``, in fen: the product's or
    the policy's. Raises CardLimitExceeded above it."""
    limit = min(product.limit_fen, rules.limit_fen(named=product.named))
    if value_fen > limit:
        raise CardLimitExceeded(limit=yuan(limit))
    return limit


def bonus_by_offer(
    *,
    offer_id: int | None,
    product: CardProduct,
    member_id: int,
    store_id: int | None,
    principal_fen: int,
    bonus_fen: int,
    key: str,
    actor: Actor,
    now: datetime,
) -> int:
    """The bonus in fen: the offer's, taken now unless its order took it when it was placed; or
    ``bonus_fen`` as said. Raises TopUpOfferGone."""
    if offer_id is None:
        return bonus_fen
    use = card_offer_take(
        offer_id=offer_id,
        card_product_id=product.pk,
        member_id=member_id,
        store_id=store_id,
        principal_fen=principal_fen,
        key=key,
        actor=actor,
        now=now,
    )
    return use.bonus_fen


def lot_make(
    *,
    card: Card,
    purchase: Purchase,
    limit_fen: int,
    identity: CardIdentity | None,
    now: datetime,
    bonus_code: str = "card.bonus",
) -> CardLot:
    """The lot and its two accounts; principal out of the funding account, bonus out of the
    issuer's ``bonus.granted``. Raises DuplicateTransfer, InsufficientFunds."""
    if CardLot.objects.filter(key=purchase.key).exists():
        raise DuplicateTransfer()
    operator = card.operator
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
    lot = CardLot.objects.create(
        card=card,
        principal_id=ids[principal],
        bonus_id=ids[bonus],
        reference=purchase.reference,
        key=purchase.key,
        limit_fen=limit_fen,
        identity=identity,
        source=purchase.source,
        created_at=now,
    )
    drafts = [
        Draft(
            debit_id=debit_id,
            credit_id=credit_id,
            amount=amount,
            code=code,
            key=f"{name}:{purchase.key}",
            reference=purchase.reference,
        )
        for debit_id, credit_id, amount, code, name in (
            (
                purchase.funding_account_id,
                ids[principal],
                purchase.principal_fen,
                purchase.code,
                purchase.code,
            ),
            (ids[granted], ids[bonus], purchase.bonus_fen, bonus_code, "card.bonus"),
        )
        if amount
    ]
    post(drafts, now=now)
    return lot
