"""Money: integers of fen (1/100 yuan), CNY only, and the one function that divides them."""

from collections.abc import Sequence
from decimal import Decimal

BASIS_POINTS = 10_000


def allocate(total: int, weights: Sequence[int]) -> list[int]:
    """Split ``total`` (fen, points or pieces, >= 0) in proportion to ``weights`` (each >= 0).

    Largest remainder, ties to the lowest index: the parts are integers >= 0 and always add up
    to ``total``. When ``total <= sum(weights)`` no part exceeds its weight, so the same function
    serves for "take this much out of what is left". Raises ValueError for negative input, or
    for something to split and nothing to split it over.
    """
    if total < 0 or any(w < 0 for w in weights):
        raise ValueError("allocate: neither the total nor a weight may be negative")
    whole = sum(weights)
    if whole == 0:
        if total:
            raise ValueError("allocate: nothing to split the total over")
        return [0] * len(weights)
    parts = [total * w // whole for w in weights]
    missing = total - sum(parts)
    if missing:
        by_remainder = sorted(range(len(weights)), key=lambda i: (-(total * weights[i] % whole), i))
        for i in by_remainder[:missing]:
            parts[i] += 1
    return parts


def share_down(amount: int, basis_points: int) -> int:
    """``basis_points`` of ``amount``, rounded down: how a discount rounds."""
    return amount * basis_points // BASIS_POINTS


def share_half_up(amount: int, basis_points: int) -> int:
    """``basis_points`` of ``amount`` (>= 0), rounded half up: how a commission rounds."""
    return (2 * amount * basis_points + BASIS_POINTS) // (2 * BASIS_POINTS)


def proportion_down(amount: int, part: int, whole: int) -> int:
    """``amount * part / whole`` rounded down; equals ``amount`` at ``part == whole``.

    Used cumulatively ("the first k of n units are worth ..."), so that any sequence of partial
    steps ends on the exact amount.
    """
    return amount * part // whole


def fen_from_yuan(text: str) -> int:
    """Fen from a decimal string of yuan ("12.50"). Raises ValueError on anything not exact, or
    longer than a column holds: an exponent would make an integer of a million digits."""
    try:
        fen = Decimal(text.strip()) * 100
        if not fen.is_finite() or abs(fen) >= 10**18 or fen != fen.to_integral_value():
            raise ValueError(f"not an amount of yuan with at most two decimals: {text!r}")
    except ArithmeticError:
        raise ValueError(f"not an amount of yuan: {text!r}") from None
    return int(fen)


def yuan(fen: int) -> str:
    """ "¥12.50" for people; the sign comes first."""
    sign = "-" if fen < 0 else ""
    return f"{sign}¥{abs(fen) // 100:,}.{abs(fen) % 100:02d}"
