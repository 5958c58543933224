"""Reads for judging claims, trying rules out on past claims, and what a stop saved."""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from config.kernel.money import proportion_down
from coupons.claim_risk import ClaimRisk
from coupons.models import ClaimDecision, Template
from coupons.states import CouponKind, Span, Verdict

# How long an answered challenge lets a claim pass.
ANSWER_COUNTS = timedelta(minutes=10)
SIMULATED, SIMULATED_MOST = timedelta(days=7), 20_000

_FACTS = """
WITH me AS (
  SELECT id, phone, created_at FROM members_member WHERE id = %(member)s::bigint
), mine AS (
  SELECT count(*) FILTER (WHERE claimed_at > %(hour)s AND source IN ('claim', 'scan')) AS hour,
    count(*) FILTER (WHERE claimed_at > %(day)s AND source IN ('claim', 'scan')) AS day,
    count(*) FILTER (WHERE state = 'expired') AS expired,
    count(*) FILTER (WHERE state = 'returned') AS returned
  FROM coupons_coupon WHERE member_id = %(member)s::bigint
), device AS (
  SELECT count(DISTINCT member_id) FILTER (WHERE member_id <> %(member)s::bigint) AS others,
    count(*) FILTER (WHERE decided_at > %(hour)s) AS hour,
    count(*) FILTER (WHERE decided_at > %(day)s) AS day
  FROM coupons_claimdecision
  WHERE device_hash = %(device)s::text AND device_hash <> '' AND decided_at > %(month)s
), network AS (
  SELECT count(*) FILTER (WHERE decided_at > %(hour)s) AS hour, count(*) AS day
  FROM coupons_claimdecision
  WHERE network_hash = %(network)s::text AND network_hash <> '' AND decided_at > %(day)s
), decided AS (
  SELECT count(*) FILTER (WHERE d.verdict = 'refuse' AND d.decided_at > %(day)s) AS refused,
    max(d.id) FILTER (
      WHERE d.template_id = %(template)s::bigint AND d.answered_at > %(answered)s
        AND NOT EXISTS (SELECT FROM coupons_claimdecision a WHERE a.answers_id = d.id)
    ) AS answer
  FROM coupons_claimdecision d
  WHERE d.member_id = %(member)s::bigint AND d.decided_at > %(day)s
), neighbours AS (
  -- The last four digits apart; ~>=~ and ~<~ compare by bytes, as the index of phones does.
  SELECT count(n.id) AS n FROM me
  LEFT JOIN members_member n ON n.id <> me.id AND n.created_at > %(week)s
    AND n.phone ~>=~ left(me.phone, -4) AND n.phone ~<~ (left(me.phone, -4) || ':')
)
SELECT o.code, decided.answer,
  greatest(floor(extract(epoch FROM %(now)s - me.created_at) / 86400), 0)::int,
  (me.phone IS NOT NULL)::int,
  (%(device)s::text <> '')::int, device.others + (%(device)s::text <> '')::int,
  mine.hour, mine.day, device.hour, device.day, network.hour, network.day,
  neighbours.n, decided.refused, mine.expired, mine.returned
FROM me, mine, device, network, decided, neighbours, coupons_template t
JOIN stores_operator o ON o.id = t.operator_id WHERE t.id = %(template)s::bigint
"""
_NAMES = (
    "claim_account_days",
    "claim_phone",
    "claim_device",
    "claim_device_members",
    "claim_member_hour",
    "claim_member_day",
    "claim_device_hour",
    "claim_device_day",
    "claim_network_hour",
    "claim_network_day",
    "claim_phone_neighbours",
    "claim_refused_day",
    "claim_expired",
    "claim_returned",
)


@dataclass(frozen=True, slots=True)
class ClaimFacts:
    """``answer_id`` is a challenge that the member passed and that let no claim pass yet."""

    operator_code: str
    answer_id: int | None
    facts: dict[str, int]


def claim_facts(
    *, member_id: int, template_id: int, device_hash: str, network_hash: str, now: datetime
) -> ClaimFacts:
    """All of ``claim_risk.FACTS`` for a claim that is about to happen. One statement."""
    values: dict[str, Any] = {
        "member": member_id,
        "template": template_id,
        "device": device_hash,
        "network": network_hash,
        "now": now,
        "answered": now - ANSWER_COUNTS,
        "hour": now - timedelta(hours=1),
        "day": now - timedelta(days=1),
        "week": now - timedelta(days=7),
        "month": now - timedelta(days=30),
    }
    with connection.cursor() as cursor:
        cursor.execute(_FACTS, values)
        operator_code, answer_id, *facts = cursor.fetchone()
    return ClaimFacts(operator_code, answer_id, dict(zip(_NAMES, facts, strict=True)))


