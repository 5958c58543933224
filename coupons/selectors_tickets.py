"""Reads over what coupons were redeemed for in stores."""

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from config.kernel.clock import SHANGHAI
from config.kernel.errors import Conflict
from coupons.models import CouponTicket, Redemption


class CouponUsed(Conflict):
    """``extra`` says where, when and by whom."""

    code = "coupon_used"
    message = _("Coupon {coupon} was used before: {where}, {when}, by {by}.")


def coupon_used_where(*, no: str, member_id: int) -> None:
    """Raise CouponUsed if the member's coupon ``no`` has a live use, saying where it was used,
    when and by whom; in the mall, the order's number. Two statements."""
    use = (
        Redemption.objects.filter(
            coupon__no=no, coupon__member_id=member_id, reversed_at__isnull=True
        )
        .values("reference", "redeemed_at")
        .first()
    )
    if use is None:
        return
    ticket = (
        CouponTicket.objects.filter(no=use["reference"])
        .values_list("store__name", "redeemed_by")
        .first()
    )
    where, by = ticket or (use["reference"], "-")
    when = timezone.localtime(use["redeemed_at"], SHANGHAI)
    raise CouponUsed(
        coupon=no, where=where, by=by, when=date_format(when, "Y-m-d H:i"), ticket=use["reference"]
    )
