"""Arithmetic of stored value: pure, no ORM, no clock. Amounts in fen."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Literal

from config.kernel.money import allocate
from members.states import Consume

PartKind = Literal["card_principal", "card_bonus"]

# 单用途商业预付卡管理办法 (商务部令2012-9): what one card may hold, in fen.
NAMED_LIMIT_FEN = 500_000
UNNAMED_LIMIT_FEN = 100_000


@dataclass(frozen=True, slots=True)
class LotValue:
    """What can be spent of one lot: balance minus what is held.

    ``member_id`` is the holder it was read for (0: not said), ``consume`` the issuer's policy.
    """

    lot_id: int
    card_id: int
    card_no: str
    operator_id: int
    principal_id: int
    principal_fen: int
    bonus_id: int
    bonus_fen: int
    member_id: int = 0
    consume: str = Consume.PROPORTIONAL

    @property
    def value_fen(self) -> int:
        return self.principal_fen + self.bonus_fen


@dataclass(frozen=True, slots=True)
class CardPart:
    """``amount_fen`` (> 0) out of the principal or the bonus account of a lot. The guards hold it
    to ``member_id`` when that is said: a card that went to another member pays nothing."""

    lot_id: int
    account_id: int
    kind: PartKind
    card_id: int
    card_no: str
    amount_fen: int
    member_id: int = 0
    consume: str = Consume.PROPORTIONAL


def card_split(lots: Sequence[LotValue], amount_fen: int) -> list[CardPart]:
    """Take ``amount_fen`` (>= 0) out of ``lots``, in the order given (oldest first).

    Card by card, by each lot's ``consume``: in proportion to what is left of a lot's principal
    and bonus, lot after lot (bonus is neither spent first nor left over); or all principal of the
    card before any bonus; or all bonus first. The parts add up exactly, none is empty and none
    exceeds its account. Raises ValueError when there is not enough.
    """
    if amount_fen < 0:
        raise ValueError("card_split: the amount may not be negative")
    taken: dict[int, tuple[int, int]] = {}
    rest = amount_fen
    for _key, group in groupby(lots, key=attrgetter("card_id", "consume")):
        card = list(group)
        take = min(rest, sum(lot.value_fen for lot in card))
        rest -= take
        taken |= _take(card, take)
    if rest:
        raise ValueError(f"card_split: {rest} fen are missing")
    return [part for lot in lots for part in _parts(lot, *taken[lot.lot_id])]


def _take(card: Sequence[LotValue], amount_fen: int) -> dict[int, tuple[int, int]]:
    """(principal, bonus) per lot of one card, adding up to ``amount_fen`` <= what is there."""
    if card[0].consume == Consume.PROPORTIONAL:
        taken: dict[int, tuple[int, int]] = {}
        for lot in card:
            part = min(amount_fen, lot.value_fen)
            amount_fen -= part
            principal, bonus = allocate(part, [lot.principal_fen, lot.bonus_fen])
            taken[lot.lot_id] = (principal, bonus)
        return taken
    principals = [lot.principal_fen for lot in card]
    bonuses = [lot.bonus_fen for lot in card]
    if card[0].consume == Consume.PRINCIPAL_FIRST:
        first = min(amount_fen, sum(principals))
        ps, bs = _in_turn(first, principals), _in_turn(amount_fen - first, bonuses)
    else:
        first = min(amount_fen, sum(bonuses))
        ps, bs = _in_turn(amount_fen - first, principals), _in_turn(first, bonuses)
    return {lot.lot_id: (p, b) for lot, p, b in zip(card, ps, bs, strict=True)}


def _in_turn(amount_fen: int, most: Sequence[int]) -> list[int]:
    """``amount_fen`` out of ``most``, the first as far as it goes, then the next."""
    parts = []
    for limit in most:
        part = min(amount_fen, limit)
        amount_fen -= part
        parts.append(part)
    return parts


def _parts(lot: LotValue, principal_fen: int, bonus_fen: int) -> list[CardPart]:
    halves: tuple[tuple[PartKind, int, int], ...] = (
        ("card_principal", lot.principal_id, principal_fen),
        ("card_bonus", lot.bonus_id, bonus_fen),
    )
    return [
        CardPart(
            lot.lot_id,
            account_id,
            kind,
            lot.card_id,
            lot.card_no,
            amount,
            lot.member_id,
            lot.consume,
        )
        for kind, account_id, amount in halves
        if amount
    ]


@dataclass(frozen=True, slots=True)
class PaybackPart:
    """What closing a card does to one lot, in fen: ``amount`` goes back to the payer, ``charged``
    of the principal pays for bonus that was spent, ``withdrawn`` bonus is taken away. ``returned``
    of the amount was charged before, for bonus that an order's refund has brought back since."""

    amount: int
    charged: int
    withdrawn: int
    returned: int = 0


def payback_split(
    *,
    principal_fen: int,
    bonus_fen: int,
    bonus_granted_fen: int,
    free: bool,
    rule: str,
    bonus_charged_fen: int = 0,
) -> PaybackPart:
    """What is paid back of a lot with so much left of it.

    ``free`` (within the days of 法释〔2025〕4号 after the payment) or by the rule "proportional"
    the principal that is left goes back in full. By the rule "withdraw" the bonus was never
    earned: what was spent of it is charged to the principal, as far as that goes. The bonus that
    is left is always withdrawn. ``bonus_granted_fen`` is less what was withdrawn or charged for
    before, so it can be less than what is left of it after an order's refund: then the bonus that
    came back was paid for, and as much of ``bonus_charged_fen`` (what was charged before) returns.
    """
    charged = 0
    if not free and rule == "withdraw":
        charged = min(principal_fen, max(bonus_granted_fen - bonus_fen, 0))
    returned = min(bonus_charged_fen, max(bonus_fen - bonus_granted_fen, 0))
    return PaybackPart(principal_fen - charged + returned, charged, bonus_fen, returned)
