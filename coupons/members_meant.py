"""Conditions over members as queries: how many are meant, and who, without looking at each.

A fact that is no column is not asked for here: then more members are found than are meant, and
each has to be looked at (``member_facts.member_fits``).
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from coupons.member_facts import named
from members.models import Member

Column = Callable[[datetime], Any]
"""now → the fact as an expression over Member, NULL where it is unknown."""

HasAny = Callable[[Collection[str]], Any]
"""values → over Member, whether the fact, a set that is never unknown, has one of them."""

_columns: dict[str, Column] = {}
_sets: dict[str, HasAny] = {}


def register_member_column(name: str, column: Column) -> None:
    """``column`` says in SQL what the fact ``name`` says of one member."""
    _columns[name] = column


def register_member_set(name: str, has_any: HasAny) -> None:
    """As :func:`register_member_column`, for a fact of kind "set"."""
    _sets[name] = has_any


def members_meant(
    *, rules: Iterable[Mapping[str, Any]], now: datetime
) -> tuple[QuerySet[Member], bool]:
    """The members that all ``rules`` mean, and whether those are exactly they."""
    rules = [rule for rule in rules if rule]
    names = sorted(set().union(*map(named, rules)))
    # Whoever was merged into another is that one.
    members = Member.objects.filter(archived_at__isnull=True, merged_into__isnull=True)
    members = members.annotate(
        **{f"fact_{name}": _columns[name](now) for name in names if name in _columns}
    )
    for rule in rules:
        members = members.filter(_q(rule, True))
    return members, all(name in _columns or name in _sets for name in names)


def _q(node: Mapping[str, Any], wide: bool) -> Q:
    """``node`` over columns; where there is none, ``wide`` lets everybody pass, else nobody."""
    if "all" in node:
        return Q(*[_q(part, wide) for part in node["all"]])
    if "any" in node:
        return Q(*[_q(part, wide) for part in node["any"]], _connector=Q.OR)
    if "not" in node:
        return ~_q(node["not"], not wide)
    if node["fact"] in _sets:
        want = node["value"] if isinstance(node["value"], list) else [node["value"]]
        has = Q(_sets[node["fact"]]([word for word in want if isinstance(word, str)]))
        return ~has if node["op"] == "not_in" else has
    if node["fact"] not in _columns:
        return Q(pk__isnull=not wide)
    column, want = f"fact_{node['fact']}", node["value"]
    if node["op"] == "not_in":
        clause = ~Q(**{f"{column}__in": want})
    else:
        suffix = {"eq": "", "in": "__in", "gte": "__gte", "lte": "__lte"}[node["op"]]
        clause = Q(**{f"{column}{suffix}": want})
    # What is unknown holds nothing, and its opposite everything.
    return Q(**{f"{column}__isnull": False}) & clause
