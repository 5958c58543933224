"""The statement of a stored-value card: what went on and off it, and what it held after each."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Q, QuerySet

from config.kernel.errors import NotFound
from members.models import CardLot
from stores.models import Transfer

# One pass over each side of the card's own accounts, by their indexes.
_BALANCE = """
SELECT coalesce(sum(amount), 0)::bigint FROM (
  SELECT amount FROM stores_transfer
  WHERE credit_id = ANY(%(accounts)s::bigint[]) AND id <= %(upto)s::bigint
  UNION ALL
  SELECT -amount FROM stores_transfer
  WHERE debit_id = ANY(%(accounts)s::bigint[]) AND id <= %(upto)s::bigint
) AS moved
"""


@dataclass(frozen=True)
class CardBook:
    """A card as its member sees it: account → "principal" or "bonus", and since when it is
    theirs (None: always)."""

    parts: dict[int, str]
    since: datetime | None

    def signed(self, transfer: Transfer) -> int:
        """Fen onto the card, negative off it."""
        return transfer.amount if transfer.credit_id in self.parts else -transfer.amount

    def part(self, transfer: Transfer) -> str:
        on = transfer.credit_id in self.parts
        return self.parts[transfer.credit_id if on else transfer.debit_id]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line with what the card held after it, principal and bonus together."""

    transfer: Transfer
    part: str
    amount_fen: int
    balance_fen: int


def card_book(*, card_no: str, member_id: int) -> CardBook:
    """Raises NotFound: nobody's card, or somebody else's. One statement."""
    rows = CardLot.objects.filter(card__no=card_no, card__member_id=member_id).values_list(
        "principal_id", "bonus_id", "card__held_since"
    )
    parts: dict[int, str] = {}
    since = None
    for principal, bonus, held_since in rows:
        parts |= {principal: "principal", bonus: "bonus"}
        since = held_since
    if not parts:
        # A card has a lot from its first moment.
        raise NotFound()
    return CardBook(parts, since)


def card_transfers(
    book: CardBook, *, since: datetime | None = None, until: datetime | None = None
) -> QuerySet[Transfer]:
    """The card's transfers from ``since`` to before ``until``, never from before it was its
    member's."""
    ids = list(book.parts)
    found = Transfer.objects.filter(Q(debit__in=ids) | Q(credit__in=ids))
    begins = [moment for moment in (since, book.since) if moment is not None]
    if begins:
        found = found.filter(occurred_at__gte=max(begins))
    return found if until is None else found.filter(occurred_at__lt=until)


def card_entries(book: CardBook, page: Sequence[Transfer]) -> list[Entry]:
    """``page``, newest first and without gaps, with the balance after each. One statement."""
    if not page:
        return []
    balance = balance_at(book, page[0].pk)
    entries = []
    for transfer in page:
        amount = book.signed(transfer)
        entries.append(Entry(transfer, book.part(transfer), amount, balance))
        balance -= amount
    return entries


def card_entries_all(
    book: CardBook, *, since: datetime | None, until: datetime | None
) -> Iterator[Entry]:
    """Every entry of the period, oldest first, read as it goes."""
    balance: int | None = None
    for transfer in card_transfers(book, since=since, until=until).order_by("pk").iterator(2_000):
        amount = book.signed(transfer)
        balance = balance_at(book, transfer.pk) if balance is None else balance + amount
        yield Entry(transfer, book.part(transfer), amount, balance)


def balance_at(book: CardBook, transfer_id: int) -> int:
    """What was on the card after the transfer, in fen. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(_BALANCE, {"accounts": list(book.parts), "upto": transfer_id})
        return cursor.fetchone()[0]