def claim_risk_simulate(body: dict[str, Any], now: datetime) -> list[tuple[str, int]]:
    """For ``policies.policy_simulate``: what the rules would have made of the claims of the last
    seven days (at most 20,000, the newest) by what was known then. Changes nothing. Two
    statements at most."""
    rules = ClaimRisk.read(body)
    recent = ClaimDecision.objects.filter(decided_at__gt=now - SIMULATED)
    rows = recent.order_by("-decided_at").values_list("verdict", "facts")[:SIMULATED_MOST]
    judged = [(before, rules.judge(facts).verdict) for before, facts in rows]
    return [
        (_("claims of the last 7 days"), len(judged)),
        (_("would have been allowed"), _count(judged, Verdict.ALLOW)),
        (_("would have been challenged"), _count(judged, Verdict.CHALLENGE)),
        (_("would have been refused"), _count(judged, Verdict.REFUSE)),
        (
            _("refused that were allowed"),
            sum(1 for pair in judged if pair == (Verdict.ALLOW, Verdict.REFUSE)),
        ),
        (
            _("allowed that were not"),
            sum(1 for was, is_ in judged if was != Verdict.ALLOW and is_ == Verdict.ALLOW),
        ),
    ]


def _count(judged: list[tuple[str, Verdict]], verdict: Verdict) -> int:
    return sum(1 for _before, after in judged if after == verdict)


@dataclass(frozen=True, slots=True)
class StopReport:
    """What a template would have cost had it not been stopped, and what it may still cost.

    ``average_fen`` is the discount of its uses so far; of a template never used, what a coupon is
    worth at most; None where that is not known. Without it the amounts are None as well.
    ``going_on`` is how many more would have been claimed until the window's end at the pace of
    the last hour, ``left`` all that was left of the quota. No amount exceeds what is left of the
    budget. ``out`` are coupons that members have and can use.
    """

    claims_hour: int
    left: int
    going_on: int
    out: int
    average_fen: int | None
    going_on_fen: int | None
    left_fen: int | None
    out_fen: int | None


_COUNTS = """
SELECT count(*) FILTER (WHERE c.claimed_at > %(hour)s AND c.claimed_at <= %(at)s),
  count(*) FILTER (WHERE c.state IN ('claimed', 'returned', 'offered', 'locked')
                   AND c.valid_until > %(now)s),
  count(*),
  (SELECT count(*) FROM coupons_redemption r JOIN coupons_coupon x ON x.id = r.coupon_id
   WHERE x.template_id = %(template)s AND r.reversed_at IS NULL),
  (SELECT coalesce(sum(r.amount_fen - r.returned_fen), 0)::bigint
   FROM coupons_redemption r JOIN coupons_coupon x ON x.id = r.coupon_id
   WHERE x.template_id = %(template)s AND r.reversed_at IS NULL)
FROM coupons_coupon c WHERE c.template_id = %(template)s
"""


def stop_report(*, template: Template, now: datetime) -> StopReport:
    """As of the stop, or of ``now`` where the template goes on. One statement."""
    at = template.stopped_at or now
    values: dict[str, Any] = {
        "template": template.pk,
        "at": at,
        "hour": at - timedelta(hours=1),
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_COUNTS, values)
        hour, out, claimed, uses, used_fen = cursor.fetchone()
    left = template.quota - claimed
    seconds = max(0, math.ceil((template.claim_until - at).total_seconds()))
    going_on = min(left, proportion_down(hour, seconds, 3600))
    count, worth = (uses, used_fen) if uses else (1, _worth(template))

    def cost(coupons: int) -> int | None:
        if worth is None:
            return None
        fen = proportion_down(worth, coupons, count)
        if template.budget_fen is None:
            return fen
        return min(fen, template.budget_fen - template.spent_fen)

    return StopReport(
        claims_hour=hour,
        left=left,
        going_on=going_on,
        out=out,
        average_fen=None if worth is None else proportion_down(worth, 1, count),
        going_on_fen=cost(going_on),
        left_fen=cost(left),
        out_fen=0 if template.use_stopped_at else cost(out),
    )


def _worth(template: Template) -> int | None:
    """What one coupon is worth at most, in fen, if its template says so."""
    if template.kind == CouponKind.AMOUNT and template.span == Span.ORDER:
        return template.steps[-1][1] if template.steps else template.value
    return template.max_discount_fen
