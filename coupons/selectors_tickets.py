"""Reads over what coupons were redeemed for in stores."""

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from config.kernel.clock import SHANGHAI
from config.kernel.errors import Conflict
from config.kernel.models import User
from coupons.models import CouponTicket, Redemption
from stores.models import Terminal


class CouponUsed(Conflict):
    """``extra`` says where, when and by whom."""

    code = "coupon_used"
    message = _("Coupon {coupon} was used before: {where}, {when}, by {by}.")


def redeemer(by: str) -> str:
    """``CouponTicket.redeemed_by`` as people read it: "user:7" → their name, "terminal:TM…/0007" →
    the till's name, and the cashier's number. One statement."""
    kind, _colon, name = by.partition(":")
    if kind == "user" and name.isdecimal():
        user = User.objects.filter(pk=int(name)).first()
        return str(user) if user else by
    code, slash, cashier = name.partition("/")
    till = Terminal.objects.filter(no=code).values_list("name", flat=True).first()
    return f"{till}{slash}{cashier}" if till else by


def coupon_used_where(*, no: str, member_id: int) -> None:
    """Raise CouponUsed if the member's coupon ``no`` has a live use, saying where it was used,
    when and by whom; in the mall, the order's number. Three statements."""
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
    where, by = (ticket[0], redeemer(ticket[1])) if ticket else (use["reference"], "-")
    when = timezone.localtime(use["redeemed_at"], SHANGHAI)
    raise CouponUsed(
        coupon=no, where=where, by=by, when=date_format(when, "Y-m-d H:i"), ticket=use["reference"]
    )
