"""A "points" policy, read: what a purchase earns, how long points live, what they pay. Pure.

Version 1 has one rate and lots that live some days. Version 2 says more:

    {"v": 2, "fen_per_point": 100, "expiry": {"kind": "year_end", "years": 1},
     "rules": [{"when": {…condition…}, "rate_bp": 20000}], "exclude_card_bonus": true,
     "tender": {"fen_per_point": 1, "max_share_bp": 5000, "step_points": 100},
     "min_days_after_return": 30}

``expiry``: ``days`` after the purchase, the end of the year ``years`` after it, or ``never``. The
first rule whose condition holds for a line gives its rate, on top of the tier's; without one it is
the normal rate. ``exclude_card_bonus`` (true unless said otherwise) earns nothing on what bonus
money paid. Without ``tender`` points pay no order. Both versions stay evaluable for ever.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from config.kernel import clock, conditions
from config.kernel.money import BASIS_POINTS, proportion_down, share_down
from config.kernel.policies import PolicyInvalid

# When points that never expire would: a date keeps "the first to expire first" one sort.
NEVER = datetime(2999, 12, 31, 16, tzinfo=UTC)
# Points given back live at least this many days more, whatever a policy of today says.
LEAST_DAYS_AFTER_RETURN = 30
# Ten times the normal rate is a mistake in typing, and so is a lot that lives for a century.
MOST_RATE_BP = 10 * BASIS_POINTS
MOST_DAYS = 36_500
EXPIRY_KINDS = {"days": "days", "year_end": "years", "never": None}


@dataclass(frozen=True, slots=True)
class PointsLine:
    """A line of a purchase after refunds: ``base_fen`` was paid for it, ``card_bonus_fen`` of
    that with bonus money. ``key`` names it within the purchase, ``facts`` are for conditions."""

    key: str
    base_fen: int
    card_bonus_fen: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class EarningRule:
    when: Mapping[str, Any]
    rate_bp: int


@dataclass(frozen=True, slots=True)
class TenderRules:
    """A point pays ``fen_per_point`` fen; points pay at most ``max_share_bp`` of an order, in
    steps of ``step_points``."""

    fen_per_point: int
    max_share_bp: int
    step_points: int

    def most_points(self, total_fen: int, available_points: int) -> int:
        """How many of ``available_points`` an order of ``total_fen`` takes at most: whole steps."""
        by_share = proportion_down(share_down(total_fen, self.max_share_bp), 1, self.fen_per_point)
        most = min(by_share, available_points)
        return most - most % self.step_points

    def worth_fen(self, points: int) -> int:
        return points * self.fen_per_point


@dataclass(frozen=True, slots=True)
class PointsRules:
    """One point per ``fen_per_point`` fen at the normal rate; the rest as the module says."""

    fen_per_point: int
    min_days_after_return: int
    expiry: str
    expiry_length: int
    rules: tuple[EarningRule, ...] = ()
    exclude_card_bonus: bool = False
    tender: TenderRules | None = None

    @classmethod
    def read(cls, body: Any) -> "PointsRules":
        """From the body of a "points" policy of any version. Raises PolicyInvalid."""
        version = body.get("v") if isinstance(body, dict) else None
        if version == 1:
            return _read_v1(body)
        if version == 2:
            return _read_v2(body)
        raise PolicyInvalid(problem='it must be an object with "v": 1 or "v": 2')

    def line_rates(
        self,
        lines: Sequence[PointsLine],
        tier_code: str = "",
        birthday: frozenset[str] = frozenset(),
    ) -> dict[str, int]:
        """The rate of each line by its key, where it is not the normal one, for a member in a tier
        and on (``birthdays.birthday_fact``) or off their birthday."""
        of_member = {"tier": tier_code, "birthday": birthday}
        rates = {line.key: self._rate(line, of_member) for line in lines}
        return {key: rate for key, rate in rates.items() if rate != BASIS_POINTS}

    def _rate(self, line: PointsLine, of_member: Mapping[str, Any]) -> int:
        facts = {**line.facts, **of_member}
        for rule in self.rules:
            if conditions.holds(rule.when, facts):
                return rule.rate_bp
        return BASIS_POINTS

    def target(
        self, lines: Sequence[PointsLine], rate_bp: int, line_rates: Mapping[str, int]
    ) -> int:
        """The points that ``lines`` are worth at a tier's rate; rounded down once, at the end."""
        weighed = 0
        for line in lines:
            base = line.base_fen - (line.card_bonus_fen if self.exclude_card_bonus else 0)
            weighed += base * line_rates.get(line.key, BASIS_POINTS)
        return proportion_down(weighed, rate_bp, BASIS_POINTS * BASIS_POINTS * self.fen_per_point)

    def first_expiry(self, moment: datetime) -> datetime:
        """When points for a purchase of ``moment`` end: that instant is the first without them."""
        if self.expiry == "days":
            return moment + timedelta(days=self.expiry_length)
        if self.expiry == "year_end":
            year = clock.local_date(moment).year + self.expiry_length + 1
            return datetime(year, 1, 1, tzinfo=clock.SHANGHAI)
        return NEVER

    def returned_expiry(self, before: datetime, now: datetime) -> datetime:
        """Points given back live as if never taken, but at least some days more."""
        return max(before, now + timedelta(days=self.min_days_after_return))


