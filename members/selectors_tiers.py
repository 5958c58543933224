"""Reads over growth and tiers."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models.functions import Coalesce, Least
from django.utils.translation import gettext as _

from config.kernel.money import BASIS_POINTS
from config.kernel.policies import PolicyInvalid, policy_at
from members.growth import TierRules
from members.membership import RatePeriod
from members.models import Member, Membership, MemberTier, Tier

KIND = "tiers"

_GROWTH = """
SELECT member_id, greatest(sum(growth), 0)::bigint FROM members_growthentry
WHERE member_id = ANY(%(members)s::bigint[]) AND occurred_at <= %(now)s::timestamptz
  AND (%(since)s::timestamptz IS NULL OR occurred_at > %(since)s::timestamptz)
GROUP BY member_id
"""

_SETTLED = """
SELECT reference, sum(growth)::bigint, count(*) FROM members_growthentry
WHERE reference = ANY(%(references)s::text[]) GROUP BY reference
"""

# Periods to be renewed, and those whose grace is over. Who is in between waits.
_DUE = """
WITH rule AS (
  SELECT t.id, r.growth_from FROM unnest(%(codes)s::text[], %(starts)s::bigint[])
    AS r(code, growth_from) JOIN members_tier t ON t.code = r.code
)
SELECT p.member_id FROM members_membertier p
LEFT JOIN rule ON rule.id = p.tier_id
LEFT JOIN LATERAL (
  SELECT sum(e.growth) AS growth FROM members_growthentry e
  WHERE e.member_id = p.member_id AND e.occurred_at <= %(now)s::timestamptz
    AND (%(since)s::timestamptz IS NULL OR e.occurred_at > %(since)s::timestamptz)
) AS g ON true
WHERE p.ended_at IS NULL AND p.until <= %(now)s::timestamptz
  AND (p.grace_until <= %(now)s::timestamptz OR coalesce(g.growth, 0) >= rule.growth_from)
ORDER BY p.until, p.id LIMIT %(limit)s::int
"""

_SIMULATED = """
WITH rule AS (
  SELECT * FROM unnest(%(codes)s::text[], %(starts)s::bigint[]) WITH ORDINALITY
    AS r(code, growth_from, rank)
), grown AS (
  SELECT member_id, greatest(sum(growth), 0) AS growth FROM members_growthentry
  WHERE occurred_at <= %(now)s::timestamptz
    AND (%(since)s::timestamptz IS NULL OR occurred_at > %(since)s::timestamptz)
  GROUP BY member_id
), judged AS (
  SELECT have.code AS from_code, have_rule.rank AS from_rank, want.code AS to_code,
    want.rank AS to_rank
  FROM members_member m
  LEFT JOIN grown ON grown.member_id = m.id
  LEFT JOIN members_tier have ON have.id = m.tier_id
  LEFT JOIN rule have_rule ON have_rule.code = have.code
  LEFT JOIN LATERAL (
    SELECT code, rank FROM rule WHERE growth_from <= coalesce(grown.growth, 0)
    ORDER BY growth_from DESC LIMIT 1
  ) AS want ON true
  WHERE m.archived_at IS NULL
)
SELECT coalesce(from_code, ''), coalesce(to_code, ''),
  sign(coalesce(to_rank, 0) - coalesce(from_rank, 0))::int, count(*)
