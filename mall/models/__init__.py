from mall.models.aftersale import AfterSale, AfterSaleLine, Refund, RefundAllocation
from mall.models.catalogue import Brand, Category, Product, Review, Sku
from mall.models.discount_draft import DiscountDraft
from mall.models.fulfilment import DeliveryAddress, Fulfilment
from mall.models.order import (
    Adjustment,
    CartLine,
    Order,
    OrderLine,
    Tender,
    TenderAllocation,
)
from mall.models.payment import Notification, Payment
from mall.models.points_offer import PointsOffer
from mall.models.pos import PosRefund, PosRefundLine, PosTender, PosTicket
from mall.models.promotion import Promotion
from mall.models.stock import Reservation, Stock, StockMovement, StoreOffer
from mall.models.store_sale import StoreSale

__all__ = [
    "Adjustment",
    "AfterSale",
    "AfterSaleLine",
    "Brand",
    "CartLine",
    "Category",
    "DeliveryAddress",
    "DiscountDraft",
    "Fulfilment",
    "Notification",
    "Order",
    "OrderLine",
    "Payment",
    "PointsOffer",
    "PosRefund",
    "PosRefundLine",
    "PosTender",
    "PosTicket",
    "Product",
    "Promotion",
    "Refund",
    "RefundAllocation",
    "Reservation",
    "Review",
    "Sku",
    "Stock",
    "StockMovement",
    "StoreOffer",
    "StoreSale",
    "Tender",
    "TenderAllocation",
]
