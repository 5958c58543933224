"""Audit lines of points. Numbers are those of docs/invariants."""

from config.kernel.audit import Line, register

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
)
