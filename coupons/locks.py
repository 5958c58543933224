"""Row locks of coupons; the order over the whole system is in ``config.kernel.locks``."""

from datetime import datetime

from django.db.models import Q

from coupons.models import CodePool, CouponTicket, RedeemCode


def coupon_ticket_lock(*, ticket_id: int) -> CouponTicket:
    """The ticket of a store: whatever gives something of it back holds this first, and then its
    coupons."""
    return (
        CouponTicket.objects.select_for_update(no_key=True, of=("self",))
        .select_related("operator", "store", "member", "terminal")
        .get(pk=ticket_id)
    )


def redeem_code_lock(*, code_hash: str, now: datetime) -> RedeemCode | None:
    """The code with its pool, if that is still good: whoever redeems it holds this, and the
    coupon it becomes comes after it."""
    return (
        RedeemCode.objects.select_for_update(no_key=True, of=("self",))
        .select_related("pool__template")
        .filter(
            Q(pool__valid_until__isnull=True) | Q(pool__valid_until__gt=now),
            code_hash=code_hash,
            pool__stopped_at__isnull=True,
        )
        .first()
    )


def pool_lock(*, pool_id: int) -> CodePool | None:
    """The pool, whose codes nobody else makes meanwhile."""
    return CodePool.objects.select_for_update(no_key=True, of=("self",)).filter(pk=pool_id).first()
