"""A member is given a coupon: for a tier, by a guide, after a payment, by operations."""

from collections.abc import Callable
from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Q

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
    before_quota: Callable[[guards.ClaimedCoupon], None] = lambda claimed: None,
    actor: Actor,
    now: datetime,
) -> guards.ClaimedCoupon | None:
    """One coupon of the template, public or not, for the member; None where ``key`` (at most 64
    characters: what it is given for) gave them one before. Limits and quota hold as for claims.
    ``before_quota`` gets the coupon for what else has to be written.

    Raises TemplateUnknown, ClaimClosed, NotForMember, PerMemberLimit, PerDayLimit,
    QuotaExhausted.
    """
    # Theirs first, though they may have made it a gift since.
    given = Coupon.objects.filter(
        Q(member_id=member_id, given_by__isnull=True) | Q(given_by_id=member_id),
        template__code=template_code,
        given_key=key,
    )
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
                before_quota=before_quota,
                actor=actor,
                now=now,
            )
    except IntegrityError:
        # The same, told at the same moment by somebody else.
        if given.exists():
            return None
        raise
