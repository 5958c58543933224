"""A till's total is the mall's for the same basket, facts and rules."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mall.services.pos_quote import TillLine, till_price
from mall.services.pos_till import Till
from mall.services.quote import Basket, quote
from tests.factories import (
    make_brand,
    make_coupon,
    make_member,
    make_offer,
    make_product,
    make_promotion,
    make_stock,
    make_store,
    make_template,
)

pytestmark = pytest.mark.django_db
BOTH = ["mall", "store"]


@pytest.fixture
def world(now):
    """A store with eight SKUs (some at its own price), promotions of every kind that work in both
    channels, and a member with coupons."""
    store = make_store()
    dice = random.Random(7)
    brand = make_brand()
    skus = []
    for n in range(8):
        sku = make_product(skus=(dice.randint(100, 20_000),), brand=brand if n % 2 else None)
        sku = sku.skus.get()
        make_stock(store=store, sku=sku, on_hand=10_000)
        if n % 3 == 0:
            make_offer(store=store, sku=sku, price_fen=sku.price_fen - 13)
        skus.append(sku)
    of_brand = {"v": 1, "all": [{"fact": "brand", "op": "eq", "value": brand.code}]}
    new = {"v": 1, "all": [{"fact": "member_days", "op": "lte", "value": 7}]}
    codes = [sku.code for sku in skus]
    for columns in (
        {"kind": "amount", "value": 777, "threshold_fen": 9_000, "steps": [[30_000, 3_333]]},
        {"kind": "percent", "value": 1_234, "scope": of_brand, "stacking_group": "brand"},
        {"kind": "price", "value": 0, "skus": {codes[0]: 99}, "stacking_group": "marked"},
        {"kind": "price", "value": 4_999, "scope": new, "stacking_group": "new"},
        {
            "kind": "multi",
            "value": 1_000,
            "pieces": 3,
            "stacking_group": "three",
            "scope": of_brand,
        },
        {"kind": "nth", "value": 5_000, "pieces": 2, "stacking_group": "second"},
        {
            "kind": "bundle",
            "value": 500,
            "skus": {codes[1]: 1, codes[2]: 2},
            "stacking_group": "set",
        },
        {"kind": "gift", "value": 0, "threshold_fen": 20_000, "skus": {codes[3]: 1}},
    ):
        make_promotion(operator=store.operator, channels=BOTH, **columns)
    member = make_member()
    coupons = [
        make_coupon(member, template=make_template(operator=store.operator, **columns))
        for columns in (
            {"value": 1_001, "threshold_fen": 5_000},
            {"kind": "percent", "value": 1_500, "stacking_group": "b", "scope": of_brand},
            {"kind": "nth", "value": 10_000, "pieces": 3, "stacking_group": "c"},
        )
    ]
    till = Till(
        name="user:1",
        store_id=store.pk,
        store_code=store.code,
        operator_id=store.operator_id,
        operator_code=store.operator.code,
    )
    return till, member, skus, coupons


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    picked=st.dictionaries(st.integers(0, 7), st.integers(1, 6), min_size=1, max_size=6),
    held=st.sets(st.integers(0, 2)),
)
def test_a_till_sells_at_the_price_of_the_mall(world, now, picked, held):
    till, member, skus, coupons = world
    wanted = tuple((skus[place].code, pieces) for place, pieces in picked.items())
    nos = tuple(coupons[place].no for place in sorted(held))

    in_mall = quote(
        basket=Basket(
            member_id=member.pk, store_code=till.store_code, lines=wanted, coupon_nos=nos
        ),
        now=now,
    )
    at_till = till_price(
        till=till,
        member_id=member.pk,
        lines=[TillLine(code, "", pieces, None) for code, pieces in wanted],
        coupon_nos=nos,
        with_promotions=True,
        now=now,
    )

    bought = [line for line in in_mall.lines if not line.is_gift]
    assert [line.net_fen for line in bought] == list(at_till.priced.nets)
    assert in_mall.priced.total_fen == at_till.priced.total_fen
    assert in_mall.hints() == [
        {
            "kind": hint.rule.kind,
            "reference": hint.rule.reference,
            "title": hint.rule.title,
            "missing_fen": hint.missing_fen,
            "missing_pieces": hint.missing_pieces,
            "method": hint.rule.method,
            "value": hint.value,
        }
        for hint in at_till.priced.hints
    ]
    assert [gift.gift for gift in in_mall.gifts] == list(at_till.priced.gifts)
