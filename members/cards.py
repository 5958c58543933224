"""Arithmetic of stored value: pure, no ORM, no clock. Amounts in fen."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from config.kernel.money import allocate

PartKind = Literal["card_principal", "card_bonus"]

# 单用途商业预付卡管理办法 (商务部令2012-9): what one card may hold.
NAMED_LIMIT_FEN = 500_000
UNNAMED_LIMIT_FEN = 100_000


def legal_limit_fen(*, named: bool) -> int:
    """¥5,000 on a named card, ¥1,000 on an unnamed one, in fen."""
    return NAMED_LIMIT_FEN if named else UNNAMED_LIMIT_FEN


@dataclass(frozen=True, slots=True)
class LotValue:
    """What can be spent of one lot: balance minus what is held."""

    lot_id: int
    card_id: int
    card_no: str
    operator_id: int
    principal_id: int
    principal_fen: int
    bonus_id: int
    bonus_fen: int

    @property
    def value_fen(self) -> int:
        return self.principal_fen + self.bonus_fen


@dataclass(frozen=True, slots=True)
class CardPart:
    """``amount_fen`` (> 0) out of the principal or the bonus account of a lot."""

    lot_id: int
    account_id: int
    kind: PartKind
    card_id: int
    card_no: str
    amount_fen: int


def card_split(lots: Sequence[LotValue], amount_fen: int) -> list[CardPart]:
    """Take ``amount_fen`` (>= 0) out of ``lots``, in the order given (oldest first).

    Within a lot principal and bonus go in proportion to what is left of each, so that bonus is
    neither spent first nor left over. The parts add up exactly, none is empty and none exceeds
    its account. Raises ValueError when there is not enough.
    """
    if amount_fen < 0:
        raise ValueError("card_split: the amount may not be negative")
    parts: list[CardPart] = []
    rest = amount_fen
    for lot in lots:
        taken = min(rest, lot.value_fen)
        if not taken:
            continue
        rest -= taken
        principal, bonus = allocate(taken, [lot.principal_fen, lot.bonus_fen])
        halves: tuple[tuple[PartKind, int, int], ...] = (
            ("card_principal", lot.principal_id, principal),
            ("card_bonus", lot.bonus_id, bonus),
        )
        for kind, account_id, amount in halves:
            if amount:
                parts.append(
                    CardPart(lot.lot_id, account_id, kind, lot.card_id, lot.card_no, amount)
                )
    if rest:
        raise ValueError(f"card_split: {rest} fen are missing")
    return parts
