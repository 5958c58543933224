"""Choices and the state machine of coupons."""

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class CouponKind(TextChoices):
    AMOUNT = "amount", _("amount off")
    PERCENT = "percent", _("percent off")
    PRICE = "price", _("a fixed price")
    EXCHANGE = "exchange", _("exchange for a product")
    NTH = "nth", _("every N-th piece cheaper")
    FREIGHT = "freight", _("freight")


class Span(TextChoices):
    ORDER = "order", _("the order")
    LINE = "line", _("each line by itself")


class Channel(TextChoices):
    MALL = "mall", _("mall")
    STORE = "store", _("store")


class CouponState(TextChoices):
    CLAIMED = "claimed", _("claimed")
    LOCKED = "locked", _("locked by an order")
    USED = "used", _("used")
    RETURNED = "returned", _("returned")
    OFFERED = "offered", _("offered as a gift")
    EXPIRED = "expired", _("expired")
    REVOKED = "revoked", _("revoked")


# A cash desk uses a coupon at once; an order locks it first and uses it when it is paid.
_FROM_USABLE = frozenset(
    {CouponState.LOCKED, CouponState.USED, CouponState.EXPIRED, CouponState.REVOKED}
)
COUPON_MACHINE = {
    CouponState.CLAIMED: _FROM_USABLE | {CouponState.OFFERED},
    CouponState.OFFERED: frozenset({CouponState.CLAIMED}),
    CouponState.LOCKED: frozenset({CouponState.USED, CouponState.CLAIMED, CouponState.RETURNED}),
    CouponState.USED: frozenset({CouponState.RETURNED}),
    CouponState.RETURNED: _FROM_USABLE,
}
USABLE = (CouponState.CLAIMED, CouponState.RETURNED)


class RefundPolicy(TextChoices):
    RETURN = "return", _("comes back when the whole order is refunded")
    KEEP = "keep", _("stays used")


class Source(TextChoices):
    """How a member came by a coupon."""

    CLAIM = "claim", _("claimed")
    POINTS = "points", _("for points")
    TIER = "tier", _("on reaching a tier")
    BIRTHDAY = "birthday", _("birthday")
    CODE = "code", _("by a code")
    GUIDE = "guide", _("from a guide")
    SCAN = "scan", _("scanned at a place")
    PAYMENT = "payment", _("after a payment")
    PUSH = "push", _("sent by operations")


class Verdict(TextChoices):
    """What becomes of a claim that is judged."""

    ALLOW = "allow", _("allowed")
    CHALLENGE = "challenge", _("challenged")
    REFUSE = "refuse", _("refused")


class PoolKind(TextChoices):
    UNIQUE = "unique", _("many codes, each for one coupon")
    SHARED = "shared", _("one code for everybody")


class TicketState(TextChoices):
    """Of coupons that were redeemed in a store."""

    REDEEMED = "redeemed", _("redeemed")
    RETURNED = "returned", _("returned")
    REVERSED = "reversed", _("reversed")


TICKET_MACHINE = {
    TicketState.REDEEMED: frozenset({TicketState.RETURNED, TicketState.REVERSED}),
}
