"""Scopes as people fill them in: which facts with which values; and what two have in common.

A scope that a form can say is a list of clauses that all hold, or of which any does; whatever
else stands in a row is kept as it is and told in words.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from config.kernel.conditions import VERSION

# What is known of a line at a store; the rest is asked of who buys.
LINE_FACTS = ("category", "brand", "product", "sku", "store", "operator")
GOODS = ("category", "brand", "product", "sku")
WHO = ("tier", "tags", "channel", "price_level", "first_order")
FORM_FACTS = (*GOODS, "store", *WHO)

Clause = dict[str, Any]
LABELS = {
    "category": _("category"),
    "brand": _("brand"),
    "product": _("product"),
    "sku": _("SKU"),
    "store": _("store"),
    "tier": _("tier"),
    "tags": _("tags of the member"),
    "channel": _("channel"),
    "price_level": _("price level of the tier"),
    "first_order": _("first order"),
}


def scope_written(clauses: Iterable[Clause], *, any_goods: bool = False) -> dict[str, Any]:
    """The condition of a form: every clause holds, or of those about goods any (``any_goods``)."""
    said = list(clauses)
    goods = [c for c in said if c["fact"] in GOODS]
    if any_goods and len(goods) > 1:
        said = [{"any": goods}, *(c for c in said if c["fact"] not in GOODS)]
    return {"v": VERSION, "all": said} if said else {}


def scope_read(scope: Mapping[str, Any]) -> tuple[list[Clause], bool] | None:
    """The clauses of a scope and whether any of those about goods is enough; None for a scope
    that a form cannot say."""
    if not scope:
        return [], False
    body = {key: value for key, value in scope.items() if key != "v"}
    if set(body) == {"any"}:
        body = {"all": [{"any": body["any"]}]}
    if set(body) != {"all"}:
        return None
    clauses: list[Clause] = []
    any_goods = False
    for part in body["all"]:
        if set(part) == {"any"} and not any_goods and _are_goods(part["any"]):
            any_goods = len(part["any"]) > 1
            clauses += part["any"]
        else:
            clauses.append(part)
    facts = [clause.get("fact") for clause in clauses]
    simple = all(
        fact in FORM_FACTS and clause.get("op") in ("in", "eq", "not_in")
        for fact, clause in zip(facts, clauses, strict=True)
    )
    goods_beside = any_goods and any(p.get("fact") in GOODS for p in body["all"])
    if not simple or len(set(facts)) < len(facts) or goods_beside:
        return None
    return [_listed(clause) for clause in clauses], any_goods


def _are_goods(clauses: Any) -> bool:
    return all(isinstance(c, dict) and c.get("fact") in GOODS for c in clauses)


def _listed(clause: Clause) -> Clause:
    if clause["op"] == "eq":
        return {"fact": clause["fact"], "op": "in", "value": [clause["value"]]}
    return clause


def for_somebody(scope: Mapping[str, Any]) -> dict[str, Any]:
    """``scope`` for a shopper for whom whatever it asks of them holds: what it may come to."""
    found = _loosened({key: value for key, value in scope.items() if key != "v"}, True)
    return {} if isinstance(found, bool) else {"v": VERSION, **found}


def _loosened(node: Mapping[str, Any], wanted: bool) -> Any:
    """A condition over lines alone, or the truth value that a clause about people is given."""
    if not node:
        return True
    if "not" in node:
        inner = _loosened(node["not"], not wanted)
        return (not inner) if isinstance(inner, bool) else {"not": inner}
    for word, deciding in (("all", False), ("any", True)):
        if word in node:
            parts = [_loosened(part, wanted) for part in node[word]]
            if any(part is deciding for part in parts):
                return deciding
            left = [part for part in parts if not isinstance(part, bool)]
            return {word: left} if left else not deciding
    return dict(node) if node["fact"] in LINE_FACTS else wanted


def wanted_values(scope: Mapping[str, Any]) -> dict[str, set[str]]:
    """Fact → the values one of which a line must have, by the clauses that have to hold."""
    found: dict[str, set[str]] = {}
    for clause in scope.get("all", []):
        if clause.get("op") in ("in", "eq"):
            value = clause["value"]
            values = {str(v) for v in (value if isinstance(value, list) else [value])}
            fact = clause["fact"]
            found[fact] = found[fact] & values if fact in found else values
    return found


def may_meet(
    one: Mapping[str, Any], other: Mapping[str, Any], above: Mapping[str, set[str]]
) -> bool:
    """Whether a line may be in both scopes, as far as their clauses tell. ``above``: category →
    itself and those it is in."""
    mine, theirs = wanted_values(one), wanted_values(other)
    for fact in mine.keys() & theirs.keys():
        if fact == "category":
            near = any(
                a in above.get(b, {b}) or b in above.get(a, {a})
                for a in mine[fact]
                for b in theirs[fact]
            )
        else:
            near = bool(mine[fact] & theirs[fact])
        if not near:
            return False
    return True
