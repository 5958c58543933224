"""The actions of the mall that may need a second person."""

from config.kernel.approvals import register_kind
from mall.services.aftersale_approval import REFUND_KIND
from mall.services.discount_draft import PUBLISH_KIND
from mall.services.price_change import OFFER_PRICE_KIND, SKU_PRICE_KIND
from mall.services.store_sale_approval import SALE_KIND


def register() -> None:
    for kind in (REFUND_KIND, SKU_PRICE_KIND, OFFER_PRICE_KIND, SALE_KIND, PUBLISH_KIND):
        register_kind(kind)
