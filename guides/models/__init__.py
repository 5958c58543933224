from guides.models.basket import PreparedBasket, PreparedLine
from guides.models.commission import Attribution, CommissionEntry
from guides.models.guide import Binding, Guide, GuideAssignment, Touch
from guides.models.handout import CouponAllowance, CouponHandout, HandoutCount

__all__ = [
    "Attribution",
    "Binding",
    "CommissionEntry",
    "CouponAllowance",
    "CouponHandout",
    "Guide",
    "GuideAssignment",
    "HandoutCount",
    "PreparedBasket",
    "PreparedLine",
    "Touch",
]
