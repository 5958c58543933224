"""Say how many pieces of a SKU a member means to buy at a store."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from mall.models import CartLine
from mall.offers import offers
from mall.selectors.catalogue_stores import SkuUnknown
from mall.services.quote import SkuUnavailable

MAX_LINES = 100


class CartFull(Conflict):
    code = "cart_full"
    message = _("A cart holds {most} different articles at most.")


def cart_set(
    *, member_id: int, store: str, sku: str, quantity: int, actor: Actor, now: datetime
) -> None:
    """Set the cart line to ``quantity`` pieces; 0 removes it, whatever became of the SKU.

    Raises StoreUnknown, SkuUnknown (404), SkuUnavailable, CartFull (409). Stock is not looked
    at: a cart promises nothing, and what is short today may come tomorrow.
    """
    here = offers(store_code=store, sku_codes=[sku], now=now)
    offer = here.by_sku.get(sku)
    if offer is None:
        raise SkuUnknown(sku=sku)
    mine = CartLine.objects.filter(member_id=member_id, store_id=here.store_id)
    if quantity == 0:
        mine.filter(sku_id=offer.sku_id).delete()
        return
    if not offer.sellable:
        raise SkuUnavailable(skus=sku)
    with transaction.atomic():
        if mine.exclude(sku_id=offer.sku_id).count() >= MAX_LINES:
            raise CartFull(most=MAX_LINES)
        CartLine.objects.bulk_create(
            [
                CartLine(
                    member_id=member_id,
                    store_id=here.store_id,
                    sku_id=offer.sku_id,
                    quantity=quantity,
                    updated_at=now,
                )
            ],
            update_conflicts=True,
            unique_fields=["member", "store", "sku"],
            update_fields=["quantity", "updated_at"],
        )
