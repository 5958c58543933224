"""Audit lines of coupons. Numbers are those of the rules."""

from config.kernel.audit import Line, register, state_chain
from coupons.states import COUPON_MACHINE, TICKET_MACHINE
from members.states import GIFT_MACHINE

# When a use was decided: the moment of the lock where an order locked the coupon before.
_DECIDED = """
  coalesce((SELECT max(e.occurred_at) FROM kernel_event e
            WHERE e.subject_type = 'coupon' AND e.subject_id = c.id AND e.to_state = 'locked'
              AND e.payload ->> 'reference' = r.reference AND e.occurred_at <= r.redeemed_at),
           r.redeemed_at)
"""

register(
    Line(
        17,
        "coupon.one_use",
        "a coupon has at most one live redemption over both channels",
        """
        SELECT coupon_id, count(*) AS live FROM coupons_redemption
        WHERE reversed_at IS NULL GROUP BY coupon_id HAVING count(*) > 1
        """,
    ),
    Line(
        17,
        "coupon.used_is_redeemed",
        "a coupon is used exactly while it has a live redemption",
        """
        SELECT c.id, c.state, r.id AS redemption FROM coupons_coupon c
        LEFT JOIN coupons_redemption r ON r.coupon_id = c.id AND r.reversed_at IS NULL
        WHERE (c.state = 'used') <> (r.id IS NOT NULL)
        """,
    ),
    Line(
        17,
        "coupon.use_in_validity",
        "a coupon was used, or locked for its use, inside its validity",
        f"""
        SELECT r.id, r.channel, c.valid_from, c.valid_until, {_DECIDED} AS decided_at
        FROM coupons_redemption r JOIN coupons_coupon c ON c.id = r.coupon_id
        WHERE {_DECIDED} < c.valid_from OR {_DECIDED} >= c.valid_until
        """,
    ),
    Line(
        18,
        "coupon.issued",
        "issued is the number of coupons and of those kept ready, and within the quota",
        """
        SELECT t.id, t.quota, t.issued, coalesce(c.n, 0) AS coupons, coalesce(s.n, 0) AS ready
        FROM coupons_template t
        LEFT JOIN (SELECT template_id, count(*) AS n FROM coupons_coupon
                   GROUP BY template_id) c ON c.template_id = t.id
        LEFT JOIN (SELECT template_id, count(*) AS n FROM coupons_claimslot
                   GROUP BY template_id) s ON s.template_id = t.id
        WHERE t.issued <> coalesce(c.n, 0) + coalesce(s.n, 0) OR t.issued > t.quota
        """,
    ),
    Line(
        18,
        "coupon.per_member",
        "no member had more coupons of a template than one may, those given away included",
        """
        SELECT c.template_id, c.member_id, t.per_member, count(*) AS coupons
        FROM (SELECT template_id, member_id FROM coupons_coupon
              UNION ALL
              SELECT template_id, given_by_id FROM coupons_coupon
              WHERE given_by_id IS NOT NULL) c
        JOIN coupons_template t ON t.id = c.template_id
        GROUP BY c.template_id, c.member_id, t.per_member HAVING count(*) > t.per_member
        """,
    ),
    Line(
        18,
        "coupon.per_day",
        "no member claimed more coupons of a template on a day than one may",
        """
        SELECT c.template_id, coalesce(c.given_by_id, c.member_id) AS member_id, t.per_day,
          (c.claimed_at AT TIME ZONE 'Asia/Shanghai')::date AS day, count(*) AS coupons
        FROM coupons_coupon c JOIN coupons_template t ON t.id = c.template_id
        WHERE t.per_day IS NOT NULL
        GROUP BY 1, 2, 3, 4 HAVING count(*) > t.per_day
        """,
    ),
    Line(
        18,
        "coupon.code",
        "a code became one coupon of its pool's template, which came by a code",
        """
        SELECT r.id, p.no, r.coupon_id, c.template_id, c.source FROM coupons_redeemcode r
        JOIN coupons_codepool p ON p.id = r.pool_id
        JOIN coupons_coupon c ON c.id = r.coupon_id
        WHERE c.template_id <> p.template_id OR c.source <> 'code' OR c.source_token <> p.no
        UNION ALL
        SELECT NULL, p.no, c.id, c.template_id, c.source FROM coupons_coupon c
        JOIN coupons_codepool p ON p.no = c.source_token
        WHERE c.source = 'code' AND p.kind = 'unique'
          AND NOT EXISTS (SELECT FROM coupons_redeemcode r WHERE r.coupon_id = c.id)
        """,
    ),
    Line(
        18,
        "coupon.gift",
        "a coupon is offered exactly while one gift of it is open, and is whose the last one says",
        """
        SELECT c.id, c.state, g.no AS gift FROM coupons_coupon c
        FULL JOIN (SELECT * FROM coupons_coupongift WHERE state = 'offered') g
          ON g.coupon_id = c.id
        WHERE (c.state = 'offered') IS DISTINCT FROM (g.id IS NOT NULL)
        UNION ALL
        SELECT c.id, c.state, g.no FROM coupons_coupon c
        LEFT JOIN coupons_coupongift g ON g.coupon_id = c.id AND g.state = 'accepted'
        WHERE (c.given_by_id IS NOT NULL OR g.id IS NOT NULL)
          AND (c.member_id, c.given_by_id) IS DISTINCT FROM (g.taker_id, g.giver_id)
        """,
    ),
    Line(
        18,
        "coupon.claim_window",
        "no coupon was claimed before or after its template's claim window",
        """
        SELECT c.id, c.claimed_at, t.claim_from, t.claim_until
        FROM coupons_coupon c JOIN coupons_template t ON t.id = c.template_id
        WHERE c.claimed_at < t.claim_from OR c.claimed_at >= t.claim_until
        """,
    ),
    Line(
        18,
        "coupon.budget",
        "spent is what is locked and redeemed, and within the budget",
        """
        SELECT t.id, t.budget_fen, t.spent_fen, coalesce(l.fen, 0) AS locked,
          coalesce(r.fen, 0) AS redeemed
        FROM coupons_template t
        LEFT JOIN (SELECT template_id, sum(locked_fen) AS fen FROM coupons_coupon
                   WHERE state = 'locked' GROUP BY template_id) l ON l.template_id = t.id
        LEFT JOIN (SELECT c.template_id, sum(x.amount_fen - x.returned_fen) AS fen
                   FROM coupons_redemption x
                   JOIN coupons_coupon c ON c.id = x.coupon_id WHERE x.reversed_at IS NULL
                   GROUP BY c.template_id) r ON r.template_id = t.id
        WHERE t.budget_fen IS NOT NULL AND (t.spent_fen > t.budget_fen
          OR t.spent_fen <> coalesce(l.fen, 0) + coalesce(r.fen, 0))
        """,
    ),
    Line(
        19,
        "coupon.returned_once",
        "every use that was taken back gave its coupon back once, and none was without a use",
        """
        SELECT coalesce(r.coupon_id, e.subject_id) AS coupon_id, r.reversed, e.returned
        FROM (SELECT coupon_id, count(*) AS reversed FROM coupons_redemption
              WHERE reversed_at IS NOT NULL GROUP BY coupon_id) r
        FULL JOIN (SELECT subject_id, count(*) AS returned FROM kernel_event
                   WHERE subject_type = 'coupon' AND from_state = 'used'
                     AND to_state = 'returned' GROUP BY subject_id) e
          ON e.subject_id = r.coupon_id
        WHERE r.reversed IS DISTINCT FROM e.returned
        """,
    ),
    Line(
        19,
        "coupon.returned_life",
        "a coupon that a refund gave back lived at least 30 days more",
        """
        SELECT c.id, c.valid_until, r.reversed_at FROM coupons_redemption r
        JOIN coupons_coupon c ON c.id = r.coupon_id
        WHERE r.reversed_at IS NOT NULL AND c.valid_until < r.reversed_at + interval '30 days'
        """,
    ),
    Line(
        17,
        "coupon.ticket",
        "a ticket of a store says what its coupons were used for and what came back of them",
        """
        SELECT t.no, t.discount_fen, r.amount AS used, t.returned_discount_fen,
          r.returned, b.discount AS given_back, b.gross
        FROM coupons_couponticket t
        LEFT JOIN LATERAL (
          SELECT coalesce(sum(amount_fen), 0) AS amount, coalesce(sum(returned_fen), 0) AS returned,
            count(*) FILTER (WHERE reversed_at IS NULL) AS live,
            bool_and(c.member_id = t.member_id) AS theirs
          FROM coupons_redemption x JOIN coupons_coupon c ON c.id = x.coupon_id
          WHERE x.reference = t.no AND x.channel = 'store'
        ) r ON true
        LEFT JOIN LATERAL (
          SELECT coalesce(sum(gross_fen), 0) AS gross, coalesce(sum(discount_fen), 0) AS discount,
            coalesce(sum(promotion_fen), 0) AS promotion
          FROM coupons_couponticketreturn WHERE ticket_id = t.id
        ) b ON true
        WHERE t.discount_fen <> r.amount OR t.returned_discount_fen <> r.returned
          OR t.returned_discount_fen <> b.discount OR t.returned_gross_fen <> b.gross
          OR t.returned_promotion_fen <> b.promotion
          OR (t.state = 'returned' AND t.returned_promotion_fen <> t.promotion_fen)
          OR (t.state = 'returned') <> (t.returned_gross_fen = t.gross_fen)
          OR (t.state = 'reversed' AND r.live > 0)
          OR r.theirs IS NOT TRUE
        """,
    ),
    state_chain(
        "coupon_ticket.states",
        "a coupon ticket's history is an allowed path that ends in its state",
        subject_type="coupon_ticket",
        table="coupons_couponticket",
        machine=TICKET_MACHINE,
    ),
    state_chain(
        "coupon_gift.states",
        "a coupon's gift has an allowed path that ends in its state",
        subject_type="coupon_gift",
        table="coupons_coupongift",
        machine=GIFT_MACHINE,
    ),
    state_chain(
        "coupon.states",
        "a coupon's history is an allowed path that ends in its state",
        subject_type="coupon",
        table="coupons_coupon",
        machine=COUPON_MACHINE,
    ),
)
