"""What a discount would do to baskets: priced by the engine together with all that runs beside it.

The shopper of a preview is whoever gets the most: every clause about people holds, and they have
one of every coupon that may be used. What is cheapest for them is what it may come to.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, Sum

from config.kernel.conditions import holds
from coupons.models import Template
from coupons.selectors import CouponRule
from coupons.states import Channel, CouponState
from coupons.terms import terms_read
from mall.discount_draft_values import TEMPLATE
from mall.discount_rules import coupon_rule, promotion_rule
from mall.freight import DeliveryNotOffered, FreightRules, freight_rules
from mall.models import OrderLine, Promotion, Sku
from mall.offers import Offers, offers
from mall.pricing import Item, Rule, price
from mall.scopes import for_somebody
from mall.states import LineKind
from stores.models import Store

SELLING_DAYS = 30
BEST_SELLERS = 40
MOST_BASKETS = 6
MOST_PIECES = 50
MOST_COUPONS = 30


@dataclass(frozen=True)
class SampleLine:
    """One line of a basket; ``below_fen`` is how much less than it cost us it brings in."""

    sku: str
    title: str
    quantity: int
    gross_fen: int
    net_fen: int
    cost_fen: int | None

    @property
    def below_fen(self) -> int:
        return 0 if self.cost_fen is None else max(self.cost_fen - self.net_fen, 0)


@dataclass(frozen=True)
class Sample:
    """A basket with the discount. ``alone_fen`` is its total with nothing else, ``before_fen``
    with all the others and without it; ``used`` are (kind, name, fen) of all that work. With a
    coupon for the freight it is sent for ``freight_fen``, which is taken for what sending costs."""

    lines: tuple[SampleLine, ...]
    used: tuple[tuple[str, str, int], ...]
    gifts: tuple[tuple[str, int], ...]
    gross_fen: int
    before_fen: int
    alone_fen: int
    total_fen: int
    applies: bool
    gift_cost_fen: int
    freight_fen: int = 0

    @property
    def cost_fen(self) -> int | None:
        """Of all that goes out of the shop; None where a cost is not known."""
        costs = [line.cost_fen for line in self.lines]
        if any(cost is None for cost in costs):
            return None
        goods_fen = sum(cost for cost in costs if cost is not None)
        return goods_fen + self.gift_cost_fen + self.freight_fen

    @property
    def below_fen(self) -> int:
        """What is lost on the basket, or on those of its lines that lose."""
        whole = 0 if self.cost_fen is None else max(self.cost_fen - self.total_fen, 0)
        return max(whole, sum(line.below_fen for line in self.lines))


@dataclass(frozen=True)
class Preview:
    store: Store | None
    at: datetime
    channel: Channel = Channel.MALL
    samples: tuple[Sample, ...] = ()
    beside: int = 0
    without_cost: int = 0

    @property
    def below_cost(self) -> bool:
        return any(sample.applies and sample.below_fen for sample in self.samples)


def rule_of(kind: str, row: Any, *, at: datetime, closed: bool = False) -> Rule:
    """A template or promotion as pricing takes it, for whoever gets the most of it. With
    ``closed`` its hours count."""
    terms = [
        *(row.threshold_pieces, row.steps, row.span, row.pieces, row.times),
        *(row.excludes, row.priority, row.weekdays, row.hours),
    ]
    if kind == TEMPLATE:
        found = coupon_rule(
            CouponRule(
                pk=0,
                no=row.code,
                state=CouponState.CLAIMED,
                member_id=0,
                template_id=row.pk or 0,
                name=row.name,
                kind=row.kind,
                value=row.value,
                max_discount_fen=row.max_discount_fen,
                threshold_fen=row.threshold_fen,
                scope=row.scope,
                stacking_group=row.stacking_group,
                operator_id=row.operator_id,
                other_operators=row.other_operators,
                channels=tuple(row.channels),
                valid_from=at,
                valid_until=at + timedelta(days=1),
                terms=terms_read(terms),
            ),
            operator_id=row.operator_id,
            channel=Channel.MALL if Channel.MALL in row.channels else Channel.STORE,
            now=at,
        )
    else:
        found = promotion_rule(
            (
                *(row.code, row.name, row.kind, row.value, row.threshold_fen),
                *(row.max_discount_fen, row.scope, row.stacking_group, row.skus, terms),
            ),
            at,
        )
    shut = found.closed if closed or found.closed != "hours" else ""
    return replace(found, scope=for_somebody(row.scope), closed=shut)


def goes_with(mine: Rule, other: Rule) -> bool:
    """Whether a shopper may use ``other`` beside ``mine``: of coupons that clash they have the one
    that is looked at; what promotions do to each other is for the engine to say."""
    return other.kind != "coupon" or not mine.clashes(other)


def templates_live(*, at: datetime, operator_id: int) -> list[Template]:
    """Templates whose coupons somebody may have and use in the operator's shops at ``at``."""
    ours = Q(operator_id=operator_id) | Q(other_operators=True)
    alive = Q(valid_until__gt=at) | Q(valid_until__isnull=True, claim_until__gt=at)
    rows = Template.objects.filter(ours, alive, archived_at=None, use_stopped_at=None)
    return list(rows.filter(claim_from__lte=at).order_by("-id")[:MOST_COUPONS])


