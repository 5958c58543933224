"""What stored value should do, said once more in plain Python: no ORM, none of the code it judges.

Every amount is in fen. ``Books`` counts what each account that is no lot has gained.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from fractions import Fraction

PRINCIPAL, BONUS = 0, 1


def by_proportion(amount: int, principal: int, bonus: int) -> list[int]:
    """``amount`` of both, exactly in proportion but for one fen: the greater claim gets it, the
    principal when both are as great."""
    exact = Fraction(amount * principal, principal + bonus)
    down = exact.numerator // exact.denominator
    first = down + 1 if exact - down >= Fraction(1, 2) else down
    return [first, amount - first]


def take(amount: int, lots: list[list[int]], consume: str) -> list[list[int]]:
    """What a payment takes of ``lots`` ([principal, bonus] each, the oldest first), holding
    ``amount`` at least."""
    taken = [[0, 0] for _ in lots]
    if consume == "proportional":
        for n, (principal, bonus) in enumerate(lots):
            part = min(amount, principal + bonus)
            if part:
                taken[n] = by_proportion(part, principal, bonus)
            amount -= part
        return taken
    order = (PRINCIPAL, BONUS) if consume == "principal_first" else (BONUS, PRINCIPAL)
    for kind in order:
        for n, lot in enumerate(lots):
            taken[n][kind] = min(amount, lot[kind])
            amount -= taken[n][kind]
    return taken


@dataclass
class Product:
    pk: int
    issuer: str
    consume: str
    refund_bonus: str
    named: bool
    limit: int
    least: int
    most: int


@dataclass
class Lot:
    pk: int
    accounts: tuple[int, int]
    by_gateway: bool
    created_at: datetime
    left: list[int]
    granted: int
    held: list[int] = field(default_factory=lambda: [0, 0])
    # Bonus that was taken away and principal that paid for spent bonus, by earlier paybacks.
    withdrawn: int = 0
    charged: int = 0

    @property
    def free(self) -> list[int]:
        return [left - held for left, held in zip(self.left, self.held, strict=True)]


@dataclass
class Card:
    pk: int
    no: str
    product: Product
    holder: int
    expires_at: datetime | None
    state: str = "active"
    lots: list[Lot] = field(default_factory=list)

    @property
    def value(self) -> int:
        return sum(sum(lot.left) for lot in self.lots)

    @property
    def free(self) -> int:
        return sum(sum(lot.free) for lot in self.lots)

    def usable(self, now: datetime) -> bool:
        return self.state == "active" and not self.expired(now)

    def expired(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def split(self, amount: int) -> list[tuple[Lot, list[int]]]:
        """What ``amount`` <= what is free takes of each lot."""
        taken = take(amount, [lot.free for lot in self.lots], self.product.consume)
        return [(lot, part) for lot, part in zip(self.lots, taken, strict=True) if any(part)]


@dataclass
class Hold:
    reference: str
    card: Card
    acceptor: str
    parts: list[tuple[Lot, list[int]]]
    expires_at: datetime
    state: str = "open"

    @property
    def amount(self) -> int:
        return sum(sum(part) for _lot, part in self.parts)

    def end(self, state: str) -> None:
        self.state = state
        for lot, part in self.parts:
            for kind in (PRINCIPAL, BONUS):
                lot.held[kind] -= part[kind]


@dataclass
class Spend:
    """What one order took; ``left`` of it was not given back yet."""

    reference: str
    card: Card
    acceptor: str
    left: list[tuple[Lot, list[int]]]


@dataclass
class Gift:
    no: str
    token: str
    card: Card
    giver: int
    expires_at: datetime
    state: str = "offered"


@dataclass
class Books:
    gained: Counter[str] = field(default_factory=Counter)

    def into_lot(self, source: str, lot: Lot, kind: int, amount: int) -> None:
        self.gained[source] -= amount
        lot.left[kind] += amount

    def out_of_lot(self, lot: Lot, kind: int, target: str, amount: int) -> None:
        lot.left[kind] -= amount
        self.gained[target] += amount

    def spend(
        self, card: Card, acceptor: str, parts: list[tuple[Lot, list[int]]], reference: str
    ) -> Spend:
        for lot, part in parts:
            for kind in (PRINCIPAL, BONUS):
                target = f"sales.card:{card.product.issuer}:{acceptor}"
                self.out_of_lot(lot, kind, target, part[kind])
        return Spend(reference, card, acceptor, [(lot, list(part)) for lot, part in parts])

    def pay_back(self, card: Card, now: datetime) -> tuple[int, int, int]:
        """Close ``card``: (paid back, charged, withdrawn). Bonus is charged once, and only what
        was spent of it."""
        issuer = card.product.issuer
        totals = [0, 0, 0]
        for lot in card.lots:
            principal, bonus = lot.left
            charged = 0
            if now >= lot.created_at + timedelta(days=7):
                spent = lot.granted - lot.withdrawn - bonus - lot.charged
                if card.product.refund_bonus == "withdraw":
                    charged = min(principal, max(spent, 0))
            # What was charged for bonus that an order's refund brought back is given back.
            owed = lot.granted - lot.withdrawn - lot.charged
            returned = min(lot.charged, max(bonus - owed, 0))
            self.gained[f"bonus.withdrawn:{issuer}"] -= returned
            self.gained[f"card.payable:{issuer}"] += returned
            self.out_of_lot(lot, PRINCIPAL, f"card.payable:{issuer}", principal - charged)
            self.out_of_lot(lot, PRINCIPAL, f"bonus.withdrawn:{issuer}", charged)
            self.out_of_lot(lot, BONUS, f"bonus.withdrawn:{issuer}", bonus)
            lot.charged += charged - returned
            lot.withdrawn += bonus
            for n, amount in enumerate((principal - charged + returned, charged, bonus)):
                totals[n] += amount
        card.state = "closed"
        return totals[0], totals[1], totals[2]
