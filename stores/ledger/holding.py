"""Value set aside on guarded accounts: still there, no longer spendable."""

from collections.abc import Mapping

from django.db import connection

from stores.ledger.posting import InsufficientFunds

_HOLD = """
WITH want AS (
  SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS w(account_id, amount)
), locked AS MATERIALIZED (
  SELECT a.id, w.amount, a.held + w.amount >= 0 AND a.balance >= a.held + w.amount AS fits
  FROM stores_account a JOIN want w ON w.account_id = a.id
  WHERE a.guarded ORDER BY a.id FOR NO KEY UPDATE OF a
), moved AS (
  UPDATE stores_account a SET held = a.held + l.amount FROM locked l
  WHERE a.id = l.id AND (SELECT bool_and(fits) AND count(*) = %s::int FROM locked)
  RETURNING a.id
)
SELECT count(*) FROM moved
"""


def hold(amounts: Mapping[int, int]) -> None:
    """Set ``amounts`` (guarded account id → amount > 0) aside, all or none. One statement.

    Raises InsufficientFunds; nothing is held then.
    """
    _change(amounts, 1)


def unhold(amounts: Mapping[int, int]) -> None:
    """Undo :func:`hold`. Raises InsufficientFunds when less than that is held."""
    _change(amounts, -1)


def _change(amounts: Mapping[int, int], sign: int) -> None:
    if not amounts:
        return
    if min(amounts.values()) <= 0:
        raise ValueError("a hold is of a positive amount")
    with connection.cursor() as cursor:
        cursor.execute(_HOLD, [list(amounts), [sign * n for n in amounts.values()], len(amounts)])
        if cursor.fetchone()[0] != len(amounts):
            raise InsufficientFunds()
