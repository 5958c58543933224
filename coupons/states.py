"""Choices and the state machine of coupons."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class CouponKind(TextChoices):
    AMOUNT = "amount", _("amount off")
    PERCENT = "percent", _("percent off")


class Channel(TextChoices):
    MALL = "mall", _("mall")
    STORE = "store", _("store")


class CouponState(TextChoices):
    CLAIMED = "claimed", _("claimed")
    LOCKED = "locked", _("locked by an order")
    USED = "used", _("used")
    RETURNED = "returned", _("returned")
    EXPIRED = "expired", _("expired")
    REVOKED = "revoked", _("revoked")


# A cash desk uses a coupon at once; an order locks it first and uses it when it is paid.
_FROM_USABLE = frozenset(
    {CouponState.LOCKED, CouponState.USED, CouponState.EXPIRED, CouponState.REVOKED}
)
COUPON_MACHINE = {
    CouponState.CLAIMED: _FROM_USABLE,
    CouponState.LOCKED: frozenset({CouponState.USED, CouponState.CLAIMED, CouponState.RETURNED}),
    CouponState.USED: frozenset({CouponState.RETURNED}),
    CouponState.RETURNED: _FROM_USABLE,
}
USABLE = (CouponState.CLAIMED, CouponState.RETURNED)


class RefundPolicy(TextChoices):
    RETURN = "return", _("comes back when the whole order is refunded")
    KEEP = "keep", _("stays used")
