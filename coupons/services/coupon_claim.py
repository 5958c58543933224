"""A member helps themselves to a coupon that anyone may claim."""

from collections.abc import Callable
from datetime import datetime

from config.kernel.actors import Actor
from coupons import guards
from coupons.services.claim_judge import NOBODY, ClaimJudge, Visitor
from coupons.states import Source


def coupon_claim(
    *,
    template_code: str,
    member_id: int,
    source_token: str,
    visitor: Visitor = NOBODY,
    actor: Actor,
    now: datetime,
    before_quota: Callable[[guards.ClaimedCoupon], None] = lambda claimed: None,
) -> guards.ClaimedCoupon:
    """Claim one coupon of a public template. ``source_token`` is the code the member came by.

    Raises TemplateUnknown (404, also for a template that is not public), ClaimClosed,
    PerMemberLimit, QuotaExhausted (409); where claims of the template are judged ClaimRefused and
    ClaimChallenged (403), to be kept by the caller. A refusal ends the caller's transaction.
    ``before_quota`` as for the guard; it waits for nobody.
    """
    judge = ClaimJudge(member_id, Source.CLAIM, visitor, now)
    return guards.coupon_claim(
        template_code=template_code,
        member_id=member_id,
        source_token=source_token,
        public_only=True,
        actor=actor,
        now=now,
        judge=judge.judge,
        before_quota=judge.keep(before_quota),
        direct=True,
    )