def best_sellers(*, operator_id: int, now: datetime) -> list[str]:
    """SKU codes by the pieces that the operator's shops sold of late, then any on the shelf. At
    most two statements."""
    sold = (
        OrderLine.objects.filter(
            kind=LineKind.GOODS,
            sku__archived_at=None,
            order__operator_id=operator_id,
            order__paid_at__gt=now - timedelta(days=SELLING_DAYS),
        )
        .order_by()
        .values("sku__code")
        .annotate(pieces=Sum("quantity"))
        .order_by("-pieces", "sku__code")
    )
    codes = [row["sku__code"] for row in sold[:BEST_SELLERS]]
    if len(codes) < BEST_SELLERS:
        others = Sku.objects.filter(archived_at=None, product__on_sale=True).exclude(code__in=codes)
        rest = others.order_by("-pk").values_list("code", flat=True)
        codes += list(rest[: BEST_SELLERS - len(codes)])
    return codes


def discount_preview(
    *,
    kind: str,
    row: Any,
    store: Store,
    at: datetime,
    now: datetime,
    picked: Sequence[tuple[str, int]] = (),
    channel: Channel = Channel.MALL,
) -> Preview:
    """Baskets of best sellers that ``row`` (written or not) is for, or the one that was
    ``picked``, at ``store`` as of ``at``, in the mall or by ``channel`` at its tills. A coupon for
    the freight is tried on baskets that are sent where it costs most. Five statements, two less
    for picked ones, one more for freight. Raises nothing for SKUs that are not there: they are
    left out."""
    named = list(row.skus) if getattr(row, "skus", None) else []
    sellers = [] if picked else best_sellers(operator_id=store.operator_id, now=now)
    wanted = list(dict.fromkeys([*(code for code, _n in picked), *named, *sellers]))
    shelf = offers(store_code=store.code, sku_codes=wanted, now=at)
    known = Sku.objects.filter(code__in=wanted).values_list("code", "cost_fen")
    costs = {code: fen for code, fen in known if fen is not None}
    mine = rule_of(kind, row, at=at)
    beside = [
        rule
        for rule in _beside(shelf, store, at, channel)
        if rule.reference != row.code and goes_with(mine, rule)
    ]
    if picked:
        baskets = [[(code, n) for code, n in picked if code in shelf.by_sku]]
    else:
        inside = [
            code
            for code in wanted
            if code in shelf.by_sku
            and shelf.by_sku[code].sellable
            and holds(mine.scope, shelf.facts(shelf.by_sku[code]))
        ]
        baskets = _baskets(mine, inside, shelf)
    sent = _freight(mine, shelf, channel, at)
    samples = [
        _sample(basket, mine, beside, shelf, costs, sent)
        for basket in baskets[:MOST_BASKETS]
        if basket
    ]
    seen = {line.sku for sample in samples for line in sample.lines}
    return Preview(store, at, channel, tuple(samples), len(beside), len(seen - costs.keys()))


