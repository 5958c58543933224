"""Audit lines about guides: shares, commission, what is owed, and who may be credited."""

from config.kernel.audit import Line, register

_SETTLED = """
    NOT EXISTS (SELECT 1 FROM kernel_event e WHERE e.subject_type = 'order'
                AND e.subject_id = o.id AND e.relayed_at IS NULL)
"""

register(
    Line(
        21,
        "guides.shares_sum",
        "shares of one line's pot add up to 10,000 basis points, as its policy splits them",
        """
        SELECT a.line_id, sum(a.basis_points) AS basis_points FROM guides_attribution a
        JOIN kernel_policyversion p ON p.id = a.policy_id
        GROUP BY a.line_id
        HAVING sum(a.basis_points) <> 10000
            OR (count(*) > 1
                AND bool_or(a.basis_points <> (p.body -> 'shares' ->> a.role)::int))
        """,
    ),
    Line(
        21,
        "guides.one_level",
        "a guide is credited for an own touch of, or an own binding with, the buyer only",
        """
        SELECT a.id, a.line_id, a.guide_id FROM guides_attribution a
        JOIN mall_orderline l ON l.id = a.line_id
        JOIN mall_order o ON o.id = l.order_id
        LEFT JOIN guides_touch t ON t.id = (a.evidence ->> 'touch')::bigint
        LEFT JOIN guides_binding b ON b.id = (a.evidence ->> 'binding')::bigint
        WHERE (t.id IS NULL AND b.id IS NULL)
           OR t.guide_id <> a.guide_id OR t.member_id <> o.member_id
           OR b.guide_id <> a.guide_id OR b.member_id <> o.member_id
        """,
    ),
    Line(
        22,
        "guides.commission_target",
        "booked commission = share of (plan's rate of the net after refunds), to the fen",
        f"""
        WITH share AS (
          SELECT a.id, a.line_id, a.basis_points::bigint AS part, a.rate_bp::bigint AS rate,
                 CASE WHEN o.state IN ('paid', 'completed', 'closed')
                      THEN (l.net_fen - l.refunded_fen)::bigint ELSE 0 END AS base,
                 sum(a.basis_points) OVER (PARTITION BY a.line_id ORDER BY a.role)::bigint AS upto,
                 (SELECT coalesce(sum(c.amount_fen), 0) FROM guides_commissionentry c
                  WHERE c.attribution_id = a.id) AS booked
          FROM guides_attribution a
          JOIN mall_orderline l ON l.id = a.line_id
          JOIN mall_order o ON o.id = l.order_id
          WHERE {_SETTLED}
        ), pot AS (
          SELECT *, (2 * base * rate + 10000) / 20000 AS pot FROM share
        )
        SELECT id, line_id, base, pot, booked FROM pot
        WHERE booked <> (2 * pot * upto + 10000) / 20000
                      - (2 * pot * (upto - part) + 10000) / 20000
        """,
    ),
    Line(
        22,
        "guides.commission_rate",
        "a frozen rate is that of the rule of its plan version it names",
        """
        SELECT a.id, a.rate_bp, a.evidence ->> 'rule' AS rule FROM guides_attribution a
        JOIN kernel_policyversion p ON p.id = a.plan_id
        JOIN mall_orderline l ON l.id = a.line_id
        WHERE p.kind <> 'commission_plan' OR p.published_at IS NULL
           OR p.effective_from > a.frozen_at
           OR a.rate_bp IS DISTINCT FROM CASE
                WHEN (a.evidence ->> 'rule')::int >= 0
                  THEN (p.body -> 'rules' -> (a.evidence ->> 'rule')::int ->> 'rate_bp')::int
                WHEN l.kind = 'goods' THEN (p.body ->> 'default_rate_bp')::int
                ELSE 0 END
        """,
    ),
    Line(
        22,
        "guides.entries_append_only",
        "the database refuses to change commission entries, attributions and touches",
        """
        SELECT wanted.name FROM (VALUES ('guides_commissionentry_append_only'),
                                        ('guides_attribution_append_only'),
                                        ('guides_touch_append_only')) AS wanted (name)
        WHERE NOT EXISTS (SELECT 1 FROM pg_trigger t
                          WHERE t.tgname = wanted.name AND t.tgenabled <> 'D')
        """,
    ),
    Line(
        23,
        "guides.owed",
        "an entry is owed to the guide of its attribution, out of a pot its base yields",
        """
        SELECT c.id, c.guide_id, a.guide_id AS credited FROM guides_commissionentry c
        JOIN guides_attribution a ON a.id = c.attribution_id
        WHERE c.guide_id <> a.guide_id
           OR c.pot_fen <> (2 * c.base_fen::bigint * a.rate_bp + 10000) / 20000
        """,
    ),
    Line(
        24,
        "guides.frozen_at_payment",
        "attribution is judged at payment, by a touch in the window or a binding then live",
        """
        SELECT a.id, a.line_id, a.frozen_at, o.paid_at FROM guides_attribution a
        JOIN mall_orderline l ON l.id = a.line_id
        JOIN mall_order o ON o.id = l.order_id
        JOIN kernel_policyversion p ON p.id = a.policy_id
        LEFT JOIN guides_touch t ON t.id = (a.evidence ->> 'touch')::bigint
        LEFT JOIN guides_binding b ON b.id = (a.evidence ->> 'binding')::bigint
        WHERE o.paid_at IS NULL OR a.frozen_at <> o.paid_at
           OR p.kind <> 'attribution' OR p.effective_from > o.paid_at
           OR t.occurred_at > o.paid_at
           OR t.occurred_at < o.paid_at
                              - make_interval(days => (p.body ->> 'window_days')::int)
           OR b.since > o.paid_at OR b.until <= o.paid_at
        """,
    ),
    Line(
        24,
        "guides.active",
        "a credited guide was active when the order was paid",
        """
        SELECT a.id, a.guide_id, a.frozen_at FROM guides_attribution a
        JOIN guides_guide g ON g.id = a.guide_id
        WHERE g.active_from > a.frozen_at OR g.active_until <= a.frozen_at
        """,
    ),
    Line(
        24,
        "guides.in_scope",
        "a credited guide worked for the order's operator, unless the policy crosses operators",
        """
        SELECT a.id, a.guide_id, o.operator_id FROM guides_attribution a
        JOIN mall_orderline l ON l.id = a.line_id
        JOIN mall_order o ON o.id = l.order_id
        JOIN kernel_policyversion p ON p.id = a.policy_id
        WHERE (a.evidence ->> 'operator_id')::bigint IS DISTINCT FROM o.operator_id
          AND p.body -> 'cross_operator' IS DISTINCT FROM 'true'::jsonb
        """,
    ),
    Line(
        24,
        "guides.not_the_buyer",
        "nobody is credited for what they bought themselves",
        """
        SELECT a.id, a.guide_id, o.member_id FROM guides_attribution a
        JOIN mall_orderline l ON l.id = a.line_id
        JOIN mall_order o ON o.id = l.order_id
        JOIN members_member m ON m.id = o.member_id
        JOIN guides_guide g ON g.id = a.guide_id
        WHERE g.member_id = o.member_id OR g.user_id = m.user_id
        """,
    ),
    Line(
        18,
        "guides.handouts",
        "a guide gave as many coupons as counted, within the allowance, to a customer of theirs",
        """
        SELECT NULL AS handout, c.id AS count, c.used, c.at_most FROM guides_handoutcount c
        WHERE c.used > c.at_most OR c.used <> (
          SELECT count(*) FROM guides_couponhandout h
          WHERE (h.allowance_id, h.guide_id, h.since) = (c.allowance_id, c.guide_id, c.since))
        UNION ALL
        SELECT h.id, NULL, NULL, NULL FROM guides_couponhandout h
        JOIN guides_couponallowance a ON a.id = h.allowance_id
        JOIN guides_guide g ON g.id = h.guide_id
        JOIN coupons_coupon k ON k.id = h.coupon_id
        WHERE k.source <> 'guide' OR k.source_token <> g.no OR k.template_id <> a.template_id
          OR h.member_id <> coalesce(k.given_by_id, k.member_id) OR g.operator_id <> a.operator_id
          OR g.member_id = h.member_id
          OR NOT EXISTS (SELECT FROM guides_handoutcount c
                         WHERE (h.allowance_id, h.guide_id, h.since)
                             = (c.allowance_id, c.guide_id, c.since))
          OR NOT EXISTS (SELECT FROM guides_binding b
                         WHERE b.guide_id = h.guide_id AND b.member_id = h.member_id
                           AND b.since <= h.given_at
                           AND (b.until IS NULL OR b.until >= h.given_at))
        """,
    ),
    Line(
        24,
        "guides.baskets",
        "a prepared basket is one order at a time, at its store, by whom it is for, while open",
        """
        WITH made AS (
          SELECT b.id AS basket, b.order_id, o.id AS made, o.store_id <> b.store_id
                 OR o.member_id <> coalesce(b.member_id, o.member_id)
                 OR o.placed_at < b.sent_at OR o.placed_at >= b.expires_at
                 OR (b.order_id IS NULL) AS wrong,
                 o.state NOT IN ('cancelled', 'expired') AS lives
          FROM guides_preparedbasket b JOIN kernel_code c ON c.id = b.code_id
          JOIN mall_order o ON o.source_token = c.token AND o.channel = 'guide'
        )
        SELECT basket, made FROM made WHERE wrong OR (lives AND made <> order_id)
        UNION ALL
        SELECT b.id, b.order_id FROM guides_preparedbasket b
        WHERE b.order_id IS NOT NULL
          AND NOT EXISTS (SELECT FROM made WHERE basket = b.id AND made = b.order_id)
        """,
    ),
)
