"""What a claim is judged by: facts about who asks, rules that score them, and the verdict.

The body of a "claim_risk" policy, per operator::

    {"v": 1, "challenge_from": 50, "refuse_from": 90,
     "rules": [{"name": "new account", "when": CONDITION, "score": 30}]}

Every rule whose condition holds adds its score; the sum decides. Pure but for the table of facts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from config.kernel import conditions
from config.kernel.errors import DomainError
from config.kernel.policies import PolicyInvalid
from coupons import member_facts
from coupons.states import Verdict

KIND = "claim_risk"
MOST_SCORE, MOST_RULES, LONGEST_NAME = 1_000, 40, 40

# Counted for every claim that is judged, all of them in one statement (coupons.selectors_risk).
FACTS: dict[str, Any] = {
    "claim_account_days": _("age of the account in days"),
    "claim_phone": _("a phone is bound (1)"),
    "claim_device": _("the device is known (1)"),
    "claim_device_members": _("members on the device in 30 days"),
    "claim_member_hour": _("coupons of the member in an hour"),
    "claim_member_day": _("coupons of the member in a day"),
    "claim_device_hour": _("claims from the device in an hour"),
    "claim_device_day": _("claims from the device in a day"),
    "claim_network_hour": _("claims from the network in an hour"),
    "claim_network_day": _("claims from the network in a day"),
    "claim_phone_neighbours": _("new accounts with neighbouring phones in 7 days"),
    "claim_refused_day": _("claims of the member refused in a day"),
    "claim_expired": _("coupons of the member that ran out unused"),
    "claim_returned": _("coupons of the member that came back from refunds"),
}


@dataclass(frozen=True, slots=True)
class RiskRule:
    """Where the condition ``when`` holds of a claim, ``score`` points are added."""

    name: str
    when: Mapping[str, Any]
    score: int


@dataclass(frozen=True, slots=True)
class Judgement:
    """``reasons`` are the rules that held, as they are kept."""

    verdict: Verdict
    score: int
    reasons: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class ClaimRisk:
    """A published policy: the sum of points from which a claim is challenged, or refused."""

    challenge_from: int
    refuse_from: int
    rules: tuple[RiskRule, ...]

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "ClaimRisk":
        """Of a body that was validated."""
        rules = tuple(RiskRule(r["name"], r["when"], r["score"]) for r in body["rules"])
        return cls(body["challenge_from"], body["refuse_from"], rules)

    def judge(self, facts: Mapping[str, Any]) -> Judgement:
        """A fact that is not known makes no clause hold."""
        held = [rule for rule in self.rules if conditions.holds(rule.when, facts)]
        score = sum(rule.score for rule in held)
        verdict = Verdict.ALLOW
        if score >= self.refuse_from:
            verdict = Verdict.REFUSE
        elif score >= self.challenge_from:
            verdict = Verdict.CHALLENGE
        reasons = [{"name": r.name, "score": r.score, "when": dict(r.when)} for r in held]
        return Judgement(verdict, score, reasons)


def words(reasons: Sequence[Mapping[str, Any]]) -> list[str]:
    """Reasons for people, in the active language: "new account (+30): age … is at most 1"."""
    return [f"{r['name']} (+{r['score']}): {conditions.explain(r['when'])}" for r in reasons]


def validate(body: dict[str, Any]) -> None:
    """Raise PolicyInvalid for a body that could not be obeyed."""
    keys = {"v", "challenge_from", "refuse_from", "rules"}
    if not isinstance(body, dict) or set(body) != keys or body["v"] != 1:
        raise PolicyInvalid(problem=f'it has "v": 1 and {sorted(keys - {"v"})}')
    steps = body["challenge_from"], body["refuse_from"]
    if any(type(step) is not int or not 1 <= step <= MOST_SCORE for step in steps):
        raise PolicyInvalid(problem=f"scores are whole numbers from 1 to {MOST_SCORE}")
    if steps[0] > steps[1]:
        raise PolicyInvalid(problem="nothing is refused before it is challenged")
    rules = body["rules"]
    if not isinstance(rules, list) or len(rules) > MOST_RULES:
        raise PolicyInvalid(problem=f"rules are a list of at most {MOST_RULES}")
    for rule in rules:
        _validate_rule(rule)


def _validate_rule(rule: Any) -> None:
    if not isinstance(rule, dict) or set(rule) != {"name", "when", "score"}:
        raise PolicyInvalid(problem='a rule has "name", "when" and "score"')
    name, score = rule["name"], rule["score"]
    if not isinstance(name, str) or not 1 <= len(name.strip()) <= LONGEST_NAME:
        raise PolicyInvalid(problem=f"a rule's name has 1 to {LONGEST_NAME} characters")
    # Below zero: what speaks for somebody.
    if type(score) is not int or not -MOST_SCORE <= score <= MOST_SCORE:
        raise PolicyInvalid(problem=f"a rule's score is a whole number up to {MOST_SCORE}")
    if not rule["when"]:
        raise PolicyInvalid(problem=f"the rule {name!r} says nothing about the claim")
    try:
        conditions.validate(rule["when"])
    except DomainError as error:
        raise PolicyInvalid(problem=str(error)) from None
    unknown = member_facts.named(rule["when"]) - set(FACTS) - member_facts.known()
    if unknown:
        raise PolicyInvalid(problem=f"{sorted(unknown)[0]!r} is not known of a claim")
