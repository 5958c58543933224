"""Condition: a rule's "when", as validated JSON over named facts.

``{}`` always holds. ``{"v": 1, "all": [...]}`` and ``{"v": 1, "any": [...]}`` hold clauses
``{"fact": "category", "op": "in", "value": ["1005000"]}`` or nested all/any/not. Facts are
registered with their type and words; evaluation is pure Python over a mapping of facts;
:func:`explain` says the rule in words. The schema version stays evaluable for ever.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from config.kernel.errors import DomainError

VERSION = 1


class ConditionInvalid(DomainError):
    code = "condition_invalid"
    message = gettext_lazy("The condition cannot be read: {problem}")


@dataclass(frozen=True)
class Fact:
    """``kind`` is str, int or set (of strings); ``label`` is what people read, and ``yes`` what
    they read for a fact that is 1 or 0, where it is 1."""

    name: str
    kind: str
    label: Any
    yes: Any = ""


_facts: dict[str, Fact] = {}


def register_fact(name: str, kind: str, label: Any, yes: Any = "") -> None:
    _facts[name] = Fact(name, kind, label, yes)


_namers: dict[str, Callable[[set[str]], Mapping[str, str]]] = {}


def register_names(fact: str, namer: Callable[[set[str]], Mapping[str, str]]) -> None:
    """Let the values of ``fact`` be told by name; ``namer`` gets codes and returns code → name."""
    _namers[fact] = namer


def names_in(conditions: Iterable[Mapping[str, Any] | None]) -> dict[str, str]:
    """ "fact:code" → name, of what ``conditions`` speak of by code. One call of its namer for each
    such fact, however many conditions there are."""
    wanted: dict[str, set[str]] = {}
    for condition in conditions:
        for fact, value in _said(condition or {}):
            if fact in _namers:
                wanted.setdefault(fact, set()).add(value)
    return {
        f"{fact}:{code}": name
        for fact, codes in wanted.items()
        for code, name in _namers[fact](codes).items()
    }


def _said(node: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if "fact" in node:
        value = node["value"]
        for one in value if isinstance(value, list) else [value]:
            yield node["fact"], str(one)
        return
    parts = [*node.get("all", []), *node.get("any", [])]
    if "not" in node:
        parts.append(node["not"])
    for part in parts:
        yield from _said(part)


def _as_set(value: Any) -> set[str]:
    return set(value) if isinstance(value, (list, tuple, set, frozenset)) else {value}


_operators: dict[str, Callable[[Any, Any], bool]] = {
    # A set "is" what it contains: a product on the tea shelf has category tea.
    "eq": lambda have, want: want in _as_set(have),
    "in": lambda have, want: bool(_as_set(have) & set(want)),
    "not_in": lambda have, want: not _as_set(have) & set(want),
    "gte": lambda have, want: have >= want,
    "lte": lambda have, want: have <= want,
}


def validate(condition: Any) -> None:
    """Raise ConditionInvalid for anything :func:`holds` could not evaluate."""
    if condition in ({}, None):
        return
    if not isinstance(condition, dict) or condition.get("v") != VERSION:
        raise ConditionInvalid(problem=f'it must be an object with "v": {VERSION}')
    _validate_node({k: v for k, v in condition.items() if k != "v"}, depth=0)


def _validate_node(node: Any, depth: int) -> None:
    if depth > 8 or not isinstance(node, dict):
        raise ConditionInvalid(problem="a clause must be an object, nested at most 8 deep")
    if set(node) <= {"all", "any"} and len(node) == 1:
        ((_key, clauses),) = node.items()
        if not isinstance(clauses, list) or not clauses:
            raise ConditionInvalid(problem="all and any need a list of clauses")
        for clause in clauses:
            _validate_node(clause, depth + 1)
    elif set(node) == {"not"}:
        _validate_node(node["not"], depth + 1)
    elif set(node) == {"fact", "op", "value"}:
        fact = _facts.get(node["fact"])
        if fact is None:
            raise ConditionInvalid(problem=f"there is no fact {node['fact']!r}")
        if node["op"] not in _operators:
            raise ConditionInvalid(problem=f"there is no operator {node['op']!r}")
        wants_list = node["op"] in ("in", "not_in")
        if wants_list != isinstance(node["value"], list):
            raise ConditionInvalid(problem=f"the value for {node['op']!r} has the wrong shape")
        if node["op"] in ("gte", "lte") and (fact.kind != "int" or type(node["value"]) is not int):
            raise ConditionInvalid(problem=f"{node['fact']!r} cannot be compared by size")
    else:
        raise ConditionInvalid(problem=f"a clause has the keys {sorted(node)}")


def holds(condition: Mapping[str, Any] | None, facts: Mapping[str, Any]) -> bool:
    """Whether ``condition`` (validated before) holds for ``facts``; an unknown fact never does."""
    if not condition:
        return True
    if "all" in condition:
        return all(holds(c, facts) for c in condition["all"])
    if "any" in condition:
        return any(holds(c, facts) for c in condition["any"])
    if "not" in condition:
        return not holds(condition["not"], facts)
    have = facts.get(condition["fact"])
    return have is not None and _operators[condition["op"]](have, condition["value"])


def label(name: str) -> str:
    """What people call the fact."""
    fact = _facts.get(name)
    return str(fact.label) if fact else name


def explain(condition: Mapping[str, Any] | None, names: Mapping[str, str] | None = None) -> str:
    """The rule in words of the active language, its values by the ``names`` of :func:`names_in`."""
    names = names or {}
    if not condition:
        return _("always")
    if "all" in condition:
        return _(" and ").join(explain(c, names) for c in condition["all"])
    if "any" in condition:
        return _(" or ").join(explain(c, names) for c in condition["any"])
    if "not" in condition:
        return _("not ({rule})").format(rule=explain(condition["not"], names))
    fact = _facts.get(condition["fact"])
    if fact and fact.yes and (condition["op"], condition["value"]) in (("eq", 1), ("in", [1])):
        return str(fact.yes)
    words = {
        "eq": _("{fact} is {value}"),
        "in": _("{fact} is one of {value}"),
        "not_in": _("{fact} is none of {value}"),
        "gte": _("{fact} is at least {value}"),
        "lte": _("{fact} is at most {value}"),
    }[condition["op"]]
    value = condition["value"]
    values = value if isinstance(value, list) else [value]
    shown = ", ".join(names.get(f"{condition['fact']}:{one}", str(one)) for one in values)
    return words.format(fact=label(condition["fact"]), value=shown)
