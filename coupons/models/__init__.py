from coupons.models.coupon import Coupon, Redemption
from coupons.models.template import Template

__all__ = ["Coupon", "Redemption", "Template"]
