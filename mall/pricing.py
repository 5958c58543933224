"""Pricing: pure arithmetic over values. No ORM, no clock, no I/O.

A basket becomes priced lines: promotions first (the best of each stacking group), then the
coupons the member chose, amounts before percentages. Whether a coupon's threshold is met is
judged by what the promotions left, whatever other coupons take. Every discount is computed once
over the lines in its scope and allocated to them to the fen, so that line nets add up to the
total. Lines and coupons are worked on in a canonical order: how a client lists them, and which
random number a coupon has, changes nothing. Discounts round down.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from config.kernel.conditions import holds
from config.kernel.money import allocate, proportion_down, share_down


@dataclass(frozen=True, slots=True)
class Item:
    """One line to be priced: ``quantity`` pieces at ``unit_price_fen``; ``facts`` for scopes."""

    sku: str
    quantity: int
    unit_price_fen: int
    facts: Mapping[str, Any]

    @property
    def gross_fen(self) -> int:
        return self.quantity * self.unit_price_fen


@dataclass(frozen=True, slots=True)
class Rule:
    """A promotion or a coupon. ``value`` is fen (amount) or basis points off (percent)."""

    kind: str
    reference: str
    title: str
    method: str
    value: int
    threshold_fen: int
    max_discount_fen: int | None
    scope: Mapping[str, Any]
    group: str
    priority: int = 100


@dataclass(frozen=True, slots=True)
class Discount:
    """What ``rule`` takes off each line (fen, in the order the items were given)."""

    rule: Rule
    amounts: tuple[int, ...]

    @property
    def total_fen(self) -> int:
        return sum(self.amounts)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a coupon takes nothing off: ``threshold``, ``scope``, ``stacking`` or ``nothing``
    (less than a fen, or other coupons left nothing)."""

    rule: Rule
    reason: str
    missing_fen: int = 0


@dataclass(frozen=True, slots=True)
class Priced:
    """``nets[i]`` is what line i costs; ``gross − Σ discounts = total``, all in fen."""

    items: tuple[Item, ...]
    discounts: tuple[Discount, ...]
    refusals: tuple[Refusal, ...]
    nets: tuple[int, ...]

    @property
    def gross_fen(self) -> int:
        return sum(item.gross_fen for item in self.items)

    @property
    def discount_fen(self) -> int:
        return sum(d.total_fen for d in self.discounts)

    @property
    def total_fen(self) -> int:
        return sum(self.nets)


def price(items: Sequence[Item], rules: Sequence[Rule]) -> Priced:
    """Price ``items`` under ``rules``; refused coupons are named with their reason."""
    order = sorted(
        range(len(items)), key=lambda i: (items[i].sku, items[i].unit_price_fen, items[i].quantity)
    )
    lines = [items[i] for i in order]
    nets = [item.gross_fen for item in lines]
    discounts: list[tuple[Rule, list[int]]] = []
    refusals: list[Refusal] = []
    groups: set[str] = set()

    for rule in _best_promotions(lines, nets, rules):
        # Promotions of different groups stack one after the other on what is left.
        amounts = _amounts(rule, lines, nets)
        if any(amounts):
            nets = [n - a for n, a in zip(nets, amounts, strict=True)]
            discounts.append((rule, amounts))
            groups.add(rule.group)

    promoted = nets
    for rule in sorted((r for r in rules if r.kind == "coupon"), key=_coupon_rank):
        refusal = _refusal(rule, lines, promoted, groups)
        amounts = _off(rule, lines, nets)
        if refusal is None and not any(amounts):
            refusal = Refusal(rule, "nothing")
        if refusal is not None:
            refusals.append(refusal)
            continue
        nets = [n - a for n, a in zip(nets, amounts, strict=True)]
        discounts.append((rule, amounts))
        groups.add(rule.group)

    def back(values: Sequence[int]) -> tuple[int, ...]:
        given = [0] * len(items)
        for place, value in zip(order, values, strict=True):
            given[place] = value
        return tuple(given)

    return Priced(
        tuple(items),
        tuple(Discount(rule, back(amounts)) for rule, amounts in discounts),
        tuple(refusals),
        back(nets),
    )


def _best_promotions(
    lines: Sequence[Item], nets: Sequence[int], rules: Sequence[Rule]
) -> list[Rule]:
    """The promotion of each group that takes most off; ties by priority, then reference."""
    best: dict[str, tuple[int, int, str]] = {}
    chosen: dict[str, Rule] = {}
    for rule in rules:
        if rule.kind != "promotion":
            continue
        rank = (-sum(_amounts(rule, lines, nets)), rule.priority, rule.reference)
        if rule.group not in best or rank < best[rule.group]:
            best[rule.group], chosen[rule.group] = rank, rule
    return sorted(chosen.values(), key=lambda r: (r.priority, r.reference))


def _in_scope(rule: Rule, lines: Sequence[Item], nets: Sequence[int]) -> list[int]:
    """The nets the rule may touch, 0 elsewhere."""
    return [
        net if holds(rule.scope, line.facts) else 0 for line, net in zip(lines, nets, strict=True)
    ]


def _coupon_rank(rule: Rule) -> tuple[str, int, str]:
    """Amounts before percentages, which then take their share of what is really paid; the larger
    first; numbers decide between equals only."""
    return (rule.method, -rule.value, rule.reference)


def _amounts(rule: Rule, lines: Sequence[Item], nets: Sequence[int]) -> list[int]:
    """What a promotion takes off each line; nothing below its threshold."""
    if sum(_in_scope(rule, lines, nets)) < rule.threshold_fen:
        return [0] * len(lines)
    return _off(rule, lines, nets)


def _off(rule: Rule, lines: Sequence[Item], nets: Sequence[int]) -> list[int]:
    scoped = _in_scope(rule, lines, nets)
    base = sum(scoped)
    off = rule.value if rule.method == "amount" else share_down(base, rule.value)
    if rule.max_discount_fen is not None:
        off = min(off, rule.max_discount_fen)
    return allocate(min(off, base), scoped)


def _refusal(
    rule: Rule, lines: Sequence[Item], nets: Sequence[int], groups: set[str]
) -> Refusal | None:
    if rule.group in groups:
        return Refusal(rule, "stacking")
    base = sum(_in_scope(rule, lines, nets))
    if base == 0:
        return Refusal(rule, "scope")
    if base < rule.threshold_fen:
        return Refusal(rule, "threshold", rule.threshold_fen - base)
    return None


def allocate_tenders(nets: Sequence[int], tenders: Sequence[int]) -> list[list[int]]:
    """``result[line][tender]`` fen: each line's net over what the tenders have left.

    Requires ``sum(nets) == sum(tenders)``; rows add up to nets, columns to tenders.
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
