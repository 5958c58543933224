"""The benchmark's world: one store, two hundred products, members with a card and a coupon each."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection, transaction

from config.kernel import clock
from config.kernel.actors import SYSTEM
from coupons.guards import coupon_claim
from coupons.models import Coupon, Template
from mall.models import Order, Sku, Stock, StockMovement
from members.models import CardLot, Member
from members.services.card_issue import card_issue
from stores.ledger import AccountSpec, accounts_ensure
from tests.bench.floors import function_sql
from tests.factories import (
    fresh,
    make_brand,
    make_card_product,
    make_category,
    make_guide,
    make_member,
    make_operator,
    make_product,
    make_store,
    make_template,
    make_terminal,
    publish_policy,
    session_token,
)

PIECES = 1_000_000
# A fen leaves the card and comes back, over and over: its balance stays what it was.
_LINES = """
INSERT INTO stores_transfer (debit_id, credit_id, amount, code, key, reference, occurred_at)
SELECT CASE WHEN n %% 2 = 1 THEN %(principal)s::bigint ELSE %(sales)s::bigint END,
  CASE WHEN n %% 2 = 1 THEN %(sales)s::bigint ELSE %(principal)s::bigint END, 1,
  CASE WHEN n %% 2 = 1 THEN 'card.spend' ELSE 'card.refund' END, 'bench-line:' || n, 'BENCH', now()
FROM generate_series(1, %(lines)s::int) AS n
"""


@dataclass(frozen=True)
class Shopper:
    """A member ready to buy: ids for the floors, a token for the product."""

    member_id: int
    token: str
    coupon_id: int
    coupon_no: str
    principal_id: int
    bonus_id: int
    card_id: int
    card_no: str

    def newest_order(self) -> str:
        return Order.objects.filter(member_id=self.member_id).latest("pk").no


@dataclass(frozen=True)
class World:
    operator_id: int
    store_id: int
    store_code: str
    sales_id: int
    template: Template
    claimable: Template
    rushed: Template
    skus: list[Sku]
    shoppers: list[Shopper]
    card_product_id: int
    terminal_id: int
    terminal_no: str
    terminal_key: str
    # One of the shoppers, with a long statement.
    reader: Shopper


def seed(*, shoppers: int, products: int = 200, lines: int = 100_000) -> World:
    """Fill an empty database; cards and coupons through the services that guard them. ``lines`` is
    how long the longest statement is."""
    fresh.restart()
    now = clock.now()
    operator = make_operator(code="bench")
    store = make_store(operator=operator, code="bench")
    brands = [make_brand() for _n in range(10)]
    shelves = [make_category() for _n in range(10)]
    for n in range(products):
        make_product(skus=(5_000 + n,), category=shelves[n % 10], brand=brands[n % 10])
    skus = list(Sku.objects.order_by("pk"))
    stocks = Stock.objects.bulk_create(Stock(store=store, sku=sku, on_hand=PIECES) for sku in skus)
    StockMovement.objects.bulk_create(
        StockMovement(stock=s, kind="opening", delta=PIECES, key=f"opening:{s.pk}", occurred_at=now)
        for s in stocks
    )
    _policies()
    make_guide(store=store)
    period: dict[str, Any] = {
        "claim_from": now - timedelta(days=1),
        "claim_until": now + timedelta(days=9),
    }
    template = make_template(operator=operator, quota=10_000_000, **period)
    claimable = make_template(operator=operator, quota=10_000_000, **period)
    rushed = make_template(operator=operator, **period)
    product = make_card_product(operator=operator, price_fen=100_000, bonus_fen=10_000)
    accounts = accounts_ensure(
        [AccountSpec("cash:bench"), AccountSpec("sales.card:bench:bench", operator_id=operator.pk)]
    )
    members = []
    for n in range(shoppers + 1):
        with transaction.atomic():
            member = make_member()
            token = session_token(member.user)
            coupon_claim(template_code=template.code, member_id=member.pk, now=now)
            card_issue(
                member_id=member.pk,
                card_product_id=product.pk,
                funding_account_id=accounts["cash:bench"],
                reference=f"BENCH{n}",
                key=f"bench:{n}",
                actor=SYSTEM,
                now=now,
            )
            members.append((member, token))
    terminal, key = make_terminal(store=store)
    found = _shoppers(members)
    with connection.cursor() as cursor:
        cursor.execute(function_sql())
        facts = {
            "lines": lines,
            "principal": found[0].principal_id,
            "sales": accounts["sales.card:bench:bench"],
        }
        cursor.execute(_LINES, facts)
        cursor.execute("UPDATE kernel_event SET relayed_at = occurred_at WHERE relayed_at IS NULL")
    world = World(
        operator_id=operator.pk,
        store_id=store.pk,
        store_code=store.code,
        sales_id=accounts["sales.card:bench:bench"],
        template=template,
        claimable=claimable,
        rushed=rushed,
        skus=skus,
        # What is measured on the long statement disturbs nobody else.
        shoppers=found[1:],
        card_product_id=product.pk,
        terminal_id=terminal.pk,
        terminal_no=terminal.no,
        terminal_key=key,
        reader=found[0],
    )
    # Plans as a database that has lived a while has them.
    previous = connection.get_autocommit()
    connection.set_autocommit(True)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    connection.set_autocommit(previous)
    return world


def _shoppers(members: list[tuple[Member, str]]) -> list[Shopper]:
    coupons = {c.member_id: c for c in Coupon.objects.all()}
    lots = {lot.card.member_id: lot for lot in CardLot.objects.select_related("card")}
    return [
        Shopper(
            member_id=member.pk,
            token=token,
            coupon_id=coupons[member.pk].pk,
            coupon_no=coupons[member.pk].no,
            principal_id=lots[member.pk].principal_id,
            bonus_id=lots[member.pk].bonus_id,
            card_id=lots[member.pk].card_id,
            card_no=lots[member.pk].card.no,
        )
        for member, token in members
    ]


def _policies() -> None:
    publish_policy(
        kind="points",
        body={"v": 1, "fen_per_point": 100, "lot_days": 365, "min_days_after_return": 30},
    )
    publish_policy(
        kind="attribution",
        body={"v": 1, "window_days": 7, "shares": {"opening": 6000, "serving": 4000}},
    )
    publish_policy(
        kind="commission_plan",
        body={"v": 1, "default_rate_bp": 300, "rules": [], "maturity_days": 7},
    )
    rules = {
        "claim_account_days": ("lte", 0, 20),
        "claim_phone": ("eq", 0, 30),
        "claim_device_members": ("gte", 4, 40),
        "claim_member_day": ("gte", 20, 50),
        "claim_phone_neighbours": ("gte", 1_000_000, 40),
    }
    publish_policy(
        kind="claim_risk",
        body={
            "v": 1,
            "challenge_from": 50,
            "refuse_from": 90,
            "rules": [
                {
                    "name": fact,
                    "when": {"v": 1, "all": [{"fact": fact, "op": op, "value": value}]},
                    "score": score,
                }
                for fact, (op, value, score) in rules.items()
            ],
        },
    )
