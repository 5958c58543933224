"""The calendar of promotions and coupons of one operator: what runs when, and what meets what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import BigIntegerField, F, Func, Q
from django.db.models.functions import Cast

from config.kernel.clock import local_date
from config.kernel.conditions import holds
from coupons.models import Template
from coupons.states import Channel
from coupons.terms import days_touched
from mall.discount_draft_values import PROMOTION, TEMPLATE
from mall.discount_terms_words import discount_words
from mall.models import Category, Promotion, Sku
from mall.offers import Offers, offers
from mall.pricing import Item, Rule, price
from mall.scopes import may_meet
from mall.selectors.discount_preview import MOST_PIECES, goes_with, rule_of
from stores.models import Store

MOST_ROWS = 150
# The SKUs with the least between price and cost are looked at, so many of each discount's.
MOST_SKUS, SKUS_EACH = 400, 3
# Basis points of its price that a SKU costs us.
_COST_SHARE = Func(
    Cast("cost_fen", BigIntegerField()) * 10_000,
    F("price_fen"),
    function="div",
    output_field=BigIntegerField(),
)


@dataclass
class Bar:
    """A promotion or a template in the calendar. ``first`` to ``last`` are days that are shown,
    ``conflicts`` names those of its group that want the same goods at the same time, ``below`` a
    SKU that it may sell below cost together with what runs beside it."""

    kind: str
    row: Any
    starts_at: datetime
    ends_at: datetime
    first: date
    last: date
    column: int
    span: int
    words: str
    conflicts: list[str] = field(default_factory=list)
    below: str = ""
    url: str = ""

    @property
    def channels(self) -> list[str]:
        """Where it works, as people say it."""
        return [str(channel.label) for channel in Channel if channel in self.row.channels]


@dataclass(frozen=True)
class Calendar:
    days: tuple[date, ...]
    groups: tuple[tuple[str, tuple[Bar, ...]], ...]
    # Costs of so many SKUs are known: without any nothing is said about them.
    costs_known: int

    @property
    def bars(self) -> list[Bar]:
        return [bar for _group, bars in self.groups for bar in bars]


def discount_calendar(
    *,
    operator_id: int,
    store: Store | None,
    since: datetime,
    until: datetime,
    only_store: bool = False,
    costs: bool = False,
) -> Calendar:
    """What runs in the operator's shops from ``since`` to ``until`` (midnights in Shanghai).
    ``store`` says whose prices count, and with ``only_store`` what is not for it is left out.
    ``costs``: say what sells below cost. Five statements at most."""
    days = [local_date(since)]
    while days[-1] + timedelta(days=1) < local_date(until):
        days.append(days[-1] + timedelta(days=1))
    running = _running(operator_id, since, until)
    if only_store and store is not None:
        running = [x for x in running if _is_for(x[1].scope, store)]
    bars = [_bar(*found, days=days) for found in running[:MOST_ROWS]]
    _mark_conflicts(bars)
    known = 0
    if costs and store is not None:
        known = _mark_below(bars, store, since)
    groups: dict[str, list[Bar]] = {}
    for bar in sorted(bars, key=lambda b: (b.row.stacking_group, b.starts_at, b.row.code)):
        groups.setdefault(bar.row.stacking_group, []).append(bar)
    return Calendar(tuple(days), tuple((g, tuple(rows)) for g, rows in groups.items()), known)


def _running(
    operator_id: int, since: datetime, until: datetime
) -> list[tuple[str, Any, datetime, datetime]]:
    """(kind, row, from, to) of all that works on some day of the period. Two statements."""
    found: list[tuple[str, Any, datetime, datetime]] = []
    promotions = Promotion.objects.filter(
        operator_id=operator_id, archived_at=None, starts_at__lt=until, ends_at__gt=since
    )
    for promotion in promotions.select_related("operator"):
        found.append((PROMOTION, promotion, promotion.starts_at, promotion.ends_at))
    templates = Template.objects.filter(
        Q(operator_id=operator_id) | Q(other_operators=True),
        archived_at=None,
        use_stopped_at=None,
        claim_from__lt=until,
    )
    for template in templates.select_related("operator"):
        ends = template.valid_until or template.claim_until
        if template.valid_days:
            last = template.claim_until + timedelta(days=template.valid_days)
            ends = min(last, template.valid_until) if template.valid_until else last
        if ends > since:
            found.append((TEMPLATE, template, template.claim_from, ends))
    return sorted(found, key=lambda x: (x[2], x[1].code))


def _is_for(scope: Mapping[str, Any], store: Store) -> bool:
    """Whether nothing that has to hold for ``scope`` keeps the store away."""
    return all(
        holds(clause, {"store": store.code})
        for clause in scope.get("all", [])
        if clause.get("fact") == "store"
    )


def _bar(
    kind: str, row: Any, starts_at: datetime, ends_at: datetime, *, days: Sequence[date]
) -> Bar:
    last_moment = ends_at - timedelta(microseconds=1)
    first = max(local_date(starts_at), days[0])
    last = max(min(local_date(last_moment), days[-1]), first)
    return Bar(
        kind=kind,
        row=row,
        starts_at=starts_at,
        ends_at=ends_at,
        first=first,
        last=last,
        column=(first - days[0]).days + 1,
        span=(last - first).days + 1,
        words=discount_words(row)[0],
    )


def _mark_conflicts(bars: Sequence[Bar]) -> None:
    """One statement."""
    above = _categories_above()
    for i, one in enumerate(bars):
        for other in bars[i + 1 :]:
            if _conflict(one, other, above):
                one.conflicts.append(other.row.name)
                other.conflicts.append(one.row.name)


def _conflict(one: Bar, other: Bar, above: Mapping[str, set[str]]) -> bool:
    a, b = one.row, other.row
    days = days_touched(a.weekdays, a.hours) & days_touched(b.weekdays, b.hours)
    return (
        a.stacking_group == b.stacking_group
        and _meet(one, other)
        and bool(set(a.channels) & set(b.channels))
        and bool(days)
        and may_meet(a.scope, b.scope, above)
    )


def _meet(one: Bar, other: Bar) -> bool:
    return one.starts_at < other.ends_at and other.starts_at < one.ends_at


def _categories_above() -> dict[str, set[str]]:
    """Category → itself and those that it is in."""
    parents = dict(Category.objects.values_list("code", "parent__code"))
    found = {}
    for code in parents:
        chain: list[str] = []
        at: str | None = code
        while at is not None and at not in chain:
            chain.append(at)
            at = parents.get(at)
        found[code] = set(chain)
    return found


def _mark_below(bars: Sequence[Bar], store: Store, at: datetime) -> int:
    """Two statements; how many SKUs have a cost that is known."""
    rows = Sku.objects.filter(
        archived_at=None, product__on_sale=True, cost_fen__isnull=False, price_fen__gt=0
    ).order_by(_COST_SHARE.desc(), "code")
    known = rows.values_list("code", "cost_fen")[:MOST_SKUS]
    costs = {code: fen for code, fen in known if fen is not None}
    if not costs:
        return 0
    shelf = offers(store_code=store.code, sku_codes=list(costs), now=at)
    rules = [rule_of(bar.kind, bar.row, at=bar.starts_at) for bar in bars]
    for i, bar in enumerate(bars):
        beside = [
            rule
            for j, rule in enumerate(rules)
            if j != i
            and set(bar.row.channels) & set(bars[j].row.channels)
            and _meet(bar, bars[j])
            and goes_with(rules[i], rule)
        ]
        bar.below = _below(rules[i], beside, shelf, costs)
    return len(costs)


def _below(rule: Rule, beside: Sequence[Rule], shelf: Offers, costs: Mapping[str, int]) -> str:
    """The first SKU of its scope that it sells below cost, in baskets that reach its thresholds."""
    looked = 0
    for code, cost_fen in costs.items():
        offer = shelf.by_sku.get(code)
        if offer is None or not offer.sellable or not holds(rule.scope, shelf.facts(offer)):
            continue
        thresholds = [rule.threshold, *(step for step, _value in rule.steps)]
        unit = max(offer.price_fen, 1)
        wanted = [step if rule.threshold_pieces else -(-step // unit) for step in thresholds]
        for pieces in dict.fromkeys(min(max(n, rule.pieces), MOST_PIECES) for n in wanted):
            priced = price(
                [Item(code, pieces, offer.price_fen, shelf.facts(offer))], [*beside, rule]
            )
            works = any(d.rule is rule for d in priced.discounts)
            if works and priced.total_fen < cost_fen * pieces:
                return code
        looked += 1
        if looked == SKUS_EACH:
            break
    return ""
