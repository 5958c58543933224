"""Pages of coupons."""

from django.utils.translation import gettext_lazy as _

from config.kernel.admin.timeline import timeline_words
from coupons.admin import wallet  # noqa: F401
from coupons.states import CouponState

timeline_words(kinds={"coupons.changed": _("coupon")}, states={"coupon": CouponState})
