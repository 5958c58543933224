"""Arithmetic of points: pure. A member's lots, balance and debt, and what a change does to them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from config.kernel.money import BASIS_POINTS


@dataclass(slots=True)
class Lot:
    """Points earned at once, of which ``held`` are set aside for an order. ``pk`` is None until
    it is written; ``taken`` is what has left ``remaining`` since it was read. ``line_rates`` are
    the rates of the purchase's lines that were not the normal one."""

    pk: int | None
    reference: str
    remaining: int
    expires_at: datetime
    rate_bp: int = BASIS_POINTS
    earned: int = 0
    held: int = 0
    line_rates: dict[str, int] = field(default_factory=dict)
    taken: int = 0

    def take(self, points: int) -> int:
        taken = min(points, self.remaining - self.held)
        self.remaining -= taken
        self.taken += taken
        return taken


@dataclass(frozen=True, slots=True)
class Move:
    """Points between the issuer and a member: ``kind`` earn | repay | clawback | debt."""

    kind: str
    points: int


@dataclass(slots=True)
class Wallet:
    """The points of one member, lots by expiry. ``debt`` is what they owe, >= 0."""

    lots: list[Lot]
    debt: int
    made: list[Lot] = field(default_factory=list)

    def earn(
        self,
        points: int,
        *,
        reference: str,
        rate_bp: int,
        expires_at: datetime,
        line_rates: dict[str, int] | None = None,
    ) -> Sequence[Move]:
        """Repay debt first; the lot remembers all that was earned and keeps the rest."""
        repaid = min(points, self.debt)
        self.debt -= repaid
        lot = Lot(None, reference, points - repaid, expires_at, rate_bp, earned=points)
        lot.line_rates = line_rates or {}
        self.lots.append(lot)
        self.lots.sort(key=lambda x: x.expires_at)
        self.made.append(lot)
        return _moves(("repay", repaid), ("earn", points - repaid))

    def claw_back(self, points: int, *, reference: str, now: datetime) -> Sequence[Move]:
        """Out of what ``reference`` earned, then first in first out, then as debt. What has
        expired cannot be taken: it is gone already. Nor can what an order has set aside."""
        rest = points
        for lot in sorted(self.live(now), key=lambda x: x.reference != reference):
            rest -= lot.take(rest)
        self.debt += rest
        return _moves(("clawback", points - rest), ("debt", rest))

    def live(self, now: datetime) -> list[Lot]:
        return [lot for lot in self.lots if lot.expires_at > now]

    def free(self, now: datetime) -> int:
        """What can be spent or taken at ``now``."""
        return sum(lot.remaining - lot.held for lot in self.live(now))


def _moves(*pairs: tuple[str, int]) -> list[Move]:
    return [Move(kind, points) for kind, points in pairs if points]
