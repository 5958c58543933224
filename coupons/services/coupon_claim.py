"""A member helps themselves to a coupon that anyone may claim."""

from collections.abc import Callable
from datetime import datetime

from config.kernel.actors import Actor
from coupons import guards


def coupon_claim(
    *,
    template_code: str,
    member_id: int,
    source_token: str,
    actor: Actor,
    now: datetime,
    before_quota: Callable[[guards.ClaimedCoupon], None] = lambda claimed: None,
) -> guards.ClaimedCoupon:
    """Claim one coupon of a public template. ``source_token`` is the code the member came by.

    Raises TemplateUnknown (404, also for a template that is not public), ClaimClosed,
    PerMemberLimit, QuotaExhausted (409). ``before_quota`` as for the guard.
    """
    return guards.coupon_claim(
        template_code=template_code,
        member_id=member_id,
        source_token=source_token,
        public_only=True,
        actor=actor,
        now=now,
        before_quota=before_quota,
    )