FROM judged GROUP BY 1, 2, 3 ORDER BY 3 DESC, 1, 2
"""


@dataclass(frozen=True, slots=True)
class TierProgress:
    """Where a member stands: growth that counts today and all there ever was, the tier and until
    when, the next tier and how much growth it is away (None in the highest, and without rules)."""

    growth: int
    total_growth: int
    tier: Tier | None
    until: datetime | None
    price_level: str
    next: Tier | None
    missing_growth: int | None


@dataclass(frozen=True, slots=True)
class TierMove:
    """How many members would go from one tier to another; "" is none. ``direction`` 1 is up, at
    once; -1 down, at the end of their period; 0 nowhere."""

    from_code: str
    to_code: str
    direction: int
    members: int


def growth_in_window(
    *, member_ids: Collection[int], since: datetime | None, now: datetime
) -> dict[int, int]:
    """Growth that counts at ``now``, by member, >= 0. One statement."""
    found = dict(_rows(_GROWTH, members=list(member_ids), since=since, now=now))
    return dict.fromkeys(member_ids, 0) | found


def growth_settled(*, references: Collection[str]) -> dict[str, tuple[int, int]]:
    """(growth so far, number of entries) by reference. One statement."""
    rows = _rows(_SETTLED, references=list(references))
    return {reference: (growth, count) for reference, growth, count in rows}


def tiers_due(*, rules: TierRules, now: datetime, limit: int) -> list[int]:
    """Members whose period is to be renewed or ended at ``now``. One statement."""
    rows = _rows(_DUE, **_params(rules, now), limit=limit)
    return [member_id for (member_id,) in rows]


def tier_progress(*, member_id: int, now: datetime) -> TierProgress:
    """For the wallet. Five statements at most. Raises Member.DoesNotExist."""
    member = Member.objects.select_related("tier").get(pk=member_id)
    policy = policy_at(kind=KIND, moment=now)
    if policy is None:
        return TierProgress(0, member.growth, member.tier, None, "", None, None)
    rules = TierRules.read(policy.body)
    start = rules.window_start(now)
    growth = growth_in_window(member_ids=[member_id], since=start, now=now)[member_id]
    live = MemberTier.objects.filter(member_id=member_id, ended_at__isnull=True).first()
    following = rules.following(growth)
    rank = rules.rank(member.tier.code) if member.tier else -1
    own = rules.tiers[rank] if rank >= 0 else None
    return TierProgress(
        growth=growth,
        total_growth=member.growth,
        tier=member.tier,
        until=live.until if live else None,
        price_level=own.price_level if own else "",
        next=Tier.objects.filter(code=following.code).first() if following else None,
        missing_growth=following.growth_from - growth if following else None,
    )


def price_levels(*, member_id: int, now: datetime) -> list[str]:
    """The lists of prices that a member has: of their tier, by the rules in force, and of what they
    have paid for. Only the normal one, "", without any other. Three statements at most."""
    tier = Member.objects.filter(pk=member_id).values_list("tier__code", flat=True).first()
    policy = policy_at(kind=KIND, moment=now) if tier else None
    rules = TierRules.read(policy.body).tiers if policy else ()
    named = {x.price_level for x in rules if x.code == tier}
    named |= {held.plan.price_level for held in membership_live(member_id=member_id, now=now)}
    return sorted(named - {""}) or [""]


def membership_rates(*, member_ids: Collection[int]) -> dict[int, list[RatePeriod]]:
    """When members had, have and will have a better rate of points by a paid membership. One
    statement."""
    rows = Membership.objects.filter(
        member_id__in=member_ids, plan__points_rate_bp__gt=BASIS_POINTS
    ).annotate(end=Least("until", Coalesce("ended_at", "until")))
    found: dict[int, list[RatePeriod]] = {}
    for member_id, *period in rows.values_list("member_id", "since", "end", "plan__points_rate_bp"):
        found.setdefault(member_id, []).append(RatePeriod(*period))
    return found


def membership_live(*, member_id: int, now: datetime) -> list[Membership]:
    """The member's memberships that hold at ``now``, with their plans, the last to end first. One
    statement."""
    held = Membership.objects.filter(
        member_id=member_id, since__lte=now, until__gt=now, ended_at__isnull=True
    )
    return list(held.select_related("plan").order_by("-until", "-pk"))


def tier_moves(*, rules: TierRules, now: datetime) -> list[TierMove]:
    """What ``rules`` would make of every member, by their growth so far. One statement."""
    return [TierMove(*row) for row in _rows(_SIMULATED, **_params(rules, now))]


def tiers_simulate(body: Mapping[str, Any], now: datetime) -> list[tuple[str, int]]:
    """For ``policies.policy_simulate``: members per move, in words of the active language."""
    words = {
        1: _("up, at once: {before} → {after}"),
        0: _("as before: {after}"),
        -1: _("down, at the end of their period: {before} → {after}"),
    }
    names = dict(Tier.objects.values_list("code", "name")) | {"": _("no tier")}
    return [
        (
            words[move.direction].format(before=names[move.from_code], after=names[move.to_code]),
            move.members,
        )
        for move in tier_moves(rules=TierRules.read(body), now=now)
    ]


def tiers_validate(body: dict[str, Any]) -> None:
    """Raise PolicyInvalid unless ``body`` is a "tiers" policy over tiers that exist."""
    codes = {tier.code for tier in TierRules.read(body).tiers}
    missing = codes - set(Tier.objects.filter(code__in=codes).values_list("code", flat=True))
    if missing:
        raise PolicyInvalid(problem=f"there is no tier {sorted(missing)[0]!r}")


def _params(rules: TierRules, now: datetime) -> dict[str, Any]:
    return {
        "codes": [tier.code for tier in rules.tiers],
        "starts": [tier.growth_from for tier in rules.tiers],
        "since": rules.window_start(now),
        "now": now,
    }


def _rows(sql: str, **params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
