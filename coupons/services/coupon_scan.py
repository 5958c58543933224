"""Coupons that hang on a wall: the code of a place is scanned and a coupon is had."""

from datetime import datetime

from config.kernel.actors import Actor
from config.kernel.codes import code_issue, code_resolve
from config.kernel.models import Code
from coupons import guards
from coupons.models import Template
from coupons.services.claim_judge import NOBODY, ClaimJudge, Visitor
from coupons.states import Source

PURPOSE = "coupon_place"
OWNER = "coupons.template"


def place_code_issue(
    *, template_id: int, place: str, now: datetime, valid_until: datetime | None = None
) -> Code:
    """A code for ``place`` (a store's shelf, a poster) that gives coupons of the template, public
    or not. Raises TemplateUnknown."""
    if not Template.objects.filter(pk=template_id).exists():
        raise guards.TemplateUnknown()
    return code_issue(
        purpose=PURPOSE,
        owner_type=OWNER,
        owner_id=template_id,
        payload={"place": place[:80]},
        valid_until=valid_until,
        now=now,
    )


def coupon_scan(
    *, token: str, member_id: int, visitor: Visitor = NOBODY, actor: Actor, now: datetime
) -> guards.ClaimedCoupon:
    """Raises CodeInvalid (404), ClaimClosed, NotForMember, PerMemberLimit, PerDayLimit,
    QuotaExhausted; where claims of the template are judged ClaimRefused, ClaimChallenged."""
    code = code_resolve(token=token, now=now, purpose=PURPOSE)
    template = Template.objects.get(pk=code.owner_id)
    judge = ClaimJudge(member_id, Source.SCAN, visitor, now)
    return guards.coupon_claim(
        template_code=template.code,
        member_id=member_id,
        source=Source.SCAN,
        source_token=code.token,
        actor=actor,
        now=now,
        judge=judge.judge,
        before_quota=judge.keep(),
    )
