"""The one place where a member's tier changes."""

from datetime import datetime

from config.kernel.actors import Actor
from config.kernel.events import record
from config.kernel.models import PolicyVersion
from members.events import MemberTierChanged
from members.models import Member, MemberTier


def tier_transition(
    *,
    member: Member,
    tier_id: int | None,
    cause: str,
    growth: int,
    policy: PolicyVersion,
    period: tuple[datetime, datetime] | None,
    actor: Actor,
    now: datetime,
) -> MemberTier:
    """End the member's period and begin another, in ``tier_id`` or in none; in the caller's
    transaction, who has the advisory lock of the member. Writes the event."""
    MemberTier.objects.filter(member=member, ended_at__isnull=True).update(ended_at=now)
    until, grace_until = period or (None, None)
    live = MemberTier.objects.create(
        member=member,
        tier_id=tier_id,
        cause=cause,
        growth=growth,
        policy=policy,
        since=now,
        until=until,
        grace_until=grace_until,
    )
    before = member.tier_id
    Member.objects.filter(pk=member.pk).update(tier_id=tier_id)
    event = MemberTierChanged(
        subject_id=member.pk,
        period_id=live.pk,
        cause=cause,
        policy_id=policy.pk,
        from_tier_id=before,
        tier_id=tier_id,
    )
    record([event], actor=actor, now=now)
    return live
