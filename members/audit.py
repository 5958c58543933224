"""Audit lines of points. Numbers are those of docs/invariants."""

from config.kernel.audit import Line, register, state_chain
from members.states import HOLD_MACHINE

register(
    Line(
        20,
        "points.lots",
        "a member's points are the sum of what is left of their lots",
        """
        SELECT m.no, coalesce(a.balance, 0) AS points, coalesce(l.points, 0) AS lots
        FROM members_member m
        LEFT JOIN stores_account a ON a.code = 'points:' || m.no
        LEFT JOIN (
          SELECT member_id, sum(remaining_points) AS points FROM members_pointlot GROUP BY member_id
        ) AS l ON l.member_id = m.id
        WHERE coalesce(a.balance, 0) <> coalesce(l.points, 0)
        """,
    ),
    Line(
        20,
        "points.debt",
        "points that are owed are owed to the issuer: a debt account is never in credit",
        """
        SELECT a.code, sum(leg.amount) AS credit FROM stores_account a
        JOIN (
          SELECT credit_id AS account_id, amount FROM stores_transfer WHERE code = 'points.repay'
          UNION ALL
          SELECT debit_id, -amount FROM stores_transfer WHERE code = 'points.debt'
        ) AS leg ON leg.account_id = a.id
        WHERE a.code LIKE 'points.debt:%' GROUP BY a.id HAVING sum(leg.amount) > 0
        """,
    ),
    Line(
        20,
        "points.held",
        "what is set aside of each lot is what its open holds say, and so is the account's",
        """
        SELECT 'lot ' || l.id AS of, l.held_points AS held, coalesce(x.points, 0) AS holds
        FROM members_pointlot l
        LEFT JOIN (
          SELECT x.lot_id, sum(x.points) AS points FROM members_pointholdline x
          JOIN members_pointhold h ON h.id = x.hold_id WHERE h.state = 'open' GROUP BY x.lot_id
        ) AS x ON x.lot_id = l.id
        WHERE l.held_points <> coalesce(x.points, 0)
        UNION ALL
        SELECT m.no, a.held, coalesce(h.points, 0) FROM members_member m
        JOIN stores_account a ON a.code = 'points:' || m.no
        LEFT JOIN (
          SELECT member_id, sum(points) AS points FROM members_pointhold
          WHERE state = 'open' GROUP BY member_id
        ) AS h ON h.member_id = m.id
        WHERE a.held <> coalesce(h.points, 0)
        """,
    ),
    Line(
        20,
        "points.spent_in_time",
        "a hold takes its points from lots of its member that had not expired when it was made",
        """
        SELECT h.reference, h.points, sum(x.points) AS lines, min(l.expires_at) AS expires_at
        FROM members_pointhold h
        LEFT JOIN members_pointholdline x ON x.hold_id = h.id
        LEFT JOIN members_pointlot l ON l.id = x.lot_id
        GROUP BY h.id
        HAVING sum(x.points) IS DISTINCT FROM h.points OR min(l.expires_at) <= h.created_at
          OR bool_or(l.member_id <> h.member_id)
        """,
    ),
    Line(
        20,
        "points.spent",
        "points were spent for each hold that was captured, once and in full, and for nothing else",
        """
        SELECT h.reference, h.state, h.points, t.amount FROM members_pointhold h
        FULL JOIN (
          SELECT reference, sum(amount) AS amount FROM stores_transfer
          WHERE code = 'points.spend' GROUP BY reference
        ) AS t ON t.reference = h.reference
        WHERE coalesce(t.amount, 0) IS DISTINCT FROM
          CASE WHEN h.state = 'captured' THEN h.points ELSE 0 END
        """,
    ),
    Line(
        19,
        "points.returned",
        "points given back are what was booked and counted, and within what was spent",
        """
        SELECT h.reference, h.points, h.refunded_points, x.points AS lines, t.amount AS booked
        FROM members_pointhold h
        JOIN (
          SELECT hold_id, sum(refunded_points) AS points FROM members_pointholdline GROUP BY hold_id
        ) AS x ON x.hold_id = h.id
        LEFT JOIN (
          SELECT t.reference, sum(t.amount) AS amount FROM stores_transfer t
          JOIN stores_account a ON a.id = t.debit_id
          WHERE a.code = 'points.spent' GROUP BY t.reference
        ) AS t ON t.reference = h.reference
        WHERE h.refunded_points > h.points OR h.refunded_points <> x.points
          OR h.refunded_points <> coalesce(t.amount, 0)
        """,
    ),
    Line(
        26,
        "points.adjusted",
        "points were given or taken by hand as one person asked and another approved",
        """
        SELECT t.reference, sum(t.amount) AS moved, a.state, a.params FROM stores_transfer t
        LEFT JOIN kernel_approval a ON a.no = t.reference AND a.kind = 'members.points_adjust'
        WHERE t.key LIKE 'points.adjust:%'
        GROUP BY t.reference, a.id
        HAVING a.state IS DISTINCT FROM 'approved'
          OR sum(t.amount) <> abs((a.params ->> 'points')::bigint)
        """,
    ),
    state_chain(
        "point_hold.states",
        "a hold of points has a history that is an allowed path and ends in its state",
        subject_type="point_hold",
        table="members_pointhold",
        machine=HOLD_MACHINE,
    ),
)
