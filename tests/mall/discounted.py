"""An order on which every kind of discount works, for audits, refunds and properties."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from coupons.models import Coupon
from mall.models import Order, Sku
from members.models import Member
from members.services.points_settle import PointsTarget, points_settle
from stores.ledger import AccountSpec, accounts_ensure
from stores.models import Store
from tests.factories import (
    make_card,
    make_coupon,
    make_member,
    make_product,
    make_promotion,
    make_stock,
    make_store,
    make_template,
    publish_policy,
)
from tests.factories.orders import pay_order, place_order


@dataclass
class Discounted:
    """Lines in the order of ``skus``, the gift last; amounts in fen.

    | SKU | pieces × price | what works on it |
    |---|---|---|
    | tea | 3 × 5,000 | marked down to 4,500 |
    | cup | 5 × 3,333 | three for 8,000, and so 8,000 + 2 × 3,333 |
    | pot, tray | 1 × 9,900, 2 × 2,500 | one of each for 11,000 |
    | box | 3 × 1,999 | every second piece at half |
    | bag | 1 × 1,500 | a gift from 20,000 fen on |

    A coupon of 12.5 % over all but the gift and one of 777 off the cups are stacked on it.
    """

    store: Store
    member: Member
    skus: dict[str, Sku]
    coupons: list[Coupon]
    order: Order


def only(*skus: Sku) -> dict:
    clause = {"fact": "sku", "op": "in", "value": [sku.code for sku in skus]}
    return {"v": 1, "all": [clause]}


POINTS = {
    "v": 2,
    "fen_per_point": 100,
    "expiry": {"kind": "days", "days": 365},
    "tender": {"fen_per_point": 1, "max_share_bp": 10_000, "step_points": 1},
    "min_days_after_return": 30,
}


def points_given(member: Member, points: int, *, now: datetime) -> None:
    """Points that pay as money, a fen each."""
    publish_policy(kind="points", body=POINTS, effective_from=now - timedelta(days=9))
    accounts_ensure([AccountSpec("points.spent", "points")])
    points_settle([PointsTarget(member.pk, member.no, "SO0", points * 100, now)], now=now)


def discounted_order(
    *, now: datetime, openid: str = "", use_card: bool = True, points: int = 0
) -> Discounted:
    """Placed, not paid; points and a card, principal and bonus, pay a part of it."""
    store, member = make_store(), make_member(openid=openid)
    prices = {"tea": 5_000, "cup": 3_333, "pot": 9_900, "tray": 2_500, "box": 1_999, "bag": 1_500}
    skus = {}
    for name, price in prices.items():
        skus[name] = make_product(skus=(price,)).skus.get()
        make_stock(store=store, sku=skus[name], on_hand=20)
    own = {"operator": store.operator}
    make_promotion(**own, kind="price", value=4_500, scope=only(skus["tea"]), stacking_group="day")
    make_promotion(
        **own, kind="multi", pieces=3, value=8_000, scope=only(skus["cup"]), stacking_group="set"
    )
    pair = {skus["pot"].code: 1, skus["tray"].code: 1}
    make_promotion(**own, kind="bundle", value=11_000, skus=pair, stacking_group="pair")
    make_promotion(
        **own, kind="nth", pieces=2, value=5_000, scope=only(skus["box"]), stacking_group="second"
    )
    gift = {skus["bag"].code: 1}
    make_promotion(
        **own,
        kind="gift",
        value=0,
        skus=gift,
        threshold_fen=20_000,
        times=1,
        stacking_group="gift",
    )
    share = make_template(**own, kind="percent", value=1_250, budget_fen=90_000)
    sum_off = make_template(**own, value=777, scope=only(skus["cup"]), stacking_group="cups")
    coupons = [make_coupon(member, template=template) for template in (share, sum_off)]
    make_card(member, principal_fen=9_000, bonus_fen=999, operator=store.operator)
    if points:
        points_given(member, points, now=now)
    pieces = {"tea": 3, "cup": 5, "pot": 1, "tray": 2, "box": 3}
    order = place_order(
        member,
        store=store,
        lines=[(skus[name], n) for name, n in pieces.items()],
        coupons=tuple(coupon.no for coupon in coupons),
        use_card=use_card,
        use_points=bool(points),
        points=points or None,
        now=now,
    )
    return Discounted(store, member, skus, coupons, order)


def discounted_sale(*, now: datetime, points: int = 0) -> Discounted:
    sale = discounted_order(now=now, points=points)
    pay_order(sale.order, now=now)
    return sale
