"""Quotes: stateless, repeatable, and honest about what changed and what is refused."""

from datetime import timedelta

import pytest

from config.kernel.models import Event
from mall.models import Order
from mall.offers import StoreUnknown
from mall.services.order_value import CardProductUnknown
from mall.services.quote import (
    BasketInvalid,
    BasketTooLarge,
    SkuUnavailable,
    quote_difference,
    quote_recall,
    quote_remember,
)
from tests.factories import (
    make_card,
    make_card_product,
    make_coupon,
    make_offer,
    make_product,
    make_promotion,
    make_template,
)

pytestmark = pytest.mark.django_db


def test_the_same_basket_is_the_same_quote(ask, skus, now, django_assert_num_queries):
    first, second = skus

    with django_assert_num_queries(1):
        one = ask((first, 1), (second, 2))
    again = ask((first, 1), (second, 2), at=now + timedelta(hours=1))
    merged = ask((second, 1), (first, 1), (second, 1))

    assert one == again
    assert len(one["version"]) == 32
    assert merged["total_fen"] == one["total_fen"] == 19_900
    assert Order.objects.count() == Event.objects.count() == 0


def test_every_change_of_the_result_changes_the_version(ask, store, member, skus):
    first, _second = skus
    versions = [ask((first, 1))["version"], ask((first, 2))["version"]]
    make_offer(store=store, sku=first, price_fen=9_901)
    versions.append(ask((first, 1))["version"])
    make_promotion(operator=store.operator, value=1)
    versions.append(ask((first, 1))["version"])
    make_card(member, principal_fen=5, bonus_fen=0, operator=store.operator)
    versions.append(ask((first, 1), use_card=True)["version"])

    assert len(set(versions)) == 5


def test_an_old_quote_explains_what_changed_to_its_member_alone(ask, store, member, skus):
    # given a quote that was shown, and a price that changed
    first, _second = skus
    old = ask((first, 2))
    quote_remember(old, member_id=member.pk)
    make_offer(store=store, sku=first, price_fen=8_900)
    new = ask((first, 2))

    # when / then
    recalled = quote_recall(old["version"], member_id=member.pk)
    assert recalled == old
    assert quote_difference(recalled, new) == [
        {"what": "gross_fen", "before": 19_800, "now": 17_800},
        {"what": "total_fen", "before": 19_800, "now": 17_800},
        {"what": "to_pay_fen", "before": 19_800, "now": 17_800},
        {"what": f"price:{first.code}", "before": 9_900, "now": 8_900},
    ]
    assert quote_difference(old, old) == []
    assert quote_recall(old["version"], member_id=member.pk + 1) is None
    forgotten = quote_difference(None, new)
    assert {"what": "total_fen", "before": None, "now": 17_800} in forgotten


# Refusals


def test_baskets_that_are_none(ask, store, member, skus, now):
    product = make_card_product(operator=store.operator)
    coupon = make_coupon(member, template=make_template(operator=store.operator))

    for basket in (
        {},
        {"card_product": product.code, "coupon_nos": (coupon.no,)},
        {"card_product": product.code, "use_card": True},
    ):
        with pytest.raises(BasketInvalid):
            ask(**basket)
    with pytest.raises(BasketInvalid):
        ask((skus[0], 1), card_product=product.code)


def test_a_basket_dearer_than_an_order_can_hold_is_refused(ask, store):
    # given an article at ¥214,748.36, a hundredth of what an order holds
    sku = make_product(skus=(21_474_836,)).skus.get()

    # when / then
    assert ask((sku, 100))["gross_fen"] == 2_147_483_600
    with pytest.raises(BasketTooLarge) as refused:
        ask((sku, 60), (sku, 41))
    assert refused.value.params == {"most": "¥21,474,836.47"}


def test_what_is_not_there_is_named(ask, store, skus, now):
    first, second = skus
    gone = make_product(skus=(100,), on_sale=False).skus.get()
    make_offer(store=store, sku=second, listed=False)
    product = make_card_product(operator=store.operator)
    product.on_sale = False
    product.save()

    with pytest.raises(SkuUnavailable) as refused:
        ask((first, 1), (gone, 1), (second, 1))
    assert refused.value.params == {"skus": f"{gone.code}, {second.code}"}
    with pytest.raises(StoreUnknown):
        ask((first, 1), store_code="nowhere")
    for code in (product.code, "nothing"):
        with pytest.raises(CardProductUnknown):
            ask(card_product=code)
