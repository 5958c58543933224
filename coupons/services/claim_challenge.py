"""A member passes the challenge of a claim: a fresh login code of WeChat, for the same person.

A script that got hold of a session cannot make one; a person with the mini-program in hand does
not notice that it was asked for.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from config.kernel.actors import Actor
from config.kernel.errors import Forbidden, NotFound
from config.kernel.events import record
from coupons.events import ClaimChallengePassed
from coupons.models import ClaimDecision
from coupons.states import Verdict
from members.models import ExternalId
from members.services.member_wechat import WechatIdentity
from members.states import ExternalKind

LIVES = timedelta(minutes=10)


class ClaimChallengeUnknown(NotFound):
    code = "claim_challenge_unknown"
    message = _("There is no such challenge, or its ten minutes are over. Claim again.")


class ClaimChallengeFailed(Forbidden):
    code = "claim_challenge_failed"
    message = _("WeChat says that this is somebody else.")


def claim_challenge_answer(
    *, challenge: str, member_id: int, identity: WechatIdentity, actor: Actor, now: datetime
) -> ClaimDecision:
    """``identity`` is what WeChat said of the code, before: the member's own lets one claim of
    the template pass within ten minutes. A repetition changes nothing.

    Raises ClaimChallengeUnknown, ClaimChallengeFailed.
    """
    with transaction.atomic():
        decision = (
            ClaimDecision.objects.select_related("template")
            .filter(
                no=challenge,
                member_id=member_id,
                verdict=Verdict.CHALLENGE,
                decided_at__gt=now - LIVES,
            )
            .first()
        )
        if decision is None:
            raise ClaimChallengeUnknown()
        theirs = ExternalId.objects.filter(
            member_id=member_id,
            kind=ExternalKind.OPENID,
            app_id=identity.app_id,
            value=identity.openid,
        )
        if not theirs.exists():
            raise ClaimChallengeFailed()
        open_ = ClaimDecision.objects.filter(pk=decision.pk, answered_at__isnull=True)
        if open_.update(answered_at=now):
            record([ClaimChallengePassed(subject_id=decision.pk)], actor=actor, now=now)
            decision.answered_at = now
    return decision
