"""From a basket and its rules to prices: markdowns, promotions, coupons, in this order."""

from collections.abc import Sequence
from functools import partial

from config.kernel.conditions import holds
from config.kernel.money import proportion_down
from mall.pricing.best import Candidate, choose
from mall.pricing.kinds import STAGES, gifts_of, is_markdown, marked_price, take, way_of
from mall.pricing.values import (
    Discount,
    Freight,
    Gift,
    Hint,
    Item,
    Priced,
    Refusal,
    Rule,
    Scope,
)

# Per line, the groups that its markdown does not go with.
Barred = Sequence[frozenset[str]]


def price(items: Sequence[Item], rules: Sequence[Rule], freight: Freight | None = None) -> Priced:
    """Price ``items`` under ``rules``: the promotions that apply by themselves, and the cheapest
    choice among the coupons. Coupons that are not used are named with their reason.

    With a ``freight`` that costs something, there is one line more at the end: the fee. It is
    settled by what promotions left of the goods, before coupons.
    """
    order = sorted(
        range(len(items)), key=lambda i: (items[i].sku, items[i].unit_price_fen, items[i].quantity)
    )
    lines = [items[i] for i in order]
    promotions = [rule for rule in rules if rule.kind == "promotion" and not rule.closed]
    coupons = sorted((rule for rule in rules if rule.kind == "coupon"), key=_working_order)

    nets, found, barred = _markdowns(lines, promotions)
    prices = [proportion_down(net, 1, item.quantity) for net, item in zip(nets, lines, strict=True)]
    baskets = [rule for rule in promotions if not is_markdown(rule)]
    nets, applied, gifts, hints = _promotions(lines, nets, baskets, barred)
    found += applied
    working = [rule for rule, _amounts in applied]
    working += [gift.rule for gift in gifts]
    fee_fen = 0 if freight is None else freight.costs(sum(nets))
    if fee_fen:
        hints += _free_parcel(freight, sum(nets), fee_fen)
        parcel = Item("", 1, fee_fen, {}, is_freight=True)
        items, lines, order = [*items, parcel], [*lines, parcel], [*order, len(items)]
        nets, prices, barred = [*nets, fee_fen], [*prices, fee_fen], [*barred, frozenset()]
        found = [(rule, [*amounts, 0]) for rule, amounts in found]
    nets, used, refusals, exact = _coupons(lines, nets, coupons, barred, working)
    found += used

    def back(values: Sequence[int]) -> tuple[int, ...]:
        given = [0] * len(items)
        for place, value in zip(order, values, strict=True):
            given[place] = value
        return tuple(given)

    return Priced(
        items=tuple(items),
        discounts=tuple(Discount(rule, back(amounts)) for rule, amounts in found),
        refusals=tuple(refusals),
        nets=back(nets),
        prices=back(prices),
        hints=tuple(hints),
        gifts=tuple(gifts),
        exact=exact,
    )


Applied = list[tuple[Rule, list[int]]]


def _markdowns(
    lines: Sequence[Item], rules: Sequence[Rule]
) -> tuple[list[int], Applied, list[frozenset[str]]]:
    """Each line at the lowest price that is marked for it; ties by priority, then reference."""
    found: dict[str, tuple[Rule, list[int]]] = {}
    nets, barred = [], []
    marked = [rule for rule in rules if is_markdown(rule)]
    for i, item in enumerate(lines):
        offers = [
            (marked_price(rule, item), rule.priority, rule.reference, rule)
            for rule in marked
            if not item.final and holds(rule.scope, item.facts)
        ]
        unit, _priority, _reference, rule = min(
            offers, key=lambda offer: offer[:3], default=(item.unit_price_fen, 0, "", None)
        )
        nets.append(unit * item.quantity)
        saved = item.gross_fen - nets[i]
        barred.append(rule.excludes if rule is not None and saved else frozenset())
        if rule is not None and saved:
            found.setdefault(rule.reference, (rule, [0] * len(lines)))[1][i] = saved
    return nets, sorted(found.values(), key=lambda x: _by_priority(x[0])), barred


def _promotions(
    lines: Sequence[Item], nets: list[int], rules: Sequence[Rule], barred: Barred
) -> tuple[list[int], Applied, list[Gift], list[Hint]]:
    """The best promotion of each group, one group after the other on what is left."""
    chosen: dict[str, tuple[tuple[int, int, str], Rule]] = {}
    hints = []
    offs: dict[str, int] = {}
    scopes = [(rule, _scope(rule, lines, nets, barred)) for rule in rules]
    for rule, scope in scopes:
        off = sum(take(scope, lines, nets, nets))
        offs[rule.group] = max(off, offs.get(rule.group, 0))
        rank = (-off, *_by_priority(rule))
        # What gives nothing, not even a gift, keeps nobody else away.
        if (off or gifts_of(scope)) and (rule.group not in chosen or rank < chosen[rule.group][0]):
            chosen[rule.group] = rank, rule
    for rule, scope in scopes:
        hint = _hint(rule, scope, offs[rule.group])
        if hint is not None:
            hints.append(hint)

    applied: Applied = []
    gifts: list[Gift] = []
    working: list[Rule] = []
    for _rank, rule in sorted(chosen.values(), key=lambda x: _by_priority(x[1])):
        if any(rule.clashes(other) for other in working):
            continue
        scope = _scope(rule, lines, nets, barred)
        amounts = take(scope, lines, nets, nets)
        if any(amounts):
            nets = [n - a for n, a in zip(nets, amounts, strict=True)]
            applied.append((rule, amounts))
            working.append(rule)
        elif rule.method == "gift" and (times := gifts_of(scope)):
            skus = rule.skus or {}
            gifts += [Gift(rule, sku, pieces * times) for sku, pieces in sorted(skus.items())]
            working.append(rule)
    return nets, applied, gifts, sorted(hints, key=lambda hint: _by_priority(hint.rule))