def _beside(shelf: Offers, store: Store, at: datetime, channel: Channel) -> list[Rule]:
    """All that may meet in a basket there, in this channel. Two statements."""
    promotions = Promotion.objects.filter(
        operator_id=store.operator_id, archived_at=None, starts_at__lte=at, ends_at__gt=at
    )
    here = [row for row in promotions if channel in row.channels]
    rules = [rule_of("promotion", row, at=at, closed=True) for row in here]
    return [
        *rules,
        *(
            rule_of(TEMPLATE, row, at=at, closed=True)
            for row in templates_live(at=at, operator_id=store.operator_id)
            if channel in row.channels
        ),
    ]


def _freight(mine: Rule, shelf: Offers, channel: Channel, at: datetime) -> FreightRules | None:
    """What sending costs, where ``mine`` is about that and anything is sent."""
    if mine.method != "freight" or channel != Channel.MALL:
        return None
    with suppress(DeliveryNotOffered):
        return freight_rules(operator_code=shelf.operator_code, now=at)
    return None


def _baskets(rule: Rule, codes: Sequence[str], shelf: Offers) -> list[list[tuple[str, int]]]:
    """One piece, as many as reach each threshold, the best three together, and the named set."""
    found: list[list[tuple[str, int]]] = []
    if rule.method == "bundle" and rule.skus:
        found.append([(code, n) for code, n in sorted(rule.skus.items()) if code in shelf.by_sku])
    for code in codes[:2]:
        found.append([(code, 1)])
        unit = shelf.by_sku[code].price_fen
        for threshold in dict.fromkeys([rule.threshold, *(step for step, _v in rule.steps)]):
            pieces = threshold if rule.threshold_pieces else -(-threshold // unit) if unit else 1
            pieces = min(max(pieces, rule.pieces), MOST_PIECES)
            found.append([(code, pieces)])
    if len(codes) > 1:
        found.append([(code, 1) for code in codes[:3]])
    return [list(basket) for basket in dict.fromkeys(map(tuple, found))]


def _sample(
    basket: Iterable[tuple[str, int]],
    mine: Rule,
    beside: Sequence[Rule],
    shelf: Offers,
    costs: Mapping[str, int],
    sent: FreightRules | None,
) -> Sample:
    items = [
        Item(code, n, shelf.by_sku[code].price_fen, shelf.facts(shelf.by_sku[code]))
        for code, n in basket
    ]
    parcel = sent.dearest(pieces=sum(item.quantity for item in items)) if sent else None
    together = price(items, [*beside, mine], parcel)
    used = [d for d in together.discounts if d.rule is mine]
    given = [g for g in together.gifts if g.rule is mine]
    return Sample(
        lines=tuple(
            SampleLine(
                sku=item.sku,
                title=shelf.by_sku[item.sku].title,
                quantity=item.quantity,
                gross_fen=item.gross_fen,
                net_fen=net,
                cost_fen=costs[item.sku] * item.quantity if item.sku in costs else None,
            )
            for item, net in zip(together.items, together.nets, strict=True)
            if not item.is_freight
        ),
        used=tuple((d.rule.kind, d.rule.title, d.total_fen) for d in together.discounts),
        gifts=tuple((g.sku, g.pieces) for g in together.gifts),
        gross_fen=together.gross_fen,
        before_fen=price(items, beside, parcel).total_fen,
        alone_fen=price(items, [mine], parcel).total_fen,
        total_fen=together.total_fen,
        applies=bool(used or given),
        gift_cost_fen=sum(costs.get(g.sku, 0) * g.pieces for g in together.gifts),
        freight_fen=sum(item.gross_fen for item in together.items if item.is_freight),
    )
