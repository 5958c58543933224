"""Guards of stored value: what leaves a card, is set aside on it, or comes back.

Each is one statement over members' tables and one of the ledger. Card rows are share-locked
first (a freeze waits, and is waited for), accounts after them, by ``stores.ledger``. A refusal
undoes the caller's innermost transaction: whoever goes on afterwards wraps the call in an
``atomic()`` of its own. Keys derive from reference and account, so a repeat raises
DuplicateTransfer instead of moving value twice.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from members.cards import CardPart
from members.events import CardHoldChanged
from members.guards_part import part_of_hold
from members.guards_statements import END, HOLD, SPENDABLE, SPENT
from stores.guards import event_values
from stores.ledger import (
    AccountSpec,
    Draft,
    DuplicateTransfer,
    accounts_ensure,
    hold,
    post,
    unhold,
)


class CardRefused(Conflict):
    """What cannot be bought, topped up or spent as agreed: every refusal of a card is one."""

    code = "card_refused"
    message = _("This cannot be done with this card.")


class CardNotUsable(CardRefused):
    """Frozen, closed, expired, or not the card that the value was said to be on."""

    code = "card_not_usable"
    message = _("This card cannot be used now.")


class CardNotAccepted(CardRefused):
    """The product is limited to operators or stores, and this is none of them."""

    code = "card_not_accepted"
    message = _("This card is not accepted here.")


class HoldNotOpen(Conflict):
    code = "hold_not_open"
    message = _("The stored value is no longer set aside for this order.")


def card_hold(
    *,
    card_id: int,
    parts: Sequence[CardPart],
    reference: str,
    expires_at: datetime,
    actor: Actor,
    now: datetime,
    acceptor_code: str = "",
    store_code: str = "",
) -> int:
    """Set ``parts`` of one card aside for the order ``reference``. Two statements. Returns the
    hold's id. The operator that is said here is the only one that can capture it; a card that is
    limited to some needs it said.

    Raises CardNotUsable (no longer the member's, too), CardNotAccepted, InsufficientFunds,
    DuplicateTransfer (already held).
    """
    amounts = _per_account((p.account_id, p.amount_fen) for p in parts)
    with transaction.atomic(savepoint=False):
        ((hold_id, foreign),) = _rows(
            HOLD,
            amounts,
            card_id=card_id,
            reference=reference,
            expires_at=expires_at,
            consume=str(parts[0].consume) if parts else "proportional",
            member=_holder(parts),
            acceptor=acceptor_code,
            store=store_code,
            **event_values(CardHoldChanged, actor=actor, now=now),
        )
        if hold_id is None:
            if _hold_state(reference) is not None:
                raise DuplicateTransfer()
            raise CardNotAccepted() if foreign else CardNotUsable()
        hold(amounts)
    return hold_id


def card_capture(
    *,
    reference: str,
    acceptor_code: str,
    now: datetime,
    actor: Actor,
    amount_fen: int | None = None,
) -> int:
    """What is held for ``reference`` is spent at the operator ``acceptor_code``; of it only
    ``amount_fen`` when that is said, by the consumption the hold was made with, and the rest is
    given back. Two statements, one more for a part.

    Returns the fen moved. Raises DuplicateTransfer when it was captured before, HoldNotOpen when
    it was released, expired or never held, CardNotUsable when the card was frozen meanwhile or
    another operator was said at the hold; CaptureInvalid for more than is held, or nothing.
    """
    with transaction.atomic(savepoint=False):
        parts = (
            None if amount_fen is None else part_of_hold(reference=reference, amount_fen=amount_fen)
        )
        captured = None if parts is None else amount_fen
        rows = _end("captured", reference, acceptor_code, actor, now, captured)
        if not rows:
            raise DuplicateTransfer() if _hold_state(reference) == "captured" else HoldNotOpen()
        return _spend(rows, reference, acceptor_code, now, held=True, parts=parts)


def card_release(*, reference: str, now: datetime, actor: Actor) -> int:
    """Give back what is held for ``reference``. Returns the fen; 0 when nothing is held, so an
    order without a card and a repeat are alike. One or two statements."""
    with transaction.atomic(savepoint=False):
        rows = _end("released", reference, "", actor, now)
        amounts = _per_account((row[0], row[1]) for row in rows)
        unhold(amounts)
    return sum(amounts.values())


def card_spend(
    *,
    parts: Sequence[CardPart],
    reference: str,
    acceptor_code: str,
    now: datetime,
    store_code: str = "",
) -> int:
    """Spend ``parts`` at the operator ``acceptor_code`` at once. Two statements. Returns the fen
    moved. Raises CardNotUsable, CardNotAccepted, InsufficientFunds, DuplicateTransfer."""
    amounts = _per_account((p.account_id, p.amount_fen) for p in parts)
    with transaction.atomic(savepoint=False):
        found = _rows(
            SPENDABLE,
            amounts,
            acceptor=acceptor_code,
            store=store_code,
            member=_holder(parts),
            now=now,
        )
        rows = _in_order(found, amounts)
        if len(rows) != len(amounts):
            raise CardNotUsable()
        if all(row[2] for row in rows) and not all(row[6] for row in rows):
            raise CardNotAccepted()
        return _spend(rows, reference, acceptor_code, now, held=False)


def card_refund(
    *,
    items: Sequence[tuple[int, int]],
    reference: str,
    key: str,
    acceptor_code: str,
    now: datetime,
) -> int:
    """Give value back: ``items`` are (lot account, fen), into exactly the accounts it came from.

    ``reference`` is the order, ``key`` the refund. Where one spend of that order on that account
    exists, the transfer reverses it and can never exceed it. A frozen card takes value back: it
    lets none out. Two statements. Returns the fen moved. Raises DuplicateTransfer,
    ReversalTooLarge, CardNotUsable when an account belongs to no card.
    """
    amounts = _per_account(items)
    with transaction.atomic(savepoint=False):
        found = _rows(
            SPENT,
            amounts,
            acceptor=acceptor_code,
            store="",
            member=None,
            reference=reference,
            now=now,
        )
        rows = _in_order(found, amounts)
        if len(rows) != len(amounts):
            raise CardNotUsable()
        sales = _sales_accounts(rows, acceptor_code)
        drafts = [
            Draft(
                debit_id=sales[issuer],
                credit_id=account_id,
                amount=amount,
                code="card.refund",
                key=f"card.refund:{key}:{account_id}",
                reference=reference,
                reverses_id=spend_id,
            )
            for account_id, amount, _usable, issuer, _issuer_id, _sales_id, spend_id in rows
        ]
        post(drafts, now=now)
    return sum(amounts.values())


def _spend(
    rows: list[tuple[Any, ...]],
    reference: str,
    acceptor_code: str,
    now: datetime,
    *,
    held: bool,
    parts: Mapping[int, int] | None = None,
) -> int:
    """``parts`` (account → fen) when less is spent than ``rows`` say is released."""
    if not all(usable for _account, _amount, usable, *_rest in rows):
        raise CardNotUsable()
    release = {account_id: amount for account_id, amount, *_rest in rows} if held else None
    if parts is not None:
        rows = [(row[0], parts[row[0]], *row[2:]) for row in rows if row[0] in parts]
    sales = _sales_accounts(rows, acceptor_code)
    drafts = [
        Draft(
            debit_id=account_id,
            credit_id=sales[issuer],
            amount=amount,
            code="card.spend",
            key=f"card.spend:{reference}:{account_id}",
            reference=reference,
        )
        for account_id, amount, _usable, issuer, *_rest in rows
    ]
    post(drafts, now=now, release=release)
    return sum(draft.amount for draft in drafts)


def _sales_accounts(rows: list[tuple[Any, ...]], acceptor_code: str) -> dict[str, int]:
    """``sales.card:{issuer}:{acceptor}`` by issuer code; made when a first sale needs it."""
    found = {row[3]: row[5] for row in rows if row[5] is not None}
    issuers = {row[3]: row[4] for row in rows if row[3] not in found}
    if issuers:
        specs = {
            code: AccountSpec(f"sales.card:{code}:{acceptor_code}", operator_id=pk)
            for code, pk in issuers.items()
        }
        ids = accounts_ensure(list(specs.values()))
        found |= {code: ids[spec.code] for code, spec in specs.items()}
    return found


def _holder(parts: Sequence[CardPart]) -> int | None:
    """The one member the parts were read for; None when that was not said."""
    holders = {part.member_id for part in parts if part.member_id}
    if len(holders) > 1:
        raise ValueError("the parts of one payment are one member's")
    return holders.pop() if holders else None


def _end(
    to_state: str,
    reference: str,
    acceptor_code: str,
    actor: Actor,
    now: datetime,
    captured_fen: int | None = None,
) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(
            END,
            {
                "to_state": to_state,
                "reference": reference,
                "acceptor": acceptor_code,
                "captured": captured_fen,
                **event_values(CardHoldChanged, actor=actor, now=now),
            },
        )
        return sorted(cursor.fetchall(), key=itemgetter(0))


def _rows(sql: str, amounts: dict[int, int], **values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"account": list(amounts), "amount": list(amounts.values()), **values})
        return cursor.fetchall()


def _in_order(rows: list[tuple[Any, ...]], amounts: dict[int, int]) -> list[tuple[Any, ...]]:
    """As asked for, so that transfers are booked in that order whatever plan found the rows."""
    place = {account_id: n for n, account_id in enumerate(amounts)}
    return sorted(rows, key=lambda row: place[row[0]])


def _hold_state(reference: str) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT state FROM members_cardhold WHERE reference = %s::text", [reference])
        row = cursor.fetchone()
    return row[0] if row else None


def _per_account(items: Iterable[tuple[int, int]]) -> dict[int, int]:
    amounts: dict[int, int] = defaultdict(int)
    for account_id, amount in items:
        amounts[account_id] += amount
    return dict(amounts)
