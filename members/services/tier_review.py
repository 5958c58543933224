"""Tiers follow growth: up at once, down at the end of a period and its grace."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from config.kernel import locks
from config.kernel.actors import SYSTEM
from config.kernel.models import PolicyVersion
from config.kernel.policies import policy_at
from members.growth import TierRule, TierRules
from members.models import Member, MemberTier, Tier
from members.selectors_tiers import KIND, growth_in_window, tiers_due
from members.services.tier_transition import tier_transition
from members.states import TierCause

# Who changes growth or tier of a member waits for the others who do.
LOCK = "members.growth"


def tiers_raise(*, member_ids: Collection[int], now: datetime) -> int:
    """Lift those whose growth reaches a higher tier than theirs; returns how many. In the
    caller's transaction, who has the advisory lock. Without a "tiers" policy nothing happens."""
    policy = policy_at(kind=KIND, moment=now)
    if policy is None or not member_ids:
        return 0
    rules = TierRules.read(policy.body)
    grown = growth_in_window(member_ids=member_ids, since=rules.window_start(now), now=now)
    raised = 0
    for member in Member.objects.select_related("tier").filter(pk__in=member_ids).order_by("pk"):
        reached, own = rules.reached(grown[member.pk]), rules.rank(_code(member))
        if member.tier is not None and own < 0:
            # A tier the rules do not know was given by people.
            continue
        if reached is not None and rules.rank(reached.code) > own:
            _move(member, reached, TierCause.UPGRADE, grown[member.pk], rules, policy, now)
            raised += 1
    return raised


def tiers_review(*, now: datetime, limit: int = 200) -> int:
    """Renew up to ``limit`` periods whose growth was kept, and end those whose grace is over;
    returns how many. Call until it returns 0. By the policy in force at ``now``."""
    policy = policy_at(kind=KIND, moment=now)
    if policy is None:
        return 0
    rules = TierRules.read(policy.body)
    with transaction.atomic():
        due = tiers_due(rules=rules, now=now, limit=limit)
        locks.advisory(LOCK, due)
        grown = growth_in_window(member_ids=due, since=rules.window_start(now), now=now)
        # What another review has done meanwhile is not due any more.
        live = MemberTier.objects.filter(ended_at__isnull=True, until__lte=now, member__in=due)
        periods = live.select_related("member", "member__tier").order_by("member_id")
        reviewed = 0
        for period in periods:
            member = period.member
            reached = rules.reached(grown[member.pk])
            rank, own = rules.rank(reached.code) if reached else -1, rules.rank(_code(member))
            if own >= 0 and rank >= own:
                cause = TierCause.RENEWAL if rank == own else TierCause.UPGRADE
            elif period.grace_until is not None and period.grace_until <= now:
                cause = TierCause.DOWNGRADE
            else:
                continue
            _move(member, reached, cause, grown[member.pk], rules, policy, now)
            reviewed += 1
    return reviewed


def _code(member: Member) -> str:
    return member.tier.code if member.tier else ""


def _move(
    member: Member,
    tier: TierRule | None,
    cause: str,
    growth: int,
    rules: TierRules,
    policy: PolicyVersion,
    now: datetime,
) -> None:
    tier_transition(
        member=member,
        tier_id=Tier.objects.get(code=tier.code).pk if tier else None,
        cause=cause,
        growth=growth,
        policy=policy,
        period=rules.period(tier, now),
        actor=SYSTEM,
        now=now,
    )
