"""Claims of templates that attract hoarders are judged: allowed, challenged or refused."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import Forbidden
from config.kernel.numbers import new_no
from config.kernel.policies import policy_at
from coupons import member_facts
from coupons.claim_risk import KIND, ClaimRisk, Judgement
from coupons.claimed import ClaimedCoupon
from coupons.models import ClaimDecision
from coupons.selectors_risk import claim_facts
from coupons.states import Verdict


@dataclass(frozen=True, slots=True)
class Visitor:
    """Where a claim comes from: what the mini-program calls the device, and the address without
    its last part; empty where not known. Only keyed hashes of them are kept."""

    device: str = ""
    network: str = ""

    @property
    def device_hash(self) -> str:
        return _hash("device", self.device)

    @property
    def network_hash(self) -> str:
        return _hash("network", self.network)


NOBODY = Visitor()


class ClaimHeld(Forbidden):
    """Raised inside the claim's transaction, which it rolls back; whoever catches it outside has
    it kept (``claim_held_keep``)."""

    def __init__(self, decision: ClaimDecision, **params: Any) -> None:
        self.decision = decision
        super().__init__(**params)


class ClaimRefused(ClaimHeld):
    code = "claim_refused"
    message = _("This coupon cannot be given to you now. Ask the service desk if that is wrong.")


class ClaimChallenged(ClaimHeld):
    code = "claim_challenged"
    message = _("Confirm in WeChat that it is you, then claim again.")


@dataclass(slots=True)
class ClaimJudge:
    """Judges one claim: ``judge`` and ``keep`` are what ``guards.coupon_claim`` calls."""

    member_id: int
    source: str
    visitor: Visitor
    now: datetime
    decision: ClaimDecision | None = None

    def judge(self, template_id: int) -> None:
        """Raises ClaimRefused, ClaimChallenged. One statement for the facts, one for the rules,
        and one per fact of a member that the rules ask for besides."""
        device_hash, network_hash = self.visitor.device_hash, self.visitor.network_hash
        found = claim_facts(
            member_id=self.member_id,
            template_id=template_id,
            device_hash=device_hash,
            network_hash=network_hash,
            now=self.now,
        )
        policy = policy_at(kind=KIND, moment=self.now, scope=found.operator_code)
        facts: dict[str, Any] = found.facts
        judged = Judgement(Verdict.ALLOW, 0, [])
        if policy is not None:
            rules = ClaimRisk.read(policy.body)
            asked = [rule.when for rule in rules.rules]
            facts |= member_facts.member_facts(member_id=self.member_id, rules=asked, now=self.now)
            judged = rules.judge(facts)
        passed = found.answer_id if judged.verdict == Verdict.CHALLENGE else None
        self.decision = ClaimDecision(
            no=new_no("J"),
            template_id=template_id,
            member_id=self.member_id,
            source=self.source,
            verdict=Verdict.ALLOW if passed else judged.verdict,
            score=judged.score,
            policy=policy,
            facts=facts,
            reasons=judged.reasons,
            device_hash=device_hash,
            network_hash=network_hash,
            decided_at=self.now,
            answers_id=passed,
        )
        if self.decision.verdict == Verdict.CHALLENGE:
            raise ClaimChallenged(self.decision, challenge=self.decision.no)
        if self.decision.verdict == Verdict.REFUSE:
            raise ClaimRefused(self.decision)

    def keep(
        self, then: Callable[[ClaimedCoupon], None] = lambda claimed: None
    ) -> Callable[[ClaimedCoupon], None]:
        """What to do before the quota: keep why the coupon was given, and ``then``."""

        def before_quota(claimed: ClaimedCoupon) -> None:
            if self.decision is not None:
                self._keep(self.decision, claimed)
            then(claimed)

        return before_quota

    def _keep(self, decision: ClaimDecision, claimed: ClaimedCoupon) -> None:
        decision.coupon_id = claimed.pk
        # Waits for another claim that the same answer lets pass, and then writes nothing.
        ClaimDecision.objects.bulk_create([decision], ignore_conflicts=True)
        answer = decision.answers_id
        if answer is None or ClaimDecision.objects.filter(no=decision.no).exists():
            return
        decision.no, decision.verdict = new_no("J"), Verdict.CHALLENGE
        decision.coupon_id = decision.answers_id = None
        raise ClaimChallenged(decision, challenge=decision.no)


def claim_held_keep(*, held: ClaimHeld) -> ClaimDecision:
    """Keep why a claim was not given, after its transaction is gone. Once: a repetition changes
    nothing."""
    with transaction.atomic():
        ClaimDecision.objects.bulk_create([held.decision], ignore_conflicts=True)
        return ClaimDecision.objects.get(no=held.decision.no)


def _hash(kind: str, value: str) -> str:
    if not value:
        return ""
    return salted_hmac(f"coupons.claim.{kind}", value, algorithm="sha256").hexdigest()[:32]
