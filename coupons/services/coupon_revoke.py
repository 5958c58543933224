"""What was given for something goes back when that is undone."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from config.kernel.actors import Actor
from config.kernel.errors import Conflict
from coupons.models import Coupon
from coupons.services.coupon_gift import coupon_transition
from coupons.states import USABLE, CouponState


def coupons_revoke(
    *,
    template_codes: Collection[str],
    member_id: int,
    key: str,
    reason: str,
    actor: Actor,
    now: datetime,
) -> int:
    """Revoke the coupons of the templates that ``key`` gave the member and that lie unused with
    them; returns how many. What was used, is locked by an order or was given to a friend stays
    as it is. ``reason`` is kept with the event. A repetition finds nothing."""
    given = Coupon.objects.filter(
        member_id=member_id,
        template__code__in=template_codes,
        given_key=key,
        state__in=USABLE,
        given_by__isnull=True,
    )
    revoked = 0
    for coupon in given.order_by("pk"):
        try:
            with transaction.atomic():
                coupon_transition(
                    coupon=coupon,
                    to_state=CouponState.REVOKED,
                    actor=actor,
                    now=now,
                    reference=reason,
                )
                revoked += 1
        except Conflict:
            # Used at this very moment.
            continue
    return revoked
