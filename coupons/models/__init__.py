from coupons.models.code import CodePool, RedeemCode
from coupons.models.coupon import Coupon, CouponGift, Redemption
from coupons.models.template import ClaimSlot, Template
from coupons.models.ticket import CouponTicket, CouponTicketReturn

__all__ = [
    "ClaimSlot",
    "CodePool",
    "Coupon",
    "CouponGift",
    "CouponTicket",
    "CouponTicketReturn",
    "RedeemCode",
    "Redemption",
    "Template",
]
