"""What coupons took off sales is booked as borne by whom their templates say."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection, transaction

from config.kernel import locks
from coupons.bearers import (
    BEAR,
    UNBEAR,
    bearer_operator,
    borne_account,
    borne_parts,
    sale_account,
    shares_of,
)
from coupons.models import Redemption
from stores.ledger import AccountSpec, Draft, accounts_ensure, post
from stores.models import Operator

LOCK = "coupons.borne"


@dataclass(frozen=True, slots=True)
class Sold:
    """A sale that coupons were used for: its number and the operator that made it."""

    reference: str
    operator_id: int
    operator_code: str


@dataclass(slots=True)
class _Booked:
    """``first`` is what each bearer was booked for at first, ``now`` what is booked, in fen."""

    rounds: int = 0
    first: dict[str, int] = field(default_factory=dict)
    now: dict[str, int] = field(default_factory=lambda: defaultdict(int))


_LEFT = """
SELECT r.id, r.reference, t.sponsor_shares, o.code,
  CASE WHEN r.reversed_at IS NULL THEN r.amount_fen - r.returned_fen ELSE 0 END
FROM coupons_redemption r JOIN coupons_coupon c ON c.id = r.coupon_id
JOIN coupons_template t ON t.id = c.template_id JOIN stores_operator o ON o.id = t.operator_id
WHERE r.id = ANY(%s::bigint[]) ORDER BY r.id
"""

# Keys are borne:{redemption}:{round}:{bearer}, and a bearer may have a colon in it.
_BOOKED = """
SELECT split_part(t.key, ':', 2)::bigint, split_part(t.key, ':', 3)::int,
  substr(t.key, length(split_part(t.key, ':', 2)) + length(split_part(t.key, ':', 3)) + 9),
  CASE t.code WHEN 'coupon.bear' THEN t.amount ELSE -t.amount END
FROM stores_transfer t
WHERE t.reference = ANY(%s::text[]) AND t.code IN ('coupon.bear', 'coupon.unbear')
ORDER BY t.id
"""


def redemptions_bear(sales: Sequence[Sold], *, now: datetime) -> int:
    """Bring what is booked for the coupons of each sale to what they are worth by now: all that
    they took off, less what was taken back with a part of the sale, nothing once they came back.
    Returns the number of transfers.

    The shares are those of the template when it is booked first; what comes back later is split
    as that was, whatever the template says by then. Five statements, however many there are (and
    up to two where accounts are new); one where no coupon was used.
    """
    known = {sale.reference: sale for sale in sales}
    used = Redemption.objects.filter(reference__in=known).order_by("pk")
    ids = list(used.values_list("pk", flat=True)) if known else []
    if not ids:
        return 0
    with transaction.atomic():
        # Only then is it read what they are worth and what is booked: the last to have the lock
        # sees what the others did.
        locks.advisory(LOCK, ids)
        drafts = _drafts(ids, known)
        post(drafts, now=now)
    return len(drafts)


def _drafts(ids: Sequence[int], known: Mapping[str, Sold]) -> list[Draft]:
    left = _rows(_LEFT, ids)
    booked = _booked([reference for _pk, reference, *_rest in left])
    moves: list[tuple[int, Sold, int, str, int]] = []
    for pk, reference, shares, template_operator, fen in left:
        been = booked[pk]
        weights = been.first or shares_of(json.loads(shares), template_operator)
        for bearer, target in borne_parts(fen, weights).items():
            difference = target - been.now[bearer]
            if difference:
                moves.append((pk, known[reference], been.rounds, bearer, difference))
    if not moves:
        return []
    accounts = _accounts(moves)
    drafts = []
    for pk, sale, rounds, bearer, difference in moves:
        borne = accounts[borne_account(bearer)]
        sold = accounts[sale_account(sale.operator_code)]
        drafts.append(
            Draft(
                debit_id=borne if difference > 0 else sold,
                credit_id=sold if difference > 0 else borne,
                amount=abs(difference),
                code=BEAR if difference > 0 else UNBEAR,
                key=f"borne:{pk}:{rounds}:{bearer}",
                reference=sale.reference,
            )
        )
    return drafts


def _booked(references: Sequence[str]) -> dict[int, _Booked]:
    found: dict[int, _Booked] = defaultdict(_Booked)
    for pk, round_, bearer, fen in _rows(_BOOKED, references):
        booked = found[pk]
        booked.rounds = max(booked.rounds, round_ + 1)
        booked.now[bearer] += fen
        if round_ == 0:
            booked.first[bearer] = fen
    return found


def _accounts(moves: Sequence[tuple[int, Sold, int, str, int]]) -> dict[str, int]:
    """A statement for operators that bear something, and one for accounts that are new."""
    codes = {bearer_operator(bearer) for _pk, _sale, _n, bearer, _fen in moves} - {""}
    operators = {sale.operator_code: sale.operator_id for _pk, sale, *_rest in moves}
    if codes - set(operators):
        operators |= dict(Operator.objects.filter(code__in=codes).values_list("code", "pk"))
    specs = [
        AccountSpec(borne_account(bearer), operator_id=operators.get(bearer_operator(bearer)))
        for _pk, _sale, _n, bearer, _fen in moves
    ]
    specs += [
        AccountSpec(sale_account(sale.operator_code), operator_id=sale.operator_id)
        for _pk, sale, *_rest in moves
    ]
    return accounts_ensure(specs)


def _rows(sql: str, values: Sequence[object]) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(sql, [list(values)])
        return cursor.fetchall()
