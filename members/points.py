"""Arithmetic of points: pure. A member's lots, balance and debt, and what a change does to them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from config.kernel.money import BASIS_POINTS, proportion_down
from config.kernel.policies import PolicyInvalid


@dataclass(frozen=True, slots=True)
class PointsRules:
    """One point per ``fen_per_point`` fen at the normal rate; a lot lives ``lot_days`` days, and
    at least ``min_days_after_return`` more when it was given back."""

    fen_per_point: int
    lot_days: int
    min_days_after_return: int

    @classmethod
    def read(cls, body: dict[str, Any]) -> "PointsRules":
        """From the body of a "points" policy, version 1. Raises PolicyInvalid."""
        names = ("fen_per_point", "lot_days", "min_days_after_return")
        if not isinstance(body, dict) or body.get("v") != 1:
            raise PolicyInvalid(problem='it must be an object with "v": 1')
        values = [body.get(name) for name in names]
        if set(body) != {"v", *names} or any(type(x) is not int or x < 1 for x in values):
            raise PolicyInvalid(problem=f"it needs whole numbers > 0 of {', '.join(names)}")
        return cls(*values)  # type: ignore[arg-type]

    def target(self, base_fen: int, rate_bp: int) -> int:
        """The points that ``base_fen`` is worth at a tier's rate, rounded down."""
        return proportion_down(base_fen, rate_bp, BASIS_POINTS * self.fen_per_point)


def rules_validate(body: dict[str, Any]) -> None:
    """Raise PolicyInvalid unless ``body`` is a "points" policy."""
    PointsRules.read(body)


@dataclass(slots=True)
class Lot:
    """Points earned at once. ``pk`` is None until it is written."""

    pk: int | None
    reference: str
    remaining: int
    expires_at: datetime
    rate_bp: int = BASIS_POINTS
    earned: int = 0
    changed: bool = False

    def take(self, points: int) -> int:
        taken = min(points, self.remaining)
        self.remaining -= taken
        self.changed = self.changed or bool(taken)
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
        self, points: int, *, reference: str, rate_bp: int, expires_at: datetime
    ) -> Sequence[Move]:
        """Repay debt first; the lot remembers all that was earned and keeps the rest."""
        repaid = min(points, self.debt)
        self.debt -= repaid
        lot = Lot(None, reference, points - repaid, expires_at, rate_bp, earned=points)
        self.lots.append(lot)
        self.lots.sort(key=lambda x: x.expires_at)
        self.made.append(lot)
        return _moves(("repay", repaid), ("earn", points - repaid))

    def claw_back(self, points: int, *, reference: str, now: datetime) -> Sequence[Move]:
        """Out of what ``reference`` earned, then first in first out, then as debt. What has
        expired cannot be taken: it is gone already."""
        rest = points
        live = [lot for lot in self.lots if lot.expires_at > now]
        for lot in sorted(live, key=lambda x: x.reference != reference):
            rest -= lot.take(rest)
        self.debt += rest
        return _moves(("clawback", points - rest), ("debt", rest))


def first_expiry(rules: PointsRules, moment: datetime) -> datetime:
    return moment + timedelta(days=rules.lot_days)


def returned_expiry(rules: PointsRules, moment: datetime, now: datetime) -> datetime:
    """Points given back live as if never taken, but at least some days more."""
    return max(first_expiry(rules, moment), now + timedelta(days=rules.min_days_after_return))


def _moves(*pairs: tuple[str, int]) -> list[Move]:
    return [Move(kind, points) for kind, points in pairs if points]
