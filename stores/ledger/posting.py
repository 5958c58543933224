"""The one writer of transfers and of guarded balances."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, connection
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.errors import Conflict


class InsufficientFunds(Conflict):
    code = "insufficient_funds"
    message = _("There is not enough left to spend.")


class DuplicateTransfer(Conflict):
    """The key was posted before: the value has moved already."""

    code = "duplicate_transfer"
    message = _("This has been booked before.")


class PeriodSealed(Conflict):
    code = "period_sealed"
    message = _("The books of this day are closed.")


class ReversalTooLarge(Conflict):
    code = "reversal_too_large"
    message = _("More would be given back than is left of the original.")


@dataclass(frozen=True, slots=True)
class Draft:
    """``amount`` (fen or points, > 0) from the debited to the credited account.

    ``key`` makes a repeat impossible; ``reference`` is the document it belongs to (an order
    number); ``reverses_id`` the transfer it gives back, in part or in full.
    """

    debit_id: int
    credit_id: int
    amount: int
    code: str
    key: str
    reference: str = ""
    reverses_id: int | None = None


# Guarded accounts are locked by ascending id, judged on what the lock returned, and only then
# changed: the verdict is either for all drafts or against all of them.
# The first array is read by a SELECT of its own so that the planner does not see how long it is:
# else it finds every call's plan cheaper than the general one and plans every call anew.
_POST = """
WITH draft AS (
  SELECT * FROM unnest((SELECT %(debit)s::bigint[]), %(credit)s::bigint[], %(amount)s::bigint[],
    %(code)s::text[], %(key)s::text[], %(reference)s::text[], %(reverses)s::bigint[])
    WITH ORDINALITY AS d(debit_id, credit_id, amount, code, key, reference, reverses_id, n)
), change AS (
  SELECT account_id, sum(delta)::bigint AS delta, sum(released)::bigint AS released
  FROM (
    SELECT debit_id, -amount, 0::bigint FROM draft
    UNION ALL SELECT credit_id, amount, 0 FROM draft
    UNION ALL SELECT account_id, 0, amount
      FROM unnest(%(holders)s::bigint[], %(released)s::bigint[]) AS r(account_id, amount)
  ) AS part(account_id, delta, released)
  GROUP BY account_id
), locked AS MATERIALIZED (
  SELECT a.id, a.balance, a.held, c.delta, c.released
  FROM stores_account a JOIN change c ON c.account_id = a.id
  WHERE a.guarded ORDER BY a.id FOR NO KEY UPDATE OF a
), verdict AS MATERIALIZED (
  SELECT CASE
    WHEN EXISTS (SELECT FROM stores_transfer t JOIN draft d ON d.key = t.key) THEN 'duplicate'
    WHEN EXISTS (SELECT FROM stores_seal WHERE period >= %(day)s::date) THEN 'sealed'
    WHEN EXISTS (
      SELECT FROM draft d
      LEFT JOIN stores_account x ON x.id = d.debit_id
      LEFT JOIN stores_account y ON y.id = d.credit_id
      WHERE x.unit IS NULL OR y.unit IS NULL OR x.unit <> y.unit
    ) THEN 'mixed'
    WHEN EXISTS (
      SELECT FROM locked WHERE held < released OR balance + delta < held - released
    ) THEN 'insufficient'
    ELSE 'posted' END AS word
), moved AS (
  UPDATE stores_account a SET balance = a.balance + l.delta, held = a.held - l.released
  FROM locked l WHERE a.id = l.id AND (SELECT word FROM verdict) = 'posted'
), written AS (
  INSERT INTO stores_transfer
    (debit_id, credit_id, amount, code, key, reference, reverses_id, occurred_at)
  SELECT debit_id, credit_id, amount, code, key, reference, reverses_id, %(now)s::timestamptz
  FROM draft WHERE (SELECT word FROM verdict) = 'posted' ORDER BY n
  RETURNING id, key
)
SELECT v.word, w.key, w.id FROM verdict v LEFT JOIN written w ON true
"""

_REFUSALS = {
    "duplicate": DuplicateTransfer,
    "sealed": PeriodSealed,
    "insufficient": InsufficientFunds,
}
_BROKEN = {
    "stores_transfer_key": DuplicateTransfer,
    "stores_transfer_reverses_within": ReversalTooLarge,
    "stores_account_covers_holds": InsufficientFunds,
}


def post(
    drafts: Sequence[Draft], *, now: datetime, release: Mapping[int, int] | None = None
) -> dict[str, int]:
    """Move value: all of ``drafts`` or none. One statement. Returns transfer ids by key.

    ``release`` (account id → amount) ends holds on guarded accounts in the same moment, so that
    what was held can be what is spent. Raises InsufficientFunds when a guarded account would
    not cover its holds, DuplicateTransfer for a key posted before, PeriodSealed when ``now`` is
    on a closed day, ReversalTooLarge. When a concurrent twin or a reversal is what refuses, the
    database has ended the transaction: whoever wants to go on after a refusal calls this inside
    an ``atomic()`` of its own. ValueError for drafts that make no sense.
    """
    if not drafts:
        return {}
    if any(d.amount <= 0 or d.debit_id == d.credit_id for d in drafts):
        raise ValueError("a transfer moves a positive amount between two accounts")
    release = release or {}
    try:
        rows = _execute(drafts, release, now)
    except IntegrityError as error:
        refusal = _BROKEN.get(_constraint(error))
        if refusal is None:
            raise
        raise refusal() from error
    word = rows[0][0]
    if word in _REFUSALS:
        raise _REFUSALS[word]()
    if word != "posted":
        raise ValueError("a transfer joins two existing accounts of one unit")
    return {key: pk for _word, key, pk in rows}


def _execute(
    drafts: Sequence[Draft], release: Mapping[int, int], now: datetime
) -> list[tuple[str, str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            _POST,
            {
                "debit": [d.debit_id for d in drafts],
                "credit": [d.credit_id for d in drafts],
                "amount": [d.amount for d in drafts],
                "code": [d.code for d in drafts],
                "key": [d.key for d in drafts],
                "reference": [d.reference for d in drafts],
                "reverses": [d.reverses_id for d in drafts],
                "holders": list(release),
                "released": list(release.values()),
                "day": clock.local_date(now),
                "now": now,
            },
        )
        return cursor.fetchall()


def _constraint(error: IntegrityError) -> str:
    """The name of the broken constraint; a unique column's name is generated with a suffix."""
    name = getattr(getattr(error.__cause__, "diag", None), "constraint_name", None) or ""
    return "stores_transfer_key" if name.startswith("stores_transfer_key") else name
