"""Why a coupon cannot be used at all, in words for whoever offers it."""

from datetime import datetime

from django.utils.translation import gettext as _

from coupons.models import Coupon
from coupons.states import USABLE, CouponState


def coupon_why(*, no: str, member_id: int, now: datetime) -> str:
    """Of a coupon that no rule was found for. One statement; whose it is, if it is another's, is
    not said."""
    found = Coupon.objects.select_related("template").filter(no=no, member_id=member_id)
    coupon = found.first()
    if coupon is None:
        return _("it is not yours")
    if coupon.state == CouponState.EXPIRED or (
        coupon.state in USABLE and coupon.valid_until <= now
    ):
        return _("it has expired")
    if coupon.state not in USABLE:
        return str(CouponState(coupon.state).label)
    if coupon.valid_from > now:
        return _("its time has not come yet")
    if coupon.template.use_stopped_at is not None:
        return _("its use has been stopped")
    return _("not valid at this store")
