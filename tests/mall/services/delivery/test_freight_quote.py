"""What a parcel costs by policy, in the quote and in the order that keeps it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import transaction

from config.kernel.actors import Actor
from config.kernel.policies import PolicyInvalid, policy_validate
from coupons.models import Coupon, Redemption
from mall import tasks
from mall.freight import DeliveryNotOffered, FreightRules, RegionNotServed
from mall.models import Adjustment, DeliveryAddress, Order
from mall.services.delivery_address import AddressInvalid, addresses_erase
from mall.services.order_end import order_cancel
from mall.services.order_place import QuoteChanged, StoreWithoutPickup, order_place
from mall.services.quote import Basket, BasketInvalid, quote
from tests.factories import (
    make_card,
    make_card_product,
    make_coupon,
    make_promotion,
    make_store,
    make_template,
)
from tests.factories.orders import FREIGHT, make_address, pay_order, place_order
from tests.factories.policies import publish_policy

pytestmark = pytest.mark.django_db


def sent(member, store, lines, region="310104", **fields):
    return Basket(
        member_id=member.pk,
        store_code=store.code,
        lines=tuple((sku.code, n) for sku, n in lines),
        region=region,
        **fields,
    )


def place(basket, now, address=None):
    version = quote(basket=basket, now=now).document()["version"]
    with transaction.atomic():
        placed = order_place(
            basket=basket,
            quote_version=version,
            actor=Actor.member(basket.member_id),
            address=address,
            now=now,
        )
    return Order.objects.get(no=placed["no"])


@pytest.mark.parametrize(
    ("region", "pieces", "fee"),
    [("310104", 1, 800), ("330106", 3, 800), ("440300", 2, 1_200), ("440300", 5, 1_650)],
)
def test_the_longest_prefix_decides_what_it_costs(region, pieces, fee):
    assert FreightRules.read(FREIGHT).to(region, pieces=pieces).costs(100) == fee


@pytest.mark.parametrize("region", ["650102", "331022", "999999"])
def test_nothing_is_sent_where_the_policy_says_so(region):
    with pytest.raises(RegionNotServed):
        FreightRules.read(FREIGHT).to(region, pieces=1)


def test_without_a_zone_for_everywhere_else_the_rest_is_not_served():
    rules = FreightRules.read(FREIGHT | {"zones": FREIGHT["zones"][:1]})

    with pytest.raises(RegionNotServed):
        rules.to("440300", pieces=1)


@pytest.mark.parametrize(
    "change",
    [
        {"v": 2},
        {"confirm_days": 0},
        {"zones": []},
        {"zones": [{"regions": ["31"], "fee_fen": -1}]},
        {"zones": [{"regions": ["31"], "fee_fen": 100.0}]},
        {"zones": [{"regions": ["31"], "fee_fen": 100, "more_fen": 5}]},
        {"zones": [{"regions": ["3"], "fee_fen": 100}]},
        {"zones": [{"regions": ["31", "31"], "fee_fen": 100}]},
        {"zones": [{"regions": ["65"], "fee_fen": 100}]},
        {"zones": [{"regions": [], "fee_fen": 100}, {"regions": [], "fee_fen": 200}]},
        {"zones": [{"regions": ["31"], "fee_fen": 100, "color": "red"}]},
        {"not_to": ["上海"]},
        {"more": 1},
    ],
)
def test_a_policy_that_cannot_be_evaluated_is_refused(change):
    with pytest.raises(PolicyInvalid):
        policy_validate(kind="freight", body=FREIGHT | change)


def test_freight_is_a_line_beside_the_goods(store, member, skus, now, django_assert_num_queries):
    basket = sent(member, store, [(skus[0], 2), (skus[1], 1)])

    # the shelf, and the policy
    with django_assert_num_queries(2):
        document = quote(basket=basket, now=now).document()

    assert document["region"] == "310104"
    assert (document["gross_fen"], document["freight_fen"]) == (23_133, 800)
    assert (document["discount_fen"], document["total_fen"]) == (0, 23_933)
    assert [(x["kind"], x["title"], x["net_fen"]) for x in document["lines"]][-1] == (
        "freight",
        "运费",
        800,
    )
    assert sum(map(sum, (x["tenders_fen"] for x in document["lines"]))) == 23_933


def test_a_pickup_costs_no_statement_and_no_freight(
    store, member, skus, now, django_assert_num_queries
):
    basket = sent(member, store, [(skus[0], 2)], region="")

    with django_assert_num_queries(1):
        document = quote(basket=basket, now=now).document()

    assert (document["freight_fen"], document["total_fen"]) == (0, 19_800)
    assert {x["kind"] for x in document["lines"]} == {"goods"}


def test_it_is_free_from_so_much_and_a_hint_says_how_far(store, member, skus, now):
    make_promotion(operator=store.operator, value=1_000, threshold_fen=20_000)

    short = quote(basket=sent(member, store, [(skus[0], 3)]), now=now)
    free = quote(basket=sent(member, store, [(skus[0], 4)]), now=now)

    assert short.document()["freight_fen"] == 800
    assert [(h["kind"], h["missing_fen"], h["value"]) for h in short.hints()] == [
        ("freight", 30_000 - 28_700, 800)
    ]
    assert (free.document()["freight_fen"], free.document()["total_fen"]) == (0, 38_600)
    assert {x.kind for x in free.lines} == {"goods"}


def test_without_a_policy_nothing_is_sent(member, skus, now):
    elsewhere = make_store()

    with pytest.raises(DeliveryNotOffered):
        quote(basket=sent(member, elsewhere, [(skus[0], 1)]), now=now)


def test_only_goods_are_sent(store, member, now):
    product = make_card_product(operator=store.operator)
    basket = Basket(
        member_id=member.pk, store_code=store.code, card_product=product.code, region="310104"
    )

    with pytest.raises(BasketInvalid):
        quote(basket=basket, now=now)


def test_an_order_keeps_its_freight_and_its_address(store, member, skus, now):
    order = place(sent(member, store, [(skus[0], 2)]), now, make_address())

    assert (order.gross_fen, order.freight_fen, order.total_fen) == (19_800, 800, 20_600)
    lines = order.lines.order_by("position").values_list("kind", "title", "net_fen")
    assert list(lines) == [("goods", lines[0][1], 19_800), ("freight", "运费", 800)]
    address = DeliveryAddress.objects.get(order=order)
    assert (address.recipient, address.adcode) == ("李小明", "310104")
    # Nothing personal in what the order keeps of its quote.
    assert "李小明" not in str(order.snapshot) and "天平路" not in str(order.snapshot)


def test_an_order_that_is_sent_needs_no_store_that_hands_over(store, member, skus, now):
    store.pickup_enabled = False
    store.save()

    with pytest.raises(StoreWithoutPickup):
        place(sent(member, store, [(skus[0], 1)], region=""), now)
    order = place(sent(member, store, [(skus[0], 1)]), now, make_address())

    assert order.state == "placed"


@pytest.mark.parametrize(
    "address",
    [
        None,
        make_address("310105"),
        replace(make_address(), recipient=" "),
        replace(make_address(), detail=""),
        replace(make_address(), phone="电话"),
    ],
)
def test_without_a_usable_address_in_its_region_nothing_is_placed(
    store, member, skus, now, address
):
    with pytest.raises(AddressInvalid):
        place(sent(member, store, [(skus[0], 1)]), now, address)

    assert not Order.objects.exists()


def test_an_address_without_a_region_is_refused(store, member, skus, now):
    with pytest.raises(AddressInvalid):
        place(sent(member, store, [(skus[0], 1)], region=""), now, make_address())


def test_another_policy_since_the_quote_says_what_changed(store, member, skus, now):
    basket = sent(member, store, [(skus[0], 1)])
    version = quote(basket=basket, now=now).document()["version"]
    dearer = FREIGHT | {"zones": [{"regions": ["31"], "fee_fen": 900}]}
    publish_policy(
        kind="freight",
        body=dearer,
        scope=store.operator.code,
        effective_from=now - timedelta(minutes=1),
    )

    with pytest.raises(QuoteChanged) as refused, transaction.atomic():
        order_place(
            basket=basket,
            quote_version=version,
            actor=Actor.member(member.pk),
            address=make_address(),
            now=now,
        )

    assert {"what": "freight_fen", "before": None, "now": 900} in refused.value.params["changes"]


def test_a_freight_coupon_is_used_for_the_freight(store, member, skus, now, relayed):
    template = make_template(
        operator=store.operator, kind="freight", value=0, threshold_fen=10_000, budget_fen=5_000
    )
    coupon = make_coupon(member, template=template)
    basket = sent(member, store, [(skus[0], 2)], best_coupons=True)

    document = quote(basket=basket, now=now).document()
    order = place(basket, now, make_address())
    pay_order(order, now=now)
    relayed(now)

    assert document["discounts"] == [
        {
            "kind": "coupon",
            "reference": coupon.no,
            "title": template.name,
            "amount_fen": 800,
        }
    ]
    assert (document["freight_fen"], document["discount_fen"]) == (800, 800)
    assert (order.freight_fen, order.discount_fen, order.total_fen) == (800, 800, 19_800)
    assert Adjustment.objects.get().line.kind == "freight"
    assert Redemption.objects.get().amount_fen == 800
    assert Coupon.objects.get().state == "used"


def test_a_freight_coupon_below_its_threshold_says_what_is_missing(store, member, skus, now):
    template = make_template(operator=store.operator, kind="freight", value=0, threshold_fen=20_000)
    make_coupon(member, template=template)
    basket = sent(member, store, [(skus[0], 2)], best_coupons=True)

    document = quote(basket=basket, now=now).document()

    assert [(x["reason"], x["missing_fen"]) for x in document["refused_coupons"]] == [
        ("threshold", 200)
    ]
    assert document["total_fen"] == 20_600


def test_a_card_pays_the_freight_and_points_do_not_reach_it(store, member, skus, now):
    make_card(member, principal_fen=60_000, operator=store.operator)
    basket = sent(member, store, [(skus[0], 2)], use_card=True)

    order = place(basket, now, make_address())

    assert (order.state, order.total_fen) == ("paid", 20_600)
    freight = order.lines.get(kind="freight")
    assert sum(freight.allocations.values_list("amount_fen", flat=True)) == 800


def test_addresses_are_blanked_when_nobody_needs_them(store, member, skus, now):
    unpaid, paid = [
        place_order(member, store=store, lines=[(skus[0], 1)], address=make_address(), now=now)
        for _n in range(2)
    ]
    order_cancel(order_no=unpaid.no, reason="不要了", actor=Actor.member(member.pk), now=now)
    pay_order(paid, now=now)

    assert addresses_erase(now=now + timedelta(days=29)) == 0
    assert addresses_erase(now=now + timedelta(days=31)) == 1
    assert addresses_erase(now=now + timedelta(days=31)) == 0

    blank = DeliveryAddress.objects.get(order=unpaid)
    assert (blank.recipient, blank.phone, blank.detail, blank.region) == ("", "", "", "")
    assert blank.adcode == "310104"
    assert DeliveryAddress.objects.get(order=paid).recipient == "李小明"


def test_all_that_nobody_needs_goes_in_one_run_however_many(monkeypatch):
    left = [500, 3, 0]
    monkeypatch.setattr(tasks, "erase", lambda *, now: left.pop(0))

    tasks.addresses_erase()

    assert left == []
