"""A member is given a coupon: for a tier, by a guide, after a payment, by operations."""

from datetime import datetime

from django.db import IntegrityError, transaction

from config.kernel.actors import Actor
from coupons import guards
from coupons.models import Coupon


def coupon_give(
    *,
    template_code: str,
    member_id: int,
    source: str,
    key: str,
    source_token: str = "",
    actor: Actor,
    now: datetime,
) -> guards.ClaimedCoupon | None:
    """One coupon of the template, public or not, for the member; None where ``key`` (at most 64
    characters: what it is given for) gave them one before. Limits and quota hold as for claims.

    Raises TemplateUnknown, ClaimClosed, NotForMember, PerMemberLimit, PerDayLimit,
    QuotaExhausted.
    """
    given = Coupon.objects.filter(member_id=member_id, template__code=template_code, given_key=key)
    if given.exists():
        return None
    try:
        with transaction.atomic():
            return guards.coupon_claim(
                template_code=template_code,
                member_id=member_id,
                source=source,
                source_token=source_token,
                given_key=key,
                actor=actor,
                now=now,
            )
    except IntegrityError:
        # The same, told at the same moment by somebody else.
        if given.exists():
            return None
        raise
