"""A "tiers" policy, read: what growth is, which tier it reaches, for how long. Pure.

    {"v": 1, "fen_per_growth": 100, "exclude_card_bonus": true, "window_days": 365,
     "period_days": 365, "grace_days": 30,
     "tiers": [{"code": "normal", "growth_from": 0},
               {"code": "gold", "growth_from": 5000, "price_level": "vip",
                "upgrade_coupons": ["gold-gift"], "birthday_coupons": ["cake"]}]}

``tiers`` ascend. Growth counts within the last ``window_days`` (null: ever since). A tier is
reached at once, kept for ``period_days`` and, without enough growth at their end, ``grace_days``
more; who is then below falls to what growth reaches. Nobody falls from a tier that growth of zero
reaches. A tier's points rate is the tier's own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from config.kernel.money import proportion_down
from config.kernel.policies import PolicyInvalid
from members.points_rules import PointsLine

MOST_DAYS = 36_500
MOST_GROWTH = 1_000_000_000
_NEEDED = {"v", "fen_per_growth", "window_days", "period_days", "grace_days", "tiers"}
_TIER_NEEDED = {"code", "growth_from"}
_TIER_OPTIONAL = {"price_level", "upgrade_coupons", "birthday_coupons"}


@dataclass(frozen=True, slots=True)
class TierRule:
    """``price_level`` names a list of prices, empty for the normal one; ``upgrade_coupons`` are
    codes of templates that whoever reaches the tier is given, ``birthday_coupons`` of those for a
    birthday in it."""

    code: str
    growth_from: int
    price_level: str = ""
    upgrade_coupons: tuple[str, ...] = ()
    birthday_coupons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TierRules:
    fen_per_growth: int
    window_days: int | None
    period_days: int
    grace_days: int
    tiers: tuple[TierRule, ...]
    exclude_card_bonus: bool = True

    @classmethod
    def read(cls, body: Any) -> "TierRules":
        """From the body of a "tiers" policy. Raises PolicyInvalid."""
        if not isinstance(body, dict) or body.get("v") != 1:
            raise PolicyInvalid(problem='it must be an object with "v": 1')
        if not _NEEDED <= set(body) <= _NEEDED | {"exclude_card_bonus"}:
            raise PolicyInvalid(problem=f"it needs {sorted(_NEEDED)}")
        if not _whole(body["fen_per_growth"], 1, MOST_GROWTH):
            raise PolicyInvalid(problem="fen_per_growth is a whole number > 0")
        window = body["window_days"]
        if window is not None and not _whole(window, 1, MOST_DAYS):
            raise PolicyInvalid(problem="window_days is a whole number of days, or null")
        if not _whole(body["period_days"], 1, MOST_DAYS):
            raise PolicyInvalid(problem="period_days is a whole number of days")
        if not _whole(body["grace_days"], 0, MOST_DAYS):
            raise PolicyInvalid(problem="grace_days is a whole number of days, or 0")
        if type(body.get("exclude_card_bonus", True)) is not bool:
            raise PolicyInvalid(problem="exclude_card_bonus is true or false")
        return cls(
            fen_per_growth=body["fen_per_growth"],
            window_days=window,
            period_days=body["period_days"],
            grace_days=body["grace_days"],
            tiers=_read_tiers(body["tiers"]),
            exclude_card_bonus=body.get("exclude_card_bonus", True),
        )

    def target(self, lines: list[PointsLine] | tuple[PointsLine, ...]) -> int:
        """The growth that a purchase is worth, rounded down."""
        base = sum(x.base_fen for x in lines)
        if self.exclude_card_bonus:
            base -= sum(x.card_bonus_fen for x in lines)
        return proportion_down(base, 1, self.fen_per_growth)

    def window_start(self, now: datetime) -> datetime | None:
        return None if self.window_days is None else now - timedelta(days=self.window_days)

    def reached(self, growth: int) -> TierRule | None:
        """The highest tier that ``growth`` reaches; None below the first."""
        return next((t for t in reversed(self.tiers) if growth >= t.growth_from), None)

    def following(self, growth: int) -> TierRule | None:
        """The next tier to be reached; None in the highest."""
        return next((t for t in self.tiers if growth < t.growth_from), None)

    def rank(self, code: str) -> int:
        """The place of a tier; -1 for none and for one the rules do not know."""
        return next((n for n, t in enumerate(self.tiers) if t.code == code), -1)

    def period(self, tier: TierRule | None, now: datetime) -> tuple[datetime, datetime] | None:
        """(until, grace until) of a tier reached or kept at ``now``; None for what is kept."""
        if tier is None or tier.growth_from == 0:
            return None
        until = now + timedelta(days=self.period_days)
        return until, until + timedelta(days=self.grace_days)


def _read_tiers(tiers: Any) -> tuple[TierRule, ...]:
    if not isinstance(tiers, list) or not tiers:
        raise PolicyInvalid(problem="tiers is a list with something in it")
    read = tuple(_read_tier(n, tier) for n, tier in enumerate(tiers))
    starts = [tier.growth_from for tier in read]
    if starts != sorted(set(starts)) or len({tier.code for tier in read}) != len(read):
        raise PolicyInvalid(problem="tiers ascend by growth_from, each tier once")
    return read


def _read_tier(n: int, tier: Any) -> TierRule:
    known = _TIER_NEEDED | _TIER_OPTIONAL
    if not isinstance(tier, Mapping) or not _TIER_NEEDED <= set(tier) <= known:
        raise PolicyInvalid(problem=f"tiers[{n}] needs {sorted(_TIER_NEEDED)}")
    if not isinstance(tier["code"], str) or not tier["code"]:
        raise PolicyInvalid(problem=f"tiers[{n}].code is the code of a tier")
    if not _whole(tier["growth_from"], 0, MOST_GROWTH):
        raise PolicyInvalid(problem=f"tiers[{n}].growth_from is a whole number")
    level = tier.get("price_level", "")
    if not isinstance(level, str):
        raise PolicyInvalid(problem=f"tiers[{n}].price_level is a word")
    return TierRule(
        tier["code"],
        tier["growth_from"],
        level,
        _codes(n, tier, "upgrade_coupons"),
        _codes(n, tier, "birthday_coupons"),
    )


def _codes(n: int, tier: Mapping[str, Any], name: str) -> tuple[str, ...]:
    coupons = tier.get(name, [])
    if not isinstance(coupons, list) or any(not isinstance(x, str) or not x for x in coupons):
        raise PolicyInvalid(problem=f"tiers[{n}].{name} is a list of codes")
    return tuple(coupons)


def _whole(value: Any, least: int, most: int) -> bool:
    return type(value) is int and least <= value <= most
