"""What each kind of rule takes off the lines of a basket: one function per arithmetic.

A rule looks at ``base`` (the nets that its threshold and its worth are measured on) and takes
from ``left`` (what is there to be taken); nothing ever exceeds either. Pieces of a line share its
net evenly; rules over pieces take the dearest first, ties by line.
"""

from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter

from config.kernel.money import allocate, proportion_down, share_down
from mall.pricing.values import Item, Rule, Scope, Way

Amounts = list[int]
# (what a piece costs, the line, how many of these it has)
Run = tuple[int, int, int]
_first = itemgetter(0)


def take(scope: Scope, lines: Sequence[Item], base: Sequence[int], left: Sequence[int]) -> Amounts:
    """Fen off each line; all 0 where a threshold is not met."""
    rule = scope.rule
    amounts = _KINDS[rule.method](scope, lines, base, left)
    most = rule.max_discount_fen
    if most is not None and sum(amounts) > most:
        amounts = allocate(most, amounts)
    return amounts


def way_of(rule: Rule) -> Way:
    """What others leave of its lines is to a coupon; ``take`` says the same, only slower."""
    if rule.method == "freight" or (rule.method == "percent" and rule.span == "order"):
        return Way.SHARES
    if rule.method in ("amount", "percent") and rule.span == "line":
        return Way.SHARES if rule.max_discount_fen is None else Way.OTHER
    return Way.POOL if rule.method == "amount" else Way.OTHER


def is_markdown(rule: Rule) -> bool:
    """Whether it is a price of single pieces, which comes before all that looks at the basket."""
    if rule.threshold or rule.steps or rule.times or rule.max_discount_fen is not None:
        return False
    return rule.method == "price" or (rule.method == "percent" and rule.span == "line")


def marked_price(rule: Rule, item: Item) -> int:
    """What a piece of ``item`` costs under a markdown, never more than before."""
    unit = item.unit_price_fen
    if rule.method == "percent":
        return unit - share_down(unit, rule.value)
    return min(unit, _price_of(rule, item.sku, unit))


def gifts_of(scope: Scope) -> int:
    """How often the basket gets the gift of a rule."""
    rule = scope.rule
    if not any(scope.inside) or rule.worth_from(scope.reached) is None:
        return 0
    # As often as the threshold fits.
    sets = proportion_down(scope.reached, 1, rule.threshold) if rule.threshold else 1
    return min(sets, rule.times or sets)


def _amount(
    scope: Scope, lines: Sequence[Item], base: Sequence[int], left: Sequence[int]
) -> Amounts:
    if scope.rule.span == "line":
        return _by_line(scope, lines, base, left)
    value = scope.rule.worth_from(scope.reached)
    if value is None:
        return [0] * len(lines)
    inside = _inside(scope, left)
    return allocate(min(value, scope.base_fen, sum(inside)), inside)


def _percent(
    scope: Scope, lines: Sequence[Item], base: Sequence[int], left: Sequence[int]
) -> Amounts:
    rule = scope.rule
    if rule.span == "line":
        return _by_line(scope, lines, base, left)
    value = rule.worth_from(scope.reached)
    if value is None:
        return [0] * len(lines)
    off = share_down(scope.base_fen, value)
    if rule.max_discount_fen is not None:
        off = min(off, rule.max_discount_fen)
    # Each line's own share: what another rule took of it is not taken from its neighbours.
    shares = allocate(off, _inside(scope, base))
    return [min(share, have) for share, have in zip(shares, left, strict=True)]


def _by_line(
    scope: Scope, lines: Sequence[Item], base: Sequence[int], left: Sequence[int]
) -> Amounts:
    rule, amounts = scope.rule, [0] * len(lines)
    for i, item in enumerate(lines):
        if scope.inside[i]:
            value = rule.worth_from(item.quantity if rule.threshold_pieces else base[i])
            if value is not None:
                off = share_down(base[i], value) if rule.method == "percent" else value
                amounts[i] = min(off, left[i])
    return amounts


def _price(
    scope: Scope, lines: Sequence[Item], base: Sequence[int], left: Sequence[int]
) -> Amounts:
    rule, amounts = scope.rule, [0] * len(lines)
    if rule.worth_from(scope.reached) is None:
        return amounts
    # What saves most first.
    savings = [
        (unit - _price_of(rule, lines[i].sku, unit), i, count)
        for unit, i, count in _runs_by_line(scope, lines, left)
    ]
    savings.sort(key=_first, reverse=True)
    todo = rule.times
    for saving, i, count in savings:
        if saving <= 0 or todo == 0:
            break
        many = count if todo is None else min(count, todo)
        amounts[i] += saving * many
        todo = None if todo is None else todo - many
    return amounts


def _nth(scope: Scope, lines: Sequence[Item], base: Sequence[int], left: Sequence[int]) -> Amounts:
    rule, amounts = scope.rule, [0] * len(lines)
    if rule.worth_from(scope.reached) is None:
        return amounts
    before = done = 0
    for unit, i, count in _runs(scope, lines, left):
        # Every N-th of all the pieces, the dearest first: so the cheapest of each N.
        after = _sets(before + count, rule.pieces)
        if rule.times is not None:
            after = min(after, rule.times)
        amounts[i] += share_down(unit, rule.value) * (after - done)
        before, done = before + count, after
    return amounts


