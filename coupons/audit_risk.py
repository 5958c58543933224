"""Audit line of judged claims. Its number is that of the rules: nobody gets what they may not."""

from config.kernel.audit import Line, register

register(
    Line(
        18,
        "coupon.judged",
        "a judged claim was allowed, challenged or refused as its score and rules say, and the"
        " coupon is whose claim it was",
        """
        SELECT d.no, d.verdict, d.score, d.coupon_id, d.answers_id
        FROM coupons_claimdecision d
        LEFT JOIN kernel_policyversion p ON p.id = d.policy_id
        LEFT JOIN coupons_coupon c ON c.id = d.coupon_id
        LEFT JOIN coupons_claimdecision a ON a.id = d.answers_id
        LEFT JOIN LATERAL (
          SELECT coalesce(sum((r ->> 'score')::int), 0) AS score
          FROM jsonb_array_elements(d.reasons) r
        ) s ON true
        WHERE d.score <> s.score
          OR d.verdict <> CASE
            WHEN p.id IS NULL THEN 'allow'
            WHEN d.score >= (p.body ->> 'refuse_from')::int THEN 'refuse'
            WHEN d.score >= (p.body ->> 'challenge_from')::int AND a.id IS NULL THEN 'challenge'
            ELSE 'allow' END
          OR (c.id IS NOT NULL AND (c.template_id <> d.template_id
              OR coalesce(c.given_by_id, c.member_id) <> d.member_id))
          OR (a.id IS NOT NULL AND (a.answered_at IS NULL OR a.member_id <> d.member_id
              OR a.template_id <> d.template_id))
        """,
    ),
)
