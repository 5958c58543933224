"""A member's cart at a store, priced as the store sells today. Promises nothing."""

from datetime import datetime
from typing import Any

from mall.models import CartLine
from mall.offers import offers


def cart(*, member_id: int, store: str, now: datetime) -> dict[str, Any]:
    """Two statements. ``gross_fen`` counts only what can be bought. Raises StoreUnknown (404)."""
    wanted = dict(
        CartLine.objects.filter(member_id=member_id, store__code=store)
        .order_by("id")
        .values_list("sku__code", "quantity")
    )
    here = offers(store_code=store, sku_codes=list(wanted), now=now)
    lines = []
    for code, quantity in wanted.items():
        offer = here.by_sku[code]
        lines.append(
            {
                "sku": code,
                "product": offer.product_code,
                "title": offer.title,
                "options": offer.options,
                "quantity": quantity,
                "price_fen": offer.price_fen,
                "gross_fen": offer.price_fen * quantity,
                "sellable": offer.sellable,
                "available": max(offer.available, 0),
            }
        )
    return {
        "store": here.store_code,
        "lines": lines,
        "pieces": sum(line["quantity"] for line in lines),
        "gross_fen": sum(line["gross_fen"] for line in lines if line["sellable"]),
    }
