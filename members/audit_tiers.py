"""Audit lines of growth and tiers. Numbers are those of docs/invariants."""

from config.kernel.audit import Line, register

register(
    Line(
        20,
        "growth.entries",
        "a member's growth is the sum of its entries, and no purchase took back more than it gave",
        """
        SELECT m.no AS of, m.growth, coalesce(e.growth, 0) AS entries FROM members_member m
        LEFT JOIN (
          SELECT member_id, sum(growth) AS growth FROM members_growthentry GROUP BY member_id
        ) AS e ON e.member_id = m.id
        WHERE m.growth <> coalesce(e.growth, 0)
        UNION ALL
        SELECT reference, NULL, sum(growth) FROM members_growthentry
        GROUP BY reference, member_id HAVING sum(growth) < 0
        """,
    ),
    Line(
        20,
        "growth.append_only",
        "the database refuses to change entries of growth",
        """
        SELECT wanted.name FROM (VALUES ('members_growthentry_append_only')) AS wanted (name)
        WHERE NOT EXISTS (SELECT 1 FROM pg_trigger t
                          WHERE t.tgname = wanted.name AND t.tgenabled <> 'D')
        """,
    ),
    Line(
        20,
        "tier.live",
        "a member who has had a period in a tier is in the tier of the one that is live",
        """
        SELECT m.no, m.tier_id, p.tier_id AS period FROM members_member m
        LEFT JOIN members_membertier p ON p.member_id = m.id AND p.ended_at IS NULL
        WHERE EXISTS (SELECT FROM members_membertier x WHERE x.member_id = m.id)
          AND (p.id IS NULL OR p.tier_id IS DISTINCT FROM m.tier_id)
        """,
    ),
    Line(
        20,
        "tier.reached",
        "growth reached the tier of a period, by the version of the rules it names",
        """
        SELECT m.no, p.id, t.code, p.growth, r.rule FROM members_membertier p
        JOIN members_member m ON m.id = p.member_id
        JOIN members_tier t ON t.id = p.tier_id
        JOIN kernel_policyversion v ON v.id = p.policy_id
        LEFT JOIN LATERAL (
          SELECT rule FROM jsonb_array_elements(v.body -> 'tiers') AS rule
          WHERE rule ->> 'code' = t.code
        ) AS r ON true
        WHERE r.rule IS NULL OR p.growth < (r.rule ->> 'growth_from')::bigint
        """,
    ),
    Line(
        20,
        "membership.periods",
        "paid periods of one plan follow one another, and give back no more than was paid",
        """
        SELECT a.key, a.since, a.until, b.key AS with FROM members_membership a
        JOIN members_membership b ON b.member_id = a.member_id AND b.plan_id = a.plan_id
          AND b.id > a.id AND b.ended_at IS NULL AND a.ended_at IS NULL
          AND b.since < a.until AND a.since < b.until
        UNION ALL
        SELECT key, since, until, NULL FROM members_membership
        WHERE refunded_fen > price_fen OR (refunded_fen > 0 AND ended_at IS NULL)
        """,
    ),
)