def rules_validate(body: dict[str, Any]) -> None:
    """Raise PolicyInvalid unless ``body`` is a "points" policy."""
    PointsRules.read(body)


def _read_v1(body: dict[str, Any]) -> PointsRules:
    names = ("fen_per_point", "lot_days", "min_days_after_return")
    values = [body.get(name) for name in names]
    if set(body) != {"v", *names} or not all(_whole(x) for x in values):
        raise PolicyInvalid(problem=f"it needs whole numbers > 0 of {', '.join(names)}")
    return PointsRules(
        fen_per_point=body["fen_per_point"],
        min_days_after_return=body["min_days_after_return"],
        expiry="days",
        expiry_length=body["lot_days"],
    )


def _read_v2(body: dict[str, Any]) -> PointsRules:
    needed = {"v", "fen_per_point", "expiry", "min_days_after_return"}
    optional = {"rules", "exclude_card_bonus", "tender"}
    if not needed <= set(body) <= needed | optional:
        raise PolicyInvalid(problem=f"it needs {sorted(needed)} and knows {sorted(optional)}")
    if not _whole(body["fen_per_point"]):
        raise PolicyInvalid(problem="fen_per_point is a whole number > 0")
    least = LEAST_DAYS_AFTER_RETURN
    if not _whole(body["min_days_after_return"], least=least, most=MOST_DAYS):
        raise PolicyInvalid(problem=f"min_days_after_return is a whole number from {least}")
    if type(body.get("exclude_card_bonus", True)) is not bool:
        raise PolicyInvalid(problem="exclude_card_bonus is true or false")
    kind, length = _read_expiry(body["expiry"])
    return PointsRules(
        fen_per_point=body["fen_per_point"],
        min_days_after_return=body["min_days_after_return"],
        expiry=kind,
        expiry_length=length,
        rules=_read_rules(body.get("rules", [])),
        exclude_card_bonus=body.get("exclude_card_bonus", True),
        tender=_read_tender(body.get("tender")),
    )


def _read_expiry(expiry: Any) -> tuple[str, int]:
    kind = expiry.get("kind") if isinstance(expiry, dict) else None
    if kind not in EXPIRY_KINDS:
        raise PolicyInvalid(problem=f"expiry is of a kind out of {sorted(EXPIRY_KINDS)}")
    unit = EXPIRY_KINDS[kind]
    if set(expiry) != ({"kind", unit} if unit else {"kind"}):
        raise PolicyInvalid(problem=f"expiry of kind {kind} says {unit or 'nothing more'}")
    if unit is None:
        return kind, 0
    most = MOST_DAYS if unit == "days" else 50
    if not _whole(expiry[unit], least=1 if unit == "days" else 0, most=most):
        raise PolicyInvalid(problem=f"expiry.{unit} is a whole number up to {most}")
    return kind, expiry[unit]


def _read_rules(rules: Any) -> tuple[EarningRule, ...]:
    if not isinstance(rules, list):
        raise PolicyInvalid(problem="rules is a list")
    read = []
    for n, rule in enumerate(rules):
        if not isinstance(rule, dict) or set(rule) != {"when", "rate_bp"}:
            raise PolicyInvalid(problem=f"rules[{n}] says when and rate_bp")
        try:
            conditions.validate(rule["when"])
        except conditions.ConditionInvalid as error:
            raise PolicyInvalid(problem=f"rules[{n}]: {error}") from None
        if not _whole(rule["rate_bp"], least=0, most=MOST_RATE_BP):
            raise PolicyInvalid(problem=f"rules[{n}].rate_bp is up to {MOST_RATE_BP} basis points")
        read.append(EarningRule(rule["when"] or {}, rule["rate_bp"]))
    return tuple(read)


def _read_tender(tender: Any) -> TenderRules | None:
    if tender is None:
        return None
    names = {"fen_per_point", "max_share_bp", "step_points"}
    if not isinstance(tender, dict) or set(tender) != names:
        raise PolicyInvalid(problem=f"tender says {sorted(names)}")
    if not all(_whole(value) for value in tender.values()):
        raise PolicyInvalid(problem="tender is made of whole numbers > 0")
    if tender["max_share_bp"] > BASIS_POINTS:
        raise PolicyInvalid(problem=f"tender.max_share_bp is at most {BASIS_POINTS}")
    return TenderRules(**tender)


def _whole(value: Any, *, least: int = 1, most: int = 1_000_000_000) -> bool:
    return type(value) is int and least <= value <= most
