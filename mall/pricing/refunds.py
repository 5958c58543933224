"""How what was paid falls on lines and tenders, and how it goes back to them."""

from collections.abc import Sequence

from config.kernel.money import allocate, proportion_down


def allocate_tenders(nets: Sequence[int], tenders: Sequence[int]) -> list[list[int]]:
    """``result[line][tender]`` fen: each line's net over what the tenders have left.

    Rows add up to nets, columns to tenders. Raises ValueError unless the sums of both are equal.
    """
    if sum(nets) != sum(tenders):
        raise ValueError("allocate_tenders: the tenders do not add up to the lines")
    left = list(tenders)
    rows = []
    for net in nets:
        row = allocate(net, left)
        left = [have - part for have, part in zip(left, row, strict=True)]
        rows.append(row)
    return rows


def refund_amount(net_fen: int, quantity: int, refunded: int, take: int) -> int:
    """Fen for ``take`` more units of a line of ``quantity`` after ``refunded`` were given back.

    Cumulative and rounded down, so any sequence of partial refunds ends on ``net_fen`` exactly.
    Raises ValueError when more is taken than is left.
    """
    if take <= 0 or refunded + take > quantity:
        raise ValueError("refund_amount: not that many units are left")
    after = proportion_down(net_fen, refunded + take, quantity)
    return after - proportion_down(net_fen, refunded, quantity)


def refund_split(amount_fen: int, left: Sequence[int]) -> list[int]:
    """How a refund of a line falls on its tenders: in proportion to what each has left in it.

    No part exceeds what is left, and taking all takes exactly all.
    """
    return allocate(amount_fen, left)


def discounts_back(amounts: Sequence[int], quantity: int, takes: Sequence[int]) -> list[list[int]]:
    """``result[step][discount]`` fen: what each discount on a line of ``quantity`` units gives back
    as ``takes`` units return, one step after the other.

    What all of them keep is rounded down, so that what is paid back is, too: parts rounded one by
    one could come to more than the units cost. They share it by what each has left in the line;
    taking all takes exactly all. Raises ValueError when more is taken than is left.
    """
    whole, left, gone = sum(amounts), list(amounts), 0
    steps = []
    for take in takes:
        if take < 0 or gone + take > quantity:
            raise ValueError("discounts_back: not that many units are left")
        kept = proportion_down(whole, quantity - gone - take, quantity)
        parts = allocate(proportion_down(whole, quantity - gone, quantity) - kept, left)
        left = [have - part for have, part in zip(left, parts, strict=True)]
        gone += take
        steps.append(parts)
    return steps
