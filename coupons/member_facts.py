"""What a rule of claiming may ask about a member: facts, each with who knows it.

An app above registers what it alone knows (the mall: paid orders). Only the facts that a
condition names are looked up.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from config.kernel import conditions

Load = Callable[[int, datetime], Any]
"""(member id, now) → the fact's value; None where it is unknown, and then no clause holds."""

_loads: dict[str, Load] = {}
_numbers: dict[str, Any] = {}


def register_member_fact(name: str, kind: str, label: Any, load: Load, yes: Any = "") -> None:
    """A fact that conditions may ask of a member; ``load(member_id, now)`` reads it."""
    conditions.register_fact(name, kind, label, yes)
    _loads[name] = load
    if kind == "int":
        _numbers[name] = label


def validate(condition: Any) -> None:
    """Raise ConditionInvalid for what cannot be said about a member."""
    conditions.validate(condition)
    for name in named(condition or {}):
        if name not in _loads:
            raise conditions.ConditionInvalid(problem=f"{name!r} is nothing that a member has")


def member_fits(*, member_id: int, condition: Mapping[str, Any], now: datetime) -> bool:
    """Whether the member is one of those that ``condition`` means. One look-up per fact."""
    facts = member_facts(member_id=member_id, rules=[condition], now=now)
    return conditions.holds(condition, facts)


def member_facts(
    *, member_id: int, rules: Iterable[Mapping[str, Any]], now: datetime
) -> dict[str, Any]:
    """What ``rules`` ask about the member, and nothing else. One look-up per fact."""
    names = sorted(set().union(*map(named, rules)) & set(_loads))
    return {name: _loads[name](member_id, now) for name in names}


def known() -> set[str]:
    """The names of all facts that somebody registered."""
    return set(_loads)


def numbers() -> dict[str, Any]:
    """Name → label of the facts that are numbers."""
    return dict(_numbers)


def named(condition: Mapping[str, Any]) -> set[str]:
    """The facts that ``condition`` asks for."""
    if "fact" in condition:
        return {condition["fact"]}
    parts = [*condition.get("all", []), *condition.get("any", [])]
    if "not" in condition:
        parts.append(condition["not"])
    return set().union(*map(named, parts)) if parts else set()
