"""The best choice of coupons: the cheapest total, found exactly.

Branch and bound, in the order in which coupons work. The more others took, the less is left to a
coupon: what it would take *now* bounds what it takes after whatever else is chosen. So the most
that may still come is, of each set of coupons of which no two go together (a stacking group, or
several that exclude each other), what its best one takes of what is left at this point. Where
those can all be had in full, nothing beats them; where they are less than what is known, nothing
that follows here does.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from mall.pricing.values import Rule, Way

# So many discounts are worked out before the search gives up. Baskets of real coupons need a few
# dozen; only very many groups that fight over the same few pieces come near.
MOST_STEPS = 4_000
# So many, where the total can be no lower and only fewer coupons are looked for.
TIE_STEPS = 200


@dataclass(frozen=True, slots=True)
class Candidate:
    """A coupon that may be used: by itself it takes ``shares``, in company what ``take`` says of
    what is left. ``lines`` are those that it takes from."""

    rule: Rule
    way: Way
    shares: Sequence[int]
    lines: Sequence[int]
    take: Callable[[Sequence[int]], list[int]]


@dataclass(frozen=True, slots=True)
class Choice:
    """``picked`` are candidates in the order in which they work, ``amounts`` what each takes."""

    picked: tuple[int, ...]
    amounts: tuple[tuple[int, ...], ...]
    exact: bool
    steps: int


def choose(candidates: Sequence[Candidate], nets: Sequence[int]) -> Choice:
    """The cheapest of all choices among ``candidates``, given in the order in which they work.

    Ties: the fewest coupons, then those that end first, then the lowest numbers.
    """
    search = _Search(candidates, nets)
    if candidates:
        search.walk(search.root(nets))
    exact = not search.spent or search.taken == search.most
    return Choice(search.picked, search.amounts, exact, search.steps)


def _clashes(rules: Sequence[Rule]) -> list[int]:
    """Of each rule, the mask of those that it does not go with (``Rule.clashes``), itself too."""
    groups: dict[str, int] = defaultdict(int)
    for i, rule in enumerate(rules):
        groups[rule.group] |= 1 << i
    masks = [groups[rule.group] for rule in rules]
    for i, rule in enumerate(rules):
        for group in rule.excludes & groups.keys():
            masks[i] |= groups[group]
            for j, other in enumerate(rules):
                if other.group == group:
                    masks[j] |= 1 << i
    return masks


@dataclass(slots=True)
class _Node:
    """What is decided, and ``allowed``, a mask of the candidates that may follow.

    ``caps`` are the most that each takes here, exact where the mask ``fresh`` says so, from what
    was left further up otherwise. ``tops`` is the best one of each clique, −1 where there is none.
    """

    allowed: int
    left: Sequence[int]
    taken: int
    picked: tuple[int, ...]
    amounts: tuple[tuple[int, ...], ...]
    caps: list[int]
    fresh: int
    tops: list[int]
    # What the tops take, all in all.
    potential: int
    # What candidates take of each line, where that is fresh and was worked out.
    offs: list[list[int] | None]
    # The candidates that were last worked out together.
    tried: int


class _Search:
    def __init__(self, candidates: Sequence[Candidate], nets: Sequence[int]) -> None:
        self.candidates = candidates
        rules = [candidate.rule for candidate in candidates]
        self.worths = [sum(candidate.shares) for candidate in candidates]
        self.ranks = [(rule.ends, rule.reference) for rule in rules]
        n = len(rules)
        self.clash = _clashes(rules)
        self.cliques = self._cliques()
        self.clique_of = [0] * n
        for c, members in enumerate(self.cliques):
            for i in members:
                self.clique_of[i] = c
        # Line → mask of the candidates that take from it.
        self.readers = [0] * len(nets)
        for i, candidate in enumerate(candidates):
            for line in candidate.lines:
                self.readers[line] |= 1 << i

        self.steps, self.spent = 0, False
        self.seen: dict[tuple[int, tuple[int, ...]], tuple[int, list[tuple[str, str]]]] = {}
        # The most that can be taken at all, known once the first node was looked at.
        self.most = -1
        self.picked: tuple[int, ...] = ()
        self.amounts: tuple[tuple[int, ...], ...] = ()
        self.taken = 0
        self.ends: list[tuple[str, str]] = []

    def _cliques(self) -> list[list[int]]:
        """Candidates in sets of which no two go together: groups, and those merged that exclude
        each other. In each, those that end first come first."""
        groups: dict[str, list[int]] = {}
        for i in sorted(range(len(self.ranks)), key=self.ranks.__getitem__):
            groups.setdefault(self.candidates[i].rule.group, []).append(i)
        merged: list[tuple[int, list[int]]] = []
        for group in sorted(groups.values(), key=lambda g: -max(self.worths[i] for i in g)):
            mask = sum(1 << i for i in group)
            for k, (others, members) in enumerate(merged):
                if all(self.clash[i] & others == others for i in group):
                    merged[k] = others | mask, members + group
                    break
            else:
                merged.append((mask, group))
        return [sorted(members, key=self.ranks.__getitem__) for _mask, members in merged]

    def root(self, nets: Sequence[int]) -> _Node:
        n = len(self.candidates)
        allowed = (1 << n) - 1
        tops = [self.top(members, allowed, self.worths) for members in self.cliques]
        potential = sum(self.worths[i] for i in tops if i >= 0)
        self.most = min(potential, sum(nets))
        offs = [list(candidate.shares) for candidate in self.candidates]
        caps = list(self.worths)
        return _Node(allowed, list(nets), 0, (), (), caps, allowed, tops, potential, [*offs], 0)

    @staticmethod
    def top(members: Sequence[int], allowed: int, caps: Sequence[int]) -> int:
        most, top = 0, -1
        for i in members:
            if caps[i] > most and allowed >> i & 1:
                most, top = caps[i], i
        return top

    def walk(self, node: _Node) -> None:
        """Look at every choice below ``node`` that may be better than what is known."""
        self.offer(node.taken, node.picked, node.amounts)
        if self.was_here(node):
            return
        while node.allowed:
            if self.hopeless(node) or self.refresh(node):
                return
            if self.steps >= (TIE_STEPS if self.taken == self.most else MOST_STEPS):
                self.spent = True
                return
            if self.has_all(node) or self.hopeless(node):
                return
            i = (node.allowed & -node.allowed).bit_length() - 1
            child = self.with_one(node, i)
            if child is not None:
                self.walk(child)
                if self.spent:
                    return
            self.without(node, i)

    def hopeless(self, node: _Node, least: int = 0) -> bool:
        """Whether one more coupon, and whatever follows, cannot beat what is known; ``least`` is
        by how much less than its potential follows at most."""
        most = node.taken + min(node.potential - least, sum(node.left))
        return most < self.taken or (most == self.taken and len(node.picked) >= len(self.picked))

    def refresh(self, node: _Node) -> bool:
        """Bring the best of each clique to what it takes here; True where that leaves no hope."""
        caps, tops = node.caps, node.tops
        for c, i in enumerate(tops):
            if i < 0 or node.fresh >> i & 1:
                continue
            node.potential -= caps[i]
            while i >= 0 and not node.fresh >> i & 1:
                self.look(node, i)
                node.fresh |= 1 << i
                i = self.top(self.cliques[c], node.allowed, caps)
            tops[c] = i
            node.potential += caps[i] if i >= 0 else 0
            if self.hopeless(node):
                return True
        return False

    def has_all(self, node: _Node) -> bool:
        """Work out the best of all cliques together; True where each takes all that it can, so
        that no other choice, nor fewer, do better here."""
        chosen = sorted(i for i in node.tops if i >= 0)
        mask = sum(1 << i for i in chosen)
        if mask == node.tried or any(self.clash[i] & mask != 1 << i for i in chosen):
            return False
        node.tried = mask
        left, taken, picked, amounts = node.left, node.taken, node.picked, node.amounts
        rest = node.potential
        for i in chosen:
            if taken + rest < self.taken:
                return False
            rest -= node.caps[i]
            off = self.take(i, left)
            got = sum(off)
            if got:
                left = [have - part for have, part in zip(left, off, strict=True)]
                taken += got
                picked, amounts = (*picked, i), (*amounts, tuple(off))
        self.offer(taken, picked, amounts)
        return taken == node.taken + node.potential

    def with_one(self, node: _Node, i: int) -> _Node | None:
        """The node after candidate ``i`` works; None where that is hopeless."""
        caps = node.caps
        most = caps[node.tops[self.clique_of[i]]]
        if not caps[i] or self.hopeless(node, most - caps[i]):
            return None
        off = node.offs[i] if node.fresh >> i & 1 else None
        if off is None:
            off = node.offs[i] = self.take(i, node.left)
            caps[i] = sum(off)
            node.fresh |= 1 << i
            if not caps[i] or self.hopeless(node, most - caps[i]):
                return None
        fresh = node.fresh
        for readers, part in zip(self.readers, off, strict=True):
            if part:
                fresh &= ~readers
        child = _Node(
            allowed=node.allowed & ~self.clash[i],
            left=[have - part for have, part in zip(node.left, off, strict=True)],
            taken=node.taken + caps[i],
            picked=(*node.picked, i),
            amounts=(*node.amounts, tuple(off)),
            caps=caps.copy(),
            fresh=fresh,
            tops=node.tops.copy(),
            potential=node.potential,
            offs=node.offs.copy(),
            tried=node.tried & ~(1 << i) if node.tried >> i & 1 else 0,
        )
        for c, top in enumerate(child.tops):
            if top >= 0 and not child.allowed >> top & 1:
                self._settle(child, c, top)
        return child

    def without(self, node: _Node, i: int) -> None:
        node.allowed &= ~(1 << i)
        c = self.clique_of[i]
        if node.tops[c] == i:
            self._settle(node, c, i)

    def _settle(self, node: _Node, c: int, was: int) -> None:
        top = node.tops[c] = self.top(self.cliques[c], node.allowed, node.caps)
        node.potential += (node.caps[top] if top >= 0 else 0) - node.caps[was]

    def was_here(self, node: _Node) -> bool:
        """Whether the same was left to the same candidates after no more coupons, which ended no
        later."""
        key = node.allowed, tuple(node.left)
        mine = len(node.picked), sorted(self.ranks[i] for i in node.picked)
        known = self.seen.get(key)
        if known is not None and known <= mine:
            return True
        self.seen[key] = mine
        return False

    def look(self, node: _Node, i: int) -> None:
        """Find out what candidate ``i`` takes of what is left."""
        candidate = self.candidates[i]
        if candidate.way is Way.POOL:
            node.offs[i] = None
            node.caps[i] = min(self.worths[i], sum([node.left[line] for line in candidate.lines]))
        else:
            off = node.offs[i] = self.take(i, node.left)
            node.caps[i] = sum(off)

    def take(self, i: int, left: Sequence[int]) -> list[int]:
        self.steps += 1
        candidate = self.candidates[i]
        if candidate.way is Way.SHARES:
            return list(map(min, candidate.shares, left))
        return candidate.take(left)

    def offer(
        self, taken: int, picked: tuple[int, ...], amounts: tuple[tuple[int, ...], ...]
    ) -> None:
        if taken < self.taken or (taken == self.taken and len(picked) > len(self.picked)):
            return
        ends = sorted(self.ranks[i] for i in picked)
        if (-taken, len(picked), ends) < (-self.taken, len(self.picked), self.ends):
            self.taken, self.picked, self.amounts, self.ends = taken, picked, amounts, ends
