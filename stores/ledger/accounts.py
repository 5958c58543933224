"""Accounts by code, made on first use."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from django.db import connection, transaction

from stores.states import Unit

# Ids of unguarded accounts that are known to be committed. They are few (per operator, not per
# member) and never change; should the keys ever grow beyond this, start afresh.
_CACHE_SIZE = 5_000
_ids: dict[str, int] = {}

_ENSURE = """
WITH spec AS (
  SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::boolean[])
    AS s(code, unit, operator_id, guarded)
), made AS (
  INSERT INTO stores_account (code, unit, operator_id, guarded, balance, held)
  SELECT s.code, s.unit, s.operator_id, s.guarded, 0, 0 FROM spec s
  WHERE NOT EXISTS (SELECT FROM stores_account a WHERE a.code = s.code)
  ORDER BY s.code
  ON CONFLICT (code) DO NOTHING
  RETURNING code, id, unit, guarded
)
SELECT a.code, a.id, a.unit, a.guarded FROM stores_account a JOIN spec s ON s.code = a.code
UNION ALL
SELECT code, id, unit, guarded FROM made
"""


@dataclass(frozen=True, slots=True)
class AccountSpec:
    """What an account has to be. ``guarded``: a person can spend it, so it keeps a balance."""

    code: str
    unit: str = Unit.FEN
    operator_id: int | None = None
    guarded: bool = False


def accounts_ensure(specs: Sequence[AccountSpec]) -> dict[str, int]:
    """The id of every account in ``specs`` by code; missing ones are created. One statement, none
    when all are unguarded and known to this process.

    Raises ValueError when an account of that code has another unit or is guarded differently.
    """
    wanted = {s.code: s for s in specs}
    found = {code: _ids[code] for code in wanted if code in _ids}
    missing = {code: s for code, s in wanted.items() if code not in found}
    for _attempt in range(3):
        if not missing:
            break
        # A twin that commits between this statement's snapshot and its insert leaves the row
        # invisible to it: the next statement sees it.
        rows = _ensure(list(missing.values()))
        for code, pk, unit, guarded in rows:
            spec = missing[code]
            if (unit, guarded) != (spec.unit, spec.guarded):
                raise ValueError(f"account {code} exists as unit {unit}, guarded {guarded}")
            found[code] = pk
        # Only what is committed may be remembered: a creation can still be rolled back.
        known = {code: pk for code, pk, _unit, guarded in rows if not guarded}
        if known:
            transaction.on_commit(partial(_remember, known), robust=True)
        missing = {code: s for code, s in missing.items() if code not in found}
    if missing:
        raise RuntimeError(f"accounts could not be made: {sorted(missing)}")
    return found


def accounts_forget(**kwargs) -> None:
    """Forget the ids; connected to post_migrate, which also follows a flush of the tables."""
    _ids.clear()


def _ensure(specs: list[AccountSpec]) -> list[tuple[str, int, str, bool]]:
    with connection.cursor() as cursor:
        cursor.execute(
            _ENSURE,
            [
                [s.code for s in specs],
                [str(s.unit) for s in specs],
                [s.operator_id for s in specs],
                [s.guarded for s in specs],
            ],
        )
        return cursor.fetchall()


def _remember(known: dict[str, int]) -> None:
    if len(_ids) + len(known) > _CACHE_SIZE:
        _ids.clear()
    _ids.update(known)
