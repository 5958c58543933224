from coupons.models.code import CodePool, RedeemCode
from coupons.models.coupon import Coupon, CouponGift, Redemption
from coupons.models.risk import ClaimDecision, QuotaAlert
from coupons.models.template import ClaimSlot, Template
from coupons.models.ticket import CouponTicket, CouponTicketReturn

__all__ = [
    "ClaimDecision",
    "ClaimSlot",
    "CodePool",
    "Coupon",
    "CouponGift",
    "CouponTicket",
    "CouponTicketReturn",
    "QuotaAlert",
    "RedeemCode",
    "Redemption",
    "Template",
]
