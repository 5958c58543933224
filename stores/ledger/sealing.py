"""How a day of the ledger is hashed; the seal and the audit share these words.

A seal's hash is SHA-256 over the previous seal's hash (as text) followed by the SHA-256 of the
day's transfers, each itself hashed over all its columns, in the order of their ids. Anybody
with the rows can compute it again.
"""

TRANSFER_HASH = """
sha256(convert_to(concat_ws('|', t.id, t.debit_id, t.credit_id, t.amount, t.code, t.key,
  t.reference, coalesce(t.reverses_id, 0),
  to_char(t.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US')), 'UTF8'))
"""

DAY_HASH = f"sha256(string_agg({TRANSFER_HASH}, ''::bytea ORDER BY t.id))"


def seal_hash(previous: str, day: str) -> str:
    """SQL of the hash over ``previous`` (text) and ``day`` (bytea or NULL for an empty day)."""
    return f"encode(sha256(convert_to({previous}, 'UTF8') || coalesce({day}, ''::bytea)), 'hex')"
