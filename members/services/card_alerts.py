"""Look for cards that nobody uses, and for use that is not what people do."""

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.errors import Conflict, NotFound
from config.kernel.events import record
from members.events import CardAlertSettled
from members.models import CardAlert
from members.selectors_cards import card_rules

_WRITE = """
INSERT INTO members_cardalert (kind, key, card_id, member_id, figure, found_at, note)
SELECT %(kind)s::text, %(kind)s::text || ':' || f.what || ':' || %(period)s::text,
  f.card_id, f.member_id, f.figure, %(now)s::timestamptz, ''
FROM ({found}) AS f
ON CONFLICT (key) DO NOTHING RETURNING id
"""

_LOT_ACCOUNTS = """
  SELECT l.principal_id AS account_id, l.card_id FROM members_cardlot l
  UNION ALL SELECT l.bonus_id, l.card_id FROM members_cardlot l
"""

# Each finds (what, card, member, figure); the key keeps one alert per period.
_FOUND = {
    "dormant": """
      SELECT c.id::text AS what, c.id AS card_id, c.member_id, v.value AS figure
      FROM members_card c JOIN LATERAL (
        SELECT sum(p.balance + b.balance)::bigint AS value, bool_or(EXISTS (
          SELECT FROM stores_transfer t WHERE t.occurred_at >= %(since)s::timestamptz
            AND t.debit_id IN (l.principal_id, l.bonus_id)
        )) AS moved, max(l.created_at) AS bought
        FROM members_cardlot l JOIN stores_account p ON p.id = l.principal_id
        JOIN stores_account b ON b.id = l.bonus_id WHERE l.card_id = c.id
      ) AS v ON true
      WHERE c.state = 'active' AND v.value > 0 AND v.bought < %(since)s::timestamptz
        AND NOT v.moved
    """,
    "over_limit": """
      SELECT c.id::text AS what, c.id AS card_id, c.member_id, v.value AS figure
      FROM members_card c JOIN members_cardproduct p ON p.id = c.product_id
      JOIN LATERAL (
        SELECT sum(x.balance + b.balance)::bigint AS value, min(l.limit_fen) AS least
        FROM members_cardlot l JOIN stores_account x ON x.id = l.principal_id
        JOIN stores_account b ON b.id = l.bonus_id WHERE l.card_id = c.id
      ) AS v ON true
      WHERE v.value > v.least AND c.id IN (
        SELECT a.card_id FROM stores_transfer t JOIN ("""
    + _LOT_ACCOUNTS
    + """) AS a
          ON a.account_id = t.credit_id
        WHERE t.code = 'card.refund' AND t.occurred_at >= %(since)s::timestamptz
      )
    """,
    "quick_refund": """
      SELECT b.no AS what, b.card_id, b.member_id, sum(l.amount_fen)::bigint AS figure
      FROM members_cardpayback b JOIN members_cardpaybackline l ON l.payback_id = b.id
      JOIN members_cardlot o ON o.id = l.lot_id
      WHERE b.created_at >= %(now)s::timestamptz - interval '2 days'
        AND b.created_at < o.created_at + %(span)s::interval AND l.amount_fen > 0
      GROUP BY b.id
    """,
    "spending": """
      SELECT a.card_id::text AS what, a.card_id, c.member_id,
        count(DISTINCT t.reference) AS figure
      FROM stores_transfer t JOIN ("""
    + _LOT_ACCOUNTS
    + """) AS a ON a.account_id = t.debit_id
      JOIN members_card c ON c.id = a.card_id
      WHERE t.code = 'card.spend' AND t.occurred_at >= %(since)s::timestamptz
      GROUP BY a.card_id, c.member_id HAVING count(DISTINCT t.reference) >= %(most)s::int
    """,
    "topping_up": """
      SELECT l.card_id::text AS what, l.card_id, c.member_id, count(*) AS figure
      FROM members_cardlot l JOIN members_card c ON c.id = l.card_id
      WHERE l.created_at >= %(since)s::timestamptz
        AND EXISTS (SELECT FROM stores_transfer t WHERE t.key = 'card.topup:' || l.key)
      GROUP BY l.card_id, c.member_id HAVING count(*) >= %(most)s::int
    """,
    "one_source": """
      SELECT l.source AS what, NULL::bigint AS card_id, NULL::bigint AS member_id,
        count(DISTINCT l.card_id) AS figure
      FROM members_cardlot l
      WHERE l.source <> '' AND l.created_at >= %(since)s::timestamptz
      GROUP BY l.source HAVING count(DISTINCT l.card_id) >= %(most)s::int
    """,
    "many_cards": """
      SELECT x.member_id::text AS what, NULL::bigint AS card_id, x.member_id,
        count(DISTINCT x.card_id) AS figure
      FROM (
        SELECT c.member_id, c.id AS card_id FROM members_card c
        WHERE c.issued_at >= %(since)s::timestamptz
        UNION ALL
        SELECT g.taker_id, g.card_id FROM members_cardgift g
        WHERE g.state = 'accepted' AND g.ended_at >= %(since)s::timestamptz
      ) AS x GROUP BY x.member_id HAVING count(DISTINCT x.card_id) >= %(most)s::int
    """,
}


def card_alerts_find(*, now: datetime) -> int:
    """Write an alert for each finding that has none yet; returns how many. One statement per
    kind; the thresholds are the group's "cards" policy. It may run as often as one likes."""
    rules = card_rules(operator_code="", now=now).alerts
    day, year = str(clock.local_date(now)), str(clock.local_date(now).year)
    since = {
        "dormant": timedelta(days=rules["dormant_days"]),
        "spending": timedelta(hours=1),
    }
    most = {
        "spending": rules["spends_per_hour"],
        "topping_up": rules["topups_per_day"],
        "one_source": rules["cards_per_source"],
        "many_cards": rules["cards_per_member"],
    }
    found = 0
    for kind, sql in _FOUND.items():
        values: dict[str, Any] = {
            "kind": kind,
            "period": year if kind == "dormant" else day,
            "now": now,
            "since": now - since.get(kind, timedelta(days=1)),
            "span": timedelta(hours=rules["refund_hours"]),
            "most": most.get(kind, 0),
        }
        named: dict[str, Any] = {
            name: value for name, value in values.items() if f"%({name})s" in sql + _WRITE
        }
        with connection.cursor() as cursor:
            cursor.execute(_WRITE.format(found=sql), named)
            found += len(cursor.fetchall())
    return found


def card_alert_settle(*, alert_id: int, note: str, actor: Actor, now: datetime) -> CardAlert:
    """Somebody has looked at it, and says what it was. Raises NotFound, Conflict."""
    with transaction.atomic():
        alert = CardAlert.objects.filter(pk=alert_id).first()
        if alert is None:
            raise NotFound()
        open_ = CardAlert.objects.filter(pk=alert_id, settled_at__isnull=True)
        if not open_.update(settled_at=now, note=note[:200]):
            raise Conflict()
        record([CardAlertSettled(subject_id=alert.pk, reason=note)], actor=actor, now=now)
        alert.refresh_from_db()
    return alert
