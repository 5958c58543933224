"""Baskets that guides prepare: sent, opened, ordered once, credited to their guide."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import translation

from config.kernel.actors import SYSTEM
from config.kernel.codes import CodeInvalid
from config.kernel.models import Code, Event
from guides.explain import explain_entry
from guides.guards import BasketOrderedAlready
from guides.models import Attribution, Guide, PreparedBasket, Touch
from guides.selectors import commission_entries
from guides.selectors_baskets import (
    BasketExpired,
    BasketOfAnother,
    BasketUnknown,
    BasketWithdrawn,
    basket_for,
)
from guides.services.basket_order import BasketElsewhere, basket_order
from guides.services.basket_send import BasketEmpty, BasketNotForThem, BasketTerm, basket_send
from guides.services.basket_withdraw import basket_withdraw
from guides.services.code_create import CodeTargetUnknown, GuideInactive
from guides.services.touch_record import touch_record
from mall.models import Order, Product
from mall.services.order_end import order_cancel, orders_expire
from mall.services.quote import Basket, SkuUnavailable, quote
from tests.factories import (
    make_basket,
    make_binding,
    make_coupon,
    make_guide,
    make_member,
    make_product,
    make_stock,
    make_store,
    make_template,
)
from tests.factories.orders import pay_order
from tests.guides.sales import booked, touched

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def tea(store):
    sku = make_product(skus=[12_345], name="明前龙井").skus.get()
    make_stock(store=store, sku=sku, on_hand=10)
    return sku


@pytest.fixture
def customer(guide):
    member = make_member()
    make_binding(member=member, guide=guide)
    return member


@pytest.fixture
def basket(guide, store, customer, tea, now):
    return make_basket(guide=guide, store=store, member=customer, lines=[(tea, 2)], now=now)


def order(basket, member, lines, now, *, store=None, **wishes):
    wanted = Basket(
        member_id=member.pk,
        store_code=(store or basket.store).code,
        lines=tuple((sku.code, n) for sku, n in lines),
        **wishes,
    )
    version = quote(basket=wanted, now=now).document()["version"]
    with transaction.atomic():  # a refusal refuses the whole request
        return basket_order(
            token=basket.code.token, basket=wanted, quote_version=version, actor=SYSTEM, now=now
        )


def sent(guide, store, now, **changes):
    given = {"member_id": None, "days": 3, "key": "click0001", "actor": SYSTEM, "now": now}
    return basket_send(**{"guide_id": guide.pk, "store_code": store.code, **given, **changes})


def test_a_basket_is_sent_once_per_click(guide, store, customer, tea, now):
    lines = [(tea.code, 1), (tea.code, 2)]
    basket = sent(guide, store, now, member_id=customer.pk, lines=lines, note="  新茶到了 ")
    again = sent(guide, store, now, member_id=customer.pk, lines=lines, note="别的")

    assert again == basket and PreparedBasket.objects.count() == Code.objects.count() == 1
    assert [(x.sku, x.quantity) for x in basket.lines.all()] == [(tea, 3)]
    assert (basket.note, basket.expires_at) == ("新茶到了", now + 3 * DAY)
    assert (basket.code.valid_until, basket.code.owner_id) == (basket.expires_at, guide.pk)
    event = Event.objects.get(kind="guides.basket_sent")
    assert event.payload == {"guide_id": guide.pk, "member_id": customer.pk}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"lines": []}, BasketEmpty),
        ({"lines": [("TEA", 0)]}, BasketEmpty),
        ({"lines": [("TEA", 60), ("TEA", 40)]}, BasketEmpty),
        ({"lines": [(f"S{i}", 1) for i in range(51)]}, BasketEmpty),
        ({"lines": [("TEA", 1)], "days": 0}, BasketTerm),
        ({"lines": [("TEA", 1)], "days": 31}, BasketTerm),
        ({"lines": [("NOSUCH", 1)]}, SkuUnavailable),
        ({"lines": [("TEA", 1)], "store_code": "elsewhere"}, CodeTargetUnknown),
    ],
)
def test_what_cannot_be_sent_leaves_nothing(guide, store, tea, now, changes, error):
    make_store(code="elsewhere")
    type(tea).objects.update(code="TEA")
    with pytest.raises(error):
        sent(guide, store, now, **changes)
    assert not PreparedBasket.objects.exists() and not Code.objects.exists()


def test_a_basket_is_for_own_customers_or_for_anybody(guide, colleague, store, tea, now):
    theirs, nobodys = make_member(), make_member()
    make_binding(member=theirs, guide=colleague)
    for member in (theirs, nobodys):
        with pytest.raises(BasketNotForThem):
            sent(guide, store, now, member_id=member.pk, lines=[(tea.code, 1)])
    assert not PreparedBasket.objects.exists()

    assert sent(guide, store, now, lines=[(tea.code, 1)]).member is None


def test_a_guide_prepares_none_for_themself(guide, store, tea, member, now):
    make_binding(member=member, guide=guide)
    Guide.objects.filter(pk=guide.pk).update(member=member)
    with pytest.raises(BasketNotForThem):
        sent(guide, store, now, member_id=member.pk, lines=[(tea.code, 1)])


def test_an_article_off_the_shelf_is_not_put_in(guide, store, tea, now):
    Product.objects.update(on_sale=False)
    with pytest.raises(SkuUnavailable):
        sent(guide, store, now, lines=[(tea.code, 1)])


def test_who_has_left_prepares_none_and_what_they_sent_is_withdrawn(
    basket, guide, store, customer, tea, now
):
    Guide.objects.update(active_until=now + DAY)
    assert basket_for(token=basket.code.token, member_id=customer.pk, now=now).state == "sent"

    Guide.objects.update(active_until=now)
    with pytest.raises(GuideInactive):
        sent(guide, store, now, lines=[(tea.code, 1)])
    with pytest.raises(BasketWithdrawn):
        basket_for(token=basket.code.token, member_id=customer.pk, now=now)
    with pytest.raises(BasketWithdrawn):
        order(basket, customer, [(tea, 2)], now)
    assert not Order.objects.exists() and not Touch.objects.exists()


def test_a_basket_becomes_an_order_that_its_guide_opened(
    rules, basket, guide, colleague, customer, tea, now, relayed
):
    # Another guide's code of the same product, opened later, would open any other sale.
    touch_record(token=basket.code.token, member_id=customer.pk, actor=SYSTEM, now=now)
    touched(member=customer, guide=colleague, product=tea.product, now=now)
    assert basket_for(token=basket.code.token, member_id=customer.pk, now=now).state == "opened"

    placed = order(basket, customer, [(tea, 2)], now)
    made = Order.objects.get(no=placed["no"])
    assert (made.channel, made.source_token) == ("guide", basket.code.token)
    assert basket_for(token=basket.code.token, member_id=customer.pk, now=now).state == "ordered"
    pay_order(made)
    relayed(now)

    assert basket_for(token=basket.code.token, member_id=customer.pk, now=now).state == "paid"
    share = Attribution.objects.get()
    assert (share.guide, share.role, share.basis_points) == (guide, "opening", 10_000)
    assert share.evidence["basket"] == basket.code.token
    assert Touch.objects.get(pk=share.evidence["touch"]).code == basket.code
    # ¥246.90 × 3 % = 740.7 → 741
    assert (booked(guide), booked(colleague)) == ([741], [])
    entry = commission_entries(guide_id=guide.pk, now=now).get()
    with translation.override("en"):
        [why] = [x for x in explain_entry(entry) if "basket" in x]
    assert f"the customer ordered the basket {basket.code.token} that you prepared" in why


def test_the_guide_of_the_basket_shares_with_the_serving_one(
    rules, guide, colleague, store, member, tea, now, relayed
):
    make_binding(member=member, guide=colleague, since=now - 9 * DAY)
    basket = make_basket(guide=guide, store=store, lines=[(tea, 2)], now=now)
    placed = order(basket, member, [(tea, 2)], now)
    pay_order(Order.objects.get(no=placed["no"]))
    relayed(now)

    # 60 : 40 of 741 = 444.6 : 296.4 → 445 + 296
    assert (booked(guide), booked(colleague)) == ([445], [296])


def test_the_customer_pays_what_the_engine_says_with_their_coupons(basket, customer, tea, now):
    template = make_template(
        operator=basket.store.operator, value=3_000, threshold_fen=20_000, public=False
    )
    make_coupon(template=template, member=customer)
    placed = order(basket, customer, [(tea, 2)], now, best_coupons=True)

    assert placed["total_fen"] == 24_690 - 3_000


def test_a_basket_is_ordered_once_and_again_after_its_order_has_ended(basket, customer, tea, now):
    first = order(basket, customer, [(tea, 2)], now)
    with pytest.raises(BasketOrderedAlready):
        order(basket, customer, [(tea, 1)], now)
    assert Order.objects.count() == 1

    order_cancel(
        order_no=first["no"], reason="再想想", actor=SYSTEM, now=now, member_id=customer.pk
    )
    assert basket_for(token=basket.code.token, member_id=customer.pk, now=now).state == "opened"
    second = order(basket, customer, [(tea, 1)], now)
    orders_expire(now=now + DAY)
    third = order(basket, customer, [(tea, 1)], now + DAY)

    basket.refresh_from_db()
    assert basket.order is not None and basket.order.no == third["no"]
    states = dict(Order.objects.values_list("no", "state"))
    assert states == {
        first["no"]: "cancelled",
        second["no"]: "expired",
        third["no"]: "placed",
    }


def test_what_the_customer_changed_is_ordered(basket, store, customer, tea, now):
    cup = make_product(skus=[5_000]).skus.get()
    make_stock(store=store, sku=cup)
    placed = order(basket, customer, [(tea, 1), (cup, 1)], now)
    assert placed["total_fen"] == 17_345


def test_an_order_with_nothing_of_it_is_none_of_the_basket(basket, store, customer, tea, now):
    cup = make_product(skus=[5_000]).skus.get()
    make_stock(store=store, sku=cup)
    other = make_store(operator=store.operator)
    make_stock(store=other, sku=tea)
    with pytest.raises(BasketElsewhere):
        order(basket, customer, [(cup, 1)], now)
    with pytest.raises(BasketElsewhere):
        order(basket, customer, [(tea, 1)], now, store=other)
    assert not Order.objects.exists() and not Touch.objects.exists()


def test_anothers_basket_is_refused_and_leaves_no_touch(basket, tea, now):
    stranger = make_member()
    token = basket.code.token
    with pytest.raises(BasketOfAnother):
        basket_for(token=token, member_id=stranger.pk, now=now)
    with pytest.raises(BasketOfAnother):
        order(basket, stranger, [(tea, 2)], now)
    with pytest.raises(CodeInvalid):
        touch_record(token=token, member_id=stranger.pk, actor=SYSTEM, now=now)
    with pytest.raises(BasketUnknown):
        basket_for(token="NOSUCH", member_id=stranger.pk, now=now)
    assert not Order.objects.exists() and not Touch.objects.exists()


def test_a_basket_for_anybody_is_whose_first_orders_it(guide, store, tea, member, now):
    basket = make_basket(guide=guide, store=store, lines=[(tea, 1)], now=now)
    friend = make_member()
    assert basket_for(token=basket.code.token, member_id=friend.pk, now=now).state == "sent"
    order(basket, member, [(tea, 1)], now)

    with pytest.raises(BasketOrderedAlready):
        basket_for(token=basket.code.token, member_id=friend.pk, now=now)
    assert basket_for(token=basket.code.token, member_id=member.pk, now=now).state == "ordered"


def test_an_expired_basket_is_not_ordered_but_what_was_stays_to_see(basket, customer, tea, now):
    late = basket.expires_at
    with pytest.raises(BasketExpired):
        basket_for(token=basket.code.token, member_id=customer.pk, now=late)
    with pytest.raises(BasketExpired):
        order(basket, customer, [(tea, 2)], late)

    order(basket, customer, [(tea, 2)], now)
    assert basket_for(token=basket.code.token, member_id=customer.pk, now=late).state == "ordered"


def test_a_guide_withdraws_what_nobody_ordered(basket, guide, colleague, customer, tea, now):
    token = basket.code.token
    with pytest.raises(BasketUnknown):
        basket_withdraw(guide_id=colleague.pk, token=token, actor=SYSTEM, now=now)
    for _twice in range(2):
        basket_withdraw(guide_id=guide.pk, token=token, actor=SYSTEM, now=now)

    assert Event.objects.filter(kind="guides.basket_withdrawn").count() == 1
    with pytest.raises(BasketWithdrawn):
        order(basket, customer, [(tea, 2)], now)
    with pytest.raises(CodeInvalid):
        touch_record(token=token, member_id=customer.pk, actor=SYSTEM, now=now)


def test_an_ordered_basket_is_not_withdrawn(basket, guide, customer, tea, now):
    order(basket, customer, [(tea, 2)], now)
    with pytest.raises(BasketOrderedAlready):
        basket_withdraw(guide_id=guide.pk, token=basket.code.token, actor=SYSTEM, now=now)
    basket.refresh_from_db()
    assert basket.withdrawn_at is None


def test_a_guide_of_another_store_cannot_send_from_this_one(store, tea, now):
    with pytest.raises(CodeTargetUnknown):
        sent(make_guide(), store, now, lines=[(tea.code, 1)])
