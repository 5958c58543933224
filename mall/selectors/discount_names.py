"""Names of what a discount speaks of by code."""

from collections.abc import Iterator, Mapping
from typing import Any

from mall.models import Brand, Category, Product
from members.models import Tag, Tier
from stores.models import Store

_MODELS: dict[str, Any] = {
    "category": Category,
    "brand": Brand,
    "product": Product,
    "store": Store,
    "home_store": Store,
    "tier": Tier,
    "tags": Tag,
}


def names_of(row: Any) -> dict[str, str]:
    """ "fact:code" → name, of what the scope (and who may have one) names. One statement for each
    such fact."""
    wanted: dict[str, set[str]] = {}
    for condition in (row.scope, getattr(row, "claim_for", {})):
        for fact, value in _said(condition or {}):
            wanted.setdefault(fact, set()).add(value)
    found = {}
    for fact, model in _MODELS.items():
        if fact in wanted:
            rows = model.objects.filter(code__in=wanted[fact]).values_list("code", "name")
            found.update({f"{fact}:{code}": name for code, name in rows})
    return found


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
