"""Which part of a hold is captured, when it is not all of it."""

from django.db import connection
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import Conflict
from members.cards import LotValue, card_split


class CaptureInvalid(Conflict):
    code = "capture_invalid"
    message = _("Between nothing and what is held, {held} fen, can be captured.")


# What a hold holds of each lot, in the order of its lots.
_HELD = """
SELECT l.id, h.card_id, l.principal_id,
  coalesce(sum(x.amount_fen) FILTER (WHERE x.account_id = l.principal_id), 0)::bigint,
  l.bonus_id, coalesce(sum(x.amount_fen) FILTER (WHERE x.account_id = l.bonus_id), 0)::bigint,
  h.consume
FROM members_cardhold h JOIN members_cardholdline x ON x.hold_id = h.id
JOIN members_cardlot l ON l.id = x.lot_id
WHERE h.reference = %s::text GROUP BY l.id, h.id ORDER BY l.id
"""


def part_of_hold(*, reference: str, amount_fen: int) -> dict[int, int] | None:
    """``amount_fen`` of what is held for ``reference``, per account, by the consumption the hold
    was made with; None when there is no such hold. One statement: the lines of a hold never
    change. Raises CaptureInvalid."""
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [reference])
        rows = cursor.fetchall()
    if not rows:
        return None
    lots = [
        LotValue(lot_id, card_id, "", 0, p_id, p_fen, b_id, b_fen, consume=consume)
        for lot_id, card_id, p_id, p_fen, b_id, b_fen, consume in rows
    ]
    held = sum(lot.value_fen for lot in lots)
    if not 0 < amount_fen <= held:
        raise CaptureInvalid(held=held)
    return {part.account_id: part.amount_fen for part in card_split(lots, amount_fen)}