def _coupons(
    lines: Sequence[Item],
    nets: list[int],
    rules: Sequence[Rule],
    barred: Barred,
    promotions: Sequence[Rule],
) -> tuple[list[int], Applied, list[Refusal], bool]:
    """The cheapest choice among coupons that may be used; what they are worth is measured on
    what promotions left, whatever other coupons take."""
    refusals: list[Refusal] = []
    able: list[tuple[Rule, Scope, list[int]]] = []
    paid_parcel = any(line.is_freight for line in lines)
    for rule in rules:
        scope = _scope(rule, lines, nets, barred)
        shares = take(scope, lines, nets, nets)
        refusal = _refusal(rule, scope, promotions, sum(shares), paid_parcel)
        if refusal is None:
            able.append((rule, scope, shares))
        else:
            refusals.append(refusal)

    def candidate(rule: Rule, scope: Scope, shares: list[int]) -> Candidate:
        if rule.method == "freight":
            taken_from = [i for i, line in enumerate(lines) if line.is_freight]
        else:
            taken_from = list(scope.places)
        by_left = partial(take, scope, lines, nets)
        return Candidate(rule, way_of(rule), shares, taken_from, by_left)

    choice = choose([candidate(*one) for one in able], nets)
    used = [able[i][0] for i in choice.picked]
    taken = list(zip(used, map(sum, choice.amounts), strict=True))
    for i, (rule, _of, shares) in enumerate(able):
        if i not in choice.picked:
            refusals.append(_not_chosen(rule, sum(shares), taken))
    applied = []
    for rule, amounts in zip(used, choice.amounts, strict=True):
        nets = [n - a for n, a in zip(nets, amounts, strict=True)]
        applied.append((rule, list(amounts)))
    refusals.sort(key=lambda r: (-r.worth_fen, r.rule.ends, r.rule.reference))
    return nets, applied, refusals, choice.exact


def _refusal(
    rule: Rule, scope: Scope, promotions: Sequence[Rule], worth: int, paid_parcel: bool
) -> Refusal | None:
    if rule.closed:
        return Refusal(rule, rule.closed)
    if rule.method == "freight" and not paid_parcel:
        return Refusal(rule, "freight")
    for other in promotions:
        if rule.clashes(other):
            return Refusal(rule, "stacking", worth_fen=worth, instead=other)
    if not any(scope.inside) or not scope.base_fen:
        return Refusal(rule, "scope")
    if rule.span == "order" and scope.reached < rule.threshold:
        missing = rule.threshold - scope.reached
        if rule.threshold_pieces:
            return Refusal(rule, "threshold", missing_pieces=missing)
        return Refusal(rule, "threshold", missing_fen=missing)
    return None if worth else Refusal(rule, "nothing")


def _not_chosen(rule: Rule, worth: int, taken: Sequence[tuple[Rule, int]]) -> Refusal:
    """Why a usable coupon is not among those of the best choice, which took so much each."""
    clashing = [one for one in taken if rule.clashes(one[0])]
    if not clashing:
        return Refusal(rule, "nothing", worth_fen=worth)
    # Of its own group rather than one that excludes it.
    instead, fen = min(clashing, key=lambda one: one[0].group != rule.group)
    return Refusal(rule, "stacking", worth_fen=worth, instead=instead, instead_fen=fen)


def _hint(rule: Rule, scope: Scope, off: int) -> Hint | None:
    """What is missing until the rule takes more than its group takes now."""
    if rule.span == "line" or not scope.base_fen:
        return None
    step = rule.next_step(scope.reached)
    if step is None or (rule.method == "amount" and step[1] <= off):
        return None
    missing = step[0] - scope.reached
    if rule.threshold_pieces:
        return Hint(rule, 0, missing, step[1])
    return Hint(rule, missing, 0, step[1])


def _free_parcel(freight: Freight | None, goods_fen: int, fee_fen: int) -> list[Hint]:
    """How much more until the parcel is free."""
    if freight is None or freight.free_from_fen is None:
        return []
    rule = Rule("freight", "", "", "freight", 0, freight.free_from_fen, None, {}, "")
    return [Hint(rule, freight.free_from_fen - goods_fen, 0, fee_fen)]


def _scope(rule: Rule, lines: Sequence[Item], nets: Sequence[int], barred: Barred) -> Scope:
    by_itself = rule.kind == "promotion"
    inside = [
        not line.is_freight
        and not (by_itself and line.final)
        and rule.group not in groups
        and holds(rule.scope, line.facts)
        for line, groups in zip(lines, barred, strict=True)
    ]
    places = [i for i, into in enumerate(inside) if into]
    base = sum([nets[i] for i in places])
    pieces = sum([lines[i].quantity for i in places])
    return Scope(rule, inside, places, base, pieces)


def _by_priority(rule: Rule) -> tuple[int, str]:
    return (rule.priority, rule.reference)


def _working_order(rule: Rule) -> tuple[int, int, int, str]:
    """Prices of pieces before percentages before amounts; then by priority, the larger first;
    numbers decide between equals only."""
    return (STAGES.get(rule.method, 3), rule.priority, -rule.value, rule.reference)
