"""The values of pricing: what is priced, by which rules, and what came out. Amounts in fen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any


@dataclass(frozen=True, slots=True)
class Item:
    """One line to be priced: ``quantity`` pieces at ``unit_price_fen``; ``facts`` for scopes.
    ``is_freight``: what sending the others costs. It is in no scope; coupons of kind freight take
    from it alone. ``final``: no promotion works on it, nor does it help one to its threshold;
    coupons do."""

    sku: str
    quantity: int
    unit_price_fen: int
    facts: Mapping[str, Any]
    is_freight: bool = False
    final: bool = False

    @property
    def gross_fen(self) -> int:
        return self.quantity * self.unit_price_fen


@dataclass(frozen=True, slots=True)
class Freight:
    """What sending a parcel of so many ``pieces`` costs: ``fee_fen`` for the first
    ``first_pieces`` (0: for any number), ``more_fen`` for each one beyond. Nothing from
    ``free_from_fen`` of goods on, measured on what promotions left: a coupon never makes it
    dearer. None: never free."""

    fee_fen: int
    pieces: int
    first_pieces: int = 0
    more_fen: int = 0
    free_from_fen: int | None = None

    def costs(self, goods_fen: int) -> int:
        """Fen for a parcel with goods of ``goods_fen``."""
        if self.free_from_fen is not None and goods_fen >= self.free_from_fen:
            return 0
        beyond = max(self.pieces - self.first_pieces, 0) if self.first_pieces else 0
        return self.fee_fen + self.more_fen * beyond


@dataclass(frozen=True, slots=True)
class Rule:
    """A promotion or a coupon. ``method`` is its arithmetic (``kinds.py``): ``value`` is fen
    (amount, price, multi, bundle) or basis points off (percent, nth).

    ``steps`` are thresholds above the first with their values, in pieces where
    ``threshold_pieces`` is set and in fen otherwise. ``ends`` ranks coupons by how soon they run
    out. ``closed`` is why it cannot be used whatever the basket: "" for no reason.
    """

    kind: str
    reference: str
    title: str
    method: str
    value: int
    threshold_fen: int
    max_discount_fen: int | None
    scope: Mapping[str, Any]
    group: str
    priority: int = 100
    threshold_pieces: int = 0
    steps: tuple[tuple[int, int], ...] = ()
    span: str = "order"
    pieces: int = 1
    times: int | None = None
    skus: Mapping[str, int] | None = None
    excludes: frozenset[str] = frozenset()
    ends: str = ""
    closed: str = ""

    @property
    def threshold(self) -> int:
        """The least threshold, in pieces or fen."""
        return self.threshold_pieces or self.threshold_fen

    def worth_from(self, reached: int) -> int | None:
        """The value that applies to so much (fen or pieces); None below the threshold."""
        if reached < self.threshold:
            return None
        value = self.value
        for threshold, more in self.steps:
            if reached >= threshold:
                value = more
        return value

    def next_step(self, reached: int) -> tuple[int, int] | None:
        """The next threshold above ``reached`` and its value."""
        for threshold, value in ((self.threshold, self.value), *self.steps):
            if reached < threshold:
                return threshold, value
        return None

    def clashes(self, other: "Rule") -> bool:
        """Whether the two may not work on one order."""
        return (
            self.group == other.group
            or self.group in other.excludes
            or other.group in self.excludes
        )


@dataclass(frozen=True, slots=True)
class Discount:
    """What ``rule`` takes off each line (fen, in the order the items were given)."""

    rule: Rule
    amounts: tuple[int, ...]

    @property
    def total_fen(self) -> int:
        return sum(self.amounts)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a coupon takes nothing off: its own ``closed``, or ``threshold`` (so much is missing),
    ``scope`` (nothing in the basket), ``freight`` (nothing is paid for a parcel), ``stacking``
    (does not go with what is used), ``nothing`` (less than a fen, or others left nothing).
    ``worth_fen`` is what it would save by itself. Of ``stacking``: it does not go with ``instead``,
    which takes ``instead_fen``."""

    rule: Rule
    reason: str
    missing_fen: int = 0
    missing_pieces: int = 0
    worth_fen: int = 0
    instead: Rule | None = None
    instead_fen: int = 0


@dataclass(frozen=True, slots=True)
class Hint:
    """So little more, and ``rule`` takes ``value`` off (fen or basis points, by its method). Of
    kind ``freight``: the parcel is free then, and ``value`` is what it costs now."""

    rule: Rule
    missing_fen: int
    missing_pieces: int
    value: int


@dataclass(frozen=True, slots=True)
class Gift:
    """``pieces`` of ``sku`` that come for nothing by ``rule``, if there are any."""

    rule: Rule
    sku: str
    pieces: int


@dataclass(frozen=True, slots=True)
class Priced:
    """``nets[i]`` is what line i costs; ``gross − Σ discounts = total``, all in fen. ``prices``
    are what a piece of each line costs after markdowns. A fee for the parcel is the last line.
    ``exact``: no other choice of coupons is cheaper (false only where looking at all of them was
    given up)."""

    items: tuple[Item, ...]
    discounts: tuple[Discount, ...]
    refusals: tuple[Refusal, ...]
    nets: tuple[int, ...]
    prices: tuple[int, ...] = ()
    hints: tuple[Hint, ...] = ()
    gifts: tuple[Gift, ...] = ()
    exact: bool = True

    @property
    def gross_fen(self) -> int:
        return sum(item.gross_fen for item in self.items)

    @property
    def discount_fen(self) -> int:
        return sum(d.total_fen for d in self.discounts)

    @property
    def total_fen(self) -> int:
        return sum(self.nets)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a rule works on: line by line whether it is in scope, the numbers of those that are, and
    what that comes to."""

    rule: Rule
    inside: Sequence[bool]
    places: Sequence[int]
    base_fen: int
    pieces: int

    @property
    def reached(self) -> int:
        """What its threshold is measured on, in pieces or fen."""
        return self.pieces if self.rule.threshold_pieces else self.base_fen


class Way(Enum):
    """What a discount takes of lines that others took from: of each line its own share, or what is
    left of it; its worth of all of them, wherever something is left; anything else."""

    SHARES = 1
    POOL = 2
    OTHER = 3
