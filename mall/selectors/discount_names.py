"""Names of what a discount speaks of by code."""

from collections.abc import Mapping
from typing import Any

from config.kernel.conditions import names_in, register_names
from mall.models import Brand, Category, Product
from members.models import Tag, Tier
from stores.models import Operator, Store

_MODELS: dict[str, Any] = {
    "category": Category,
    "brand": Brand,
    "product": Product,
    "operator": Operator,
    "store": Store,
    "home_store": Store,
    "tier": Tier,
    "tags": Tag,
}


def register() -> None:
    """Rules are told by these names wherever they are told, to shoppers too."""
    for fact, model in _MODELS.items():
        register_names(fact, _namer(model))


def _namer(model: Any) -> Any:
    def names(codes: set[str]) -> Mapping[str, str]:
        return dict(model.objects.filter(code__in=codes).values_list("code", "name"))

    return names


def names_of(row: Any) -> dict[str, str]:
    """ "fact:code" → name, of what the scope (and who may have one) names, and of who bears it. One
    statement for each such fact."""
    bearers = [x.partition(":") for x in getattr(row, "sponsor_shares", None) or {}]
    borne = [{"fact": kind, "op": "eq", "value": code} for kind, _colon, code in bearers]
    return names_in((row.scope, getattr(row, "claim_for", {}), *borne))
