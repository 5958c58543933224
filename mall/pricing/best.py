"""The best choice of coupons: the cheapest total, found exactly.

A coupon's worth by itself is the most it can take in any company, because others only leave it
less; where its share of each line is fixed, the line has no more to give than is left of it. That
bounds every branch: choices are followed in the order in which coupons work, and given up where
even the full worth of all that may still follow reaches less than what is known.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mall.pricing.kinds import has_fixed_shares
from mall.pricing.values import Rule

# So many discounts are worked out before the search gives up. Baskets of real coupons need a few
# dozen; only very many groups that fight over the same few lines come near.
MOST_STEPS = 1_500
# So many, where the total can be no lower and only fewer coupons are looked for.
TIE_STEPS = 200

Take = Callable[[int, Sequence[int]], list[int]]
"""(candidate, what is left of each line) → what it takes off each line."""


@dataclass(frozen=True, slots=True)
class Choice:
    """``picked`` are candidates in the order in which they work, ``amounts`` what each takes."""

    picked: tuple[int, ...]
    amounts: tuple[tuple[int, ...], ...]
    exact: bool
    steps: int


def choose(
    rules: Sequence[Rule], shares: Sequence[Sequence[int]], nets: Sequence[int], take: Take
) -> Choice:
    """The cheapest of all choices among ``rules``, given in the order in which they work; each
    would take its ``shares`` of the lines if it were alone.

    Ties: the fewest coupons, then those that end first, then the lowest numbers.
    """
    search = _Search(rules, shares, take)
    worths = search.worths
    allowed = search.all
    # What each group has of most worth is nearly always the answer, and often provably so.
    order = sorted(range(len(rules)), key=lambda i: (-worths[i], rules[i].ends, rules[i].reference))
    greedy = full = 0
    for i in order:
        if allowed >> i & 1 and worths[i]:
            greedy |= 1 << i
            full += worths[i]
            allowed &= ~search.clash[i]
    search.follow(greedy, list(nets))
    most = search.potential(0, search.all, nets)
    # Where each of them takes its full worth, one fewer or another one is no better.
    if search.taken < most or search.taken < full:
        search.budget = MOST_STEPS if search.taken < most else TIE_STEPS
        search.walk(0, search.all, list(nets), 0, (), ())
    exact = not search.spent or search.taken == most
    return Choice(search.picked, search.amounts, exact, search.steps)


class _Search:
    """Branch and bound over bit masks of candidates."""

    def __init__(self, rules: Sequence[Rule], shares: Sequence[Sequence[int]], take: Take) -> None:
        worths = [sum(share) for share in shares]
        self.rules, self.worths, self.apply = rules, worths, take
        self.ranks = [(rule.ends, rule.reference) for rule in rules]
        n = len(rules)
        self.all = (1 << n) - 1
        self.clash = [1 << i for i in range(n)]
        for i in range(n):
            for j in range(i):
                if rules[i].clashes(rules[j]):
                    self.clash[i] |= 1 << j
                    self.clash[j] |= 1 << i
        groups: dict[str, list[int]] = {}
        for i in range(n):
            groups.setdefault(rules[i].group, []).append(i)
        # Each group's candidates, those of most worth first, and the most that it takes of each
        # line where all of them have fixed shares.
        self.groups = [
            (
                sorted(group, key=lambda i: -worths[i]),
                [max(parts) for parts in zip(*(shares[i] for i in group), strict=True)]
                if all(has_fixed_shares(rules[i]) for i in group)
                else None,
            )
            for group in groups.values()
        ]
        self.steps, self.budget, self.spent = 0, 0, False
        self.picked: tuple[int, ...] = ()
        self.amounts: tuple[tuple[int, ...], ...] = ()
        self.taken = 0
        self.ends: list[tuple[str, str]] = []

    def potential(self, start: int, allowed: int, left: Sequence[int]) -> int:
        """The most that candidates from ``start`` on can take: the best of each group."""
        allowed = allowed >> start << start
        most = free = 0
        fixed = []
        for group, parts in self.groups:
            for i in group:
                if allowed >> i & 1:
                    most += self.worths[i]
                    if parts is None:
                        free += self.worths[i]
                    else:
                        fixed.append(parts)
                    break
        if len(fixed) < 2 or most <= self.taken:
            return min(most, sum(left))
        wanted = map(sum, zip(*fixed, strict=True))
        by_line = sum(map(min, wanted, left))
        return min(most, free + by_line, sum(left))

    def follow(self, chosen: int, left: list[int]) -> None:
        """Work out one choice; who takes nothing is left out."""
        picked: tuple[int, ...] = ()
        amounts: tuple[tuple[int, ...], ...] = ()
        for i in range(len(self.rules)):
            if chosen >> i & 1:
                off = self.take(i, left)
                if any(off):
                    picked, amounts = (*picked, i), (*amounts, tuple(off))
                    left = [have - part for have, part in zip(left, off, strict=True)]
        self.offer(sum(map(sum, amounts)), picked, amounts)

    def take(self, i: int, left: Sequence[int]) -> list[int]:
        self.steps += 1
        return self.apply(i, left)

    def offer(
        self, taken: int, picked: tuple[int, ...], amounts: tuple[tuple[int, ...], ...]
    ) -> None:
        if taken < self.taken or (taken == self.taken and len(picked) > len(self.picked)):
            return
        ends = sorted(self.ranks[i] for i in picked)
        if (-taken, len(picked), ends) < (-self.taken, len(self.picked), self.ends):
            self.taken, self.picked, self.amounts, self.ends = taken, picked, amounts, ends

    def walk(
        self,
        start: int,
        allowed: int,
        left: list[int],
        taken: int,
        picked: tuple[int, ...],
        amounts: tuple[tuple[int, ...], ...],
    ) -> None:
        self.offer(taken, picked, amounts)
        for i in range(start, len(self.rules)):
            if not allowed >> i & 1:
                continue
            if self.hopeless(taken + self.potential(i, allowed, left), picked):
                return
            rest = allowed & ~self.clash[i]
            if self.hopeless(taken + self.worths[i] + self.potential(i + 1, rest, left), picked):
                continue
            if self.steps >= self.budget:
                self.spent = True
                return
            off = self.take(i, left)
            now = taken + sum(off)
            after = [have - part for have, part in zip(left, off, strict=True)]
            if now == taken or self.hopeless(now + self.potential(i + 1, rest, after), picked):
                continue
            self.walk(i + 1, rest, after, now, (*picked, i), (*amounts, tuple(off)))

    def hopeless(self, most: int, picked: tuple[int, ...]) -> bool:
        """Whether one more coupon, and whatever follows, cannot beat what is known."""
        return most < self.taken or (most == self.taken and len(picked) >= len(self.picked))