def _multi(
    scope: Scope, lines: Sequence[Item], base: Sequence[int], left: Sequence[int]
) -> Amounts:
    rule, amounts = scope.rule, [0] * len(lines)
    if rule.worth_from(scope.reached) is None:
        return amounts
    todo = rule.times
    for costs, repeat in _packed(_runs(scope, lines, left), rule.pieces):
        saving = sum(costs.values()) - rule.value
        if saving <= 0 or todo == 0:
            break
        many = repeat if todo is None else min(repeat, todo)
        todo = None if todo is None else todo - many
        for i, off in zip(costs, allocate(saving, list(costs.values())), strict=True):
            amounts[i] += off * many
    return amounts


def _bundle(
    scope: Scope, lines: Sequence[Item], base: Sequence[int], left: Sequence[int]
) -> Amounts:
    rule, need = scope.rule, scope.rule.skus or {}
    amounts = [0] * len(lines)
    have = dict.fromkeys(need, 0)
    for i, item in enumerate(lines):
        if scope.inside[i] and item.sku in have:
            have[item.sku] += item.quantity
    sets = min((_sets(have[sku], pieces) for sku, pieces in need.items()), default=0)
    sets = min(sets, rule.times or sets)
    if not sets or rule.worth_from(scope.reached) is None:
        return amounts
    wanted = {sku: pieces * sets for sku, pieces in need.items()}
    for i, item in enumerate(lines):
        if scope.inside[i] and wanted.get(item.sku):
            used = min(item.quantity, wanted[item.sku])
            amounts[i] = proportion_down(left[i], used, item.quantity)
            wanted[item.sku] -= used
    saving = sum(amounts) - rule.value * sets
    return allocate(saving, amounts) if saving > 0 else [0] * len(lines)


def _freight(
    scope: Scope, lines: Sequence[Item], base: Sequence[int], left: Sequence[int]
) -> Amounts:
    """The fee of the parcel, for a threshold that goods reach; with a value, as much of it."""
    value = scope.rule.worth_from(scope.reached)
    if value is None or not any(scope.inside):
        return [0] * len(lines)
    return [
        min(net, value or net) if line.is_freight else 0
        for line, net in zip(lines, left, strict=True)
    ]


def _nothing(
    scope: Scope, lines: Sequence[Item], base: Sequence[int], left: Sequence[int]
) -> Amounts:
    return [0] * len(lines)


_KINDS: dict[str, Callable[[Scope, Sequence[Item], Sequence[int], Sequence[int]], Amounts]] = {
    "amount": _amount,
    "percent": _percent,
    "price": _price,
    "nth": _nth,
    "multi": _multi,
    "bundle": _bundle,
    "freight": _freight,
    # What it gives is no money off the lines.
    "gift": _nothing,
}
# What is fixed for a piece or a line works first; an amount is found wherever something is left.
STAGES = {"price": 0, "nth": 0, "multi": 0, "bundle": 0, "percent": 1, "amount": 2}


def _inside(scope: Scope, nets: Sequence[int]) -> list[int]:
    return [net if inside else 0 for net, inside in zip(nets, scope.inside, strict=True)]


def _price_of(rule: Rule, sku: str, unit: int) -> int:
    """The price of a piece; SKUs that a list of prices does not name keep theirs."""
    return rule.skus.get(sku, unit) if rule.skus else rule.value


def _sets(count: int, pieces: int) -> int:
    return count // pieces


def _runs(scope: Scope, lines: Sequence[Item], left: Sequence[int]) -> list[Run]:
    """The pieces in scope, those that cost most first, ties by line."""
    runs = _runs_by_line(scope, lines, left)
    runs.sort(key=_first, reverse=True)
    return runs


def _runs_by_line(scope: Scope, lines: Sequence[Item], left: Sequence[int]) -> list[Run]:
    """The pieces in scope that cost something or are on a line that does, line by line."""
    runs: list[Run] = []
    for i in scope.places:
        net = left[i]
        if net:
            many = lines[i].quantity
            unit = proportion_down(net, 1, many)
            dearer = net - unit * many
            if dearer:
                runs.append((unit + 1, i, dearer))
            runs.append((unit, i, many - dearer))
    return runs


def _packed(runs: Sequence[Run], pieces: int) -> Iterator[tuple[dict[int, int], int]]:
    """Sets of so many pieces in the order of ``runs``: (line → what its part of one set costs, how
    many such sets follow each other)."""
    costs: dict[int, int] = {}
    missing = pieces
    for unit, i, count in runs:
        many = count
        if not costs and many >= pieces:
            yield {i: unit * pieces}, _sets(many, pieces)
            many -= _sets(many, pieces) * pieces
        while many:
            used = min(many, missing)
            costs[i] = costs.get(i, 0) + unit * used
            many, missing = many - used, missing - used
            if not missing:
                yield costs, 1
                costs, missing = {}, pieces
                if many >= pieces:
                    yield {i: unit * pieces}, _sets(many, pieces)
                    many -= _sets(many, pieces) * pieces
