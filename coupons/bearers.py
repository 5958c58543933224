"""Who bears a coupon: pure words and arithmetic, no ORM.

A bearer is ``operator:CODE``, ``brand:CODE`` or ``platform``. What a coupon took off a sale moves
from ``coupon.borne:{bearer}`` to ``sales.coupon:{operator}``, that of the sale: it gave the goods
for less, and whoever bears the coupon makes up for it.
"""

import re
from collections.abc import Mapping

from config.kernel.money import BASIS_POINTS, allocate

BEAR, UNBEAR = "coupon.bear", "coupon.unbear"
PLATFORM = "platform"
_BEARER = re.compile(r"(operator|brand):[\w.-]{1,32}|platform")


def is_bearer(text: object) -> bool:
    """Whether ``text`` has the form of a bearer; it may name nobody who exists."""
    return isinstance(text, str) and _BEARER.fullmatch(text) is not None


def operator_bearer(code: str) -> str:
    return f"operator:{code}"


def bearer_operator(bearer: str) -> str:
    """The code of the operator that the bearer is; empty where it is none."""
    kind, _colon, code = bearer.partition(":")
    return code if kind == "operator" else ""


def borne_account(bearer: str) -> str:
    """The account of what ``bearer`` gives for coupons, in fen."""
    return f"coupon.borne:{bearer}"


def sale_account(operator_code: str) -> str:
    """The account of what the operator's sales get for coupons, in fen."""
    return f"sales.coupon:{operator_code}"


def shares_of(sponsor_shares: Mapping[str, int], operator_code: str) -> dict[str, int]:
    """Bearer → basis points; the template's operator bears what nobody else was named for."""
    named = {bearer: bp for bearer, bp in sponsor_shares.items() if bp > 0}
    return named or {operator_bearer(operator_code): BASIS_POINTS}


def borne_parts(fen: int, weights: Mapping[str, int]) -> dict[str, int]:
    """``fen`` over bearers by their weights, in the order of their names: shares the first time,
    and then what each was booked for first, so that nothing is left where nothing is."""
    bearers = sorted(weights)
    parts = allocate(fen, [weights[bearer] for bearer in bearers])
    return dict(zip(bearers, parts, strict=True))
