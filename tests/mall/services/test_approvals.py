"""Refunds and prices above what one may do alone: asked for, then done by the second person."""

import pytest

from config.kernel.actors import Actor
from config.kernel.approvals import (
    ApprovalOverLimit,
    ApprovalPending,
    approval_decide,
    approval_kind,
)
from config.kernel.errors import Conflict, IllegalTransition
from config.kernel.models import Approval, Event
from mall.models import Refund
from mall.services.aftersale import AfterSaleUnknown, aftersale_refuse, aftersale_request
from mall.services.aftersale_approval import aftersale_amount, aftersale_approval
from mall.services.price_change import offer_price_change, price_change
from mall.services.sku_change import (
    OfferMissing,
    PriceUnchanged,
    SkuMissing,
    offer_price_set,
    sku_price_set,
)
from tests.factories import (
    make_member,
    make_offer,
    make_operator,
    make_product,
    make_staff,
    make_stock,
    make_store,
    make_user,
    publish_policy,
)
from tests.factories.orders import pay_order, place_order
from tests.mall.sales import mixed_sale

pytestmark = pytest.mark.django_db


@pytest.fixture
def store():
    return make_store(operator=make_operator())


@pytest.fixture
def sku():
    return make_product(skus=[30_000]).skus.get()


@pytest.fixture
def asked(store, sku, now):
    """Two of three pieces at ¥300.00 are to come back."""
    make_stock(store=store, sku=sku, on_hand=5)
    order = place_order(make_member(), store=store, lines=[(sku, 3)], now=now)
    pay_order(order, now=now)
    return aftersale_request(
        order_no=order.no,
        lines=[(0, 2)],
        reason="不合适",
        actor=Actor.member(order.member_id),
        now=now,
    )


def at(store, role):
    return make_staff(store=store, role=role)


def approve(after_sale, user, now):
    return aftersale_approval(after_sale_no=after_sale.no, reason="同意", user=user, now=now)


# --- refunds ----------------------------------------------------------------------------------


def test_within_the_limit_it_is_refunded_at_once(store, asked, now):
    finance = at(store, "finance")

    assert approve(asked, finance, now) is None

    asked.refresh_from_db()
    assert (asked.state, asked.decision) == ("approved", "同意")
    assert Refund.objects.get().amount_fen == 60_000
    assert not Approval.objects.exists()
    assert Event.objects.get(kind="mall.order_refunded").actor_id == str(finance.pk)


def test_above_it_a_second_person_decides(store, asked, now):
    """600 yuan: a manager grants 500 alone and may approve 2,000 of others'."""
    maker, checker = at(store, "manager"), at(store, "manager")

    request = approve(asked, maker, now)

    asked.refresh_from_db()
    assert asked.state == "requested" and not Refund.objects.exists()
    assert (request.kind, request.amount_fen, request.maker) == ("mall.refund", 60_000, maker)
    assert (request.subject_type, request.subject_id) == ("mall.aftersale", asked.pk)
    assert (request.operator_id, request.store_id) == (store.operator_id, store.pk)
    words = approval_kind("mall.refund").describe(request)
    assert asked.order.no in words and "¥600.00" in words and "2 × " in words

    approval_decide(approval_id=request.pk, approve=True, user=checker, now=now, note="核过")

    asked.refresh_from_db(), request.refresh_from_db()
    assert (asked.state, asked.decision, request.state) == ("approved", "同意", "approved")
    assert Refund.objects.get().amount_fen == 60_000
    assert Event.objects.get(kind="mall.order_refunded").actor_id == str(checker.pk)
    assert (request.maker, request.checker, request.limit_fen) == (maker, checker, 200_000)


def test_a_refund_cut_into_pieces_meets_the_limit_all_the_same(store, sku, now):
    """Three pieces at 300 yuan, one after-sale each: a manager grants 500 of the order alone."""
    make_stock(store=store, sku=sku, on_hand=5)
    order = place_order(make_member(), store=store, lines=[(sku, 3)], now=now)
    pay_order(order, now=now)
    maker, checker = at(store, "manager"), at(store, "manager")

    def one_back():
        by = Actor.member(order.member_id)
        return aftersale_request(
            order_no=order.no, lines=[(0, 1)], reason="不合适", actor=by, now=now
        )

    assert approve(one_back(), maker, now) is None
    second = approve(one_back(), checker, now)
    assert second.amount_fen == 30_000 and Refund.objects.count() == 1
    approval_decide(approval_id=second.pk, approve=True, user=maker, now=now, note="核过")
    third = approve(one_back(), maker, now)

    assert third.amount_fen == 30_000 and Refund.objects.count() == 2


def test_what_two_decided_on_leaves_each_their_own_limit(store, asked, now):
    maker, checker = at(store, "manager"), at(store, "manager")
    request = approve(asked, maker, now)
    approval_decide(approval_id=request.pk, approve=True, user=checker, now=now, note="核过")
    rest = aftersale_request(
        order_no=asked.order.no,
        lines=[(0, 1)],
        reason="不合适",
        actor=Actor.member(asked.order.member_id),
        now=now,
    )

    assert approve(rest, maker, now) is None

    assert sorted(Refund.objects.values_list("amount_fen", flat=True)) == [30_000, 60_000]


def test_refusing_the_request_leaves_the_after_sale_open(store, asked, now):
    request = approve(asked, at(store, "service"), now)

    approval_decide(
        approval_id=request.pk, approve=False, user=at(store, "manager"), now=now, note="先联系"
    )

    asked.refresh_from_db()
    assert asked.state == "requested" and not Refund.objects.exists()
    assert approve(asked, at(store, "headquarters"), now) is None


def test_asking_twice_asks_once(store, asked, now):
    approve(asked, at(store, "service"), now)

    with pytest.raises(ApprovalPending):
        approve(asked, at(store, "manager"), now)

    assert Approval.objects.count() == 1 and not Refund.objects.exists()


def test_what_was_decided_otherwise_meanwhile_is_not_refunded(store, asked, now):
    request = approve(asked, at(store, "manager"), now)
    aftersale_refuse(
        after_sale_no=asked.no, reason="已拆封", actor=Actor.user(at(store, "manager")), now=now
    )

    with pytest.raises(IllegalTransition):
        approval_decide(approval_id=request.pk, approve=True, user=at(store, "finance"), now=now)

    request.refresh_from_db()
    assert request.state == "pending" and not Refund.objects.exists()


@pytest.mark.parametrize("how", ["refused", "approved"])
def test_what_was_asked_ends_when_it_is_decided_without_it(store, asked, now, relayed, how):
    request = approve(asked, at(store, "manager"), now)
    if how == "approved":
        approve(asked, at(store, "headquarters"), now)
    else:
        aftersale_refuse(
            after_sale_no=asked.no, reason="拆封", actor=Actor.user(at(store, "manager")), now=now
        )

    relayed(now)

    request.refresh_from_db()
    assert (request.state, request.checker, request.decided_at) == ("expired", None, now)
    last = Event.objects.filter(subject_type="approval").latest("id")
    assert (last.to_state, last.reason, last.actor_kind) == (
        "expired",
        "decided otherwise",
        "system",
    )


def test_it_does_not_end_before_that(store, asked, now, relayed):
    request = approve(asked, at(store, "manager"), now)

    relayed(now)

    request.refresh_from_db()
    assert request.state == "pending"


def test_another_amount_than_was_asked_for_is_not_refunded(store, asked, now):
    request = approve(asked, at(store, "manager"), now)
    Approval.objects.filter(pk=request.pk).update(amount_fen=59_999)

    with pytest.raises(Conflict):
        approval_decide(approval_id=request.pk, approve=True, user=at(store, "finance"), now=now)

    request.refresh_from_db()
    assert request.state == "pending" and not Refund.objects.exists()


def test_a_decided_or_unknown_after_sale_is_refused_as_before(store, asked, now):
    manager, boss = at(store, "manager"), make_user(superuser=True)
    approve(asked, boss, now)

    for user in (manager, boss):
        with pytest.raises(IllegalTransition):
            approve(asked, user, now)
    with pytest.raises(AfterSaleUnknown):
        aftersale_approval(after_sale_no="AS0", reason="同意", user=boss, now=now)
    assert not Approval.objects.exists() and Refund.objects.count() == 1


def test_the_policy_sets_the_limits(store, asked, now):
    body = {"v": 1, "kinds": {"mall.refund": {"alone": {"manager": 60_000}, "check": {}}}}
    publish_policy(kind="approval_limits", body=body)

    assert approve(asked, at(store, "manager"), now) is None
    assert Refund.objects.get().amount_fen == 60_000


def test_the_amount_is_what_the_refunds_come_to(now):
    sale = mixed_sale(now=now)
    asked = aftersale_request(
        order_no=sale.order.no,
        lines=[(0, 2), (1, 1)],
        reason="不合适",
        actor=Actor.member(sale.member.pk),
        now=now,
    )
    amount_fen = aftersale_amount(after_sale=asked)

    approve(asked, make_user(superuser=True), now)

    # Of the nets 23,858 (three pieces) and 5,354 (two): 15,905 + 2,677, rounded down.
    assert amount_fen == sum(Refund.objects.values_list("amount_fen", flat=True)) == 18_582


# --- prices -----------------------------------------------------------------------------------


def changed(sku, price_fen, user, now):
    return price_change(sku_id=sku.pk, price_fen=price_fen, reason="成本", user=user, now=now)


@pytest.mark.parametrize("price_fen", [24_000, 36_000, 25_000])
def test_a_step_of_a_fifth_or_less_is_taken_at_once(sku, now, price_fen):
    assert changed(sku, price_fen, make_staff(role="headquarters"), now) is None

    sku.refresh_from_db()
    assert sku.price_fen == price_fen


@pytest.mark.parametrize("price_fen", [23_999, 36_001])
def test_a_larger_step_waits_for_a_second_person(sku, now, price_fen):
    maker, checker = make_staff(role="headquarters"), make_staff(role="headquarters")

    request = changed(sku, price_fen, maker, now)

    sku.refresh_from_db()
    assert sku.price_fen == 30_000
    assert (request.kind, request.amount_fen) == ("mall.sku_price", 6_001)
    assert (request.operator_id, request.store_id) == (None, None)
    assert "¥300.00" in approval_kind("mall.sku_price").describe(request)
    approval_decide(approval_id=request.pk, approve=True, user=checker, now=now)
    sku.refresh_from_db()
    assert (sku.price_fen, sku.product.price_fen) == (price_fen, price_fen)
    event = Event.objects.get(kind="kernel.reference_changed")
    assert (event.actor_id, event.reason) == (str(checker.pk), "成本")


def test_a_small_amount_needs_nobody_however_large_its_share(now):
    sku = make_product(skus=[5_000]).skus.get()

    assert changed(sku, 10_000, make_staff(role="headquarters"), now) is None

    sku.refresh_from_db()
    assert sku.price_fen == 10_000


def test_a_price_that_has_moved_meanwhile_is_not_overwritten(sku, now):
    request = changed(sku, 60_000, make_staff(role="headquarters"), now)
    boss = make_user(superuser=True)
    sku_price_set(sku_id=sku.pk, price_fen=31_000, reason="先调", actor=Actor.user(boss), now=now)

    with pytest.raises(Conflict):
        approval_decide(approval_id=request.pk, approve=True, user=boss, now=now)

    sku.refresh_from_db(), request.refresh_from_db()
    assert (sku.price_fen, request.state) == (31_000, "pending")


def test_the_same_price_or_none_to_change_is_refused(sku, now):
    boss = make_user(superuser=True)
    with pytest.raises(PriceUnchanged):
        changed(sku, 30_000, boss, now)
    with pytest.raises(SkuMissing):
        price_change(sku_id=0, price_fen=1, reason="成本", user=boss, now=now)
    with pytest.raises(OfferMissing):
        offer_price_change(offer_id=0, price_fen=1, reason="成本", user=boss, now=now)
    assert not Event.objects.exists()


def offer_changed(offer, price_fen, user, now):
    return offer_price_change(
        offer_id=offer.pk, price_fen=price_fen, reason="促销", user=user, now=now
    )


def test_a_stores_price_is_its_staffs_to_change_within_limits(store, sku, now):
    offer = make_offer(store=store, sku=sku, price_fen=20_000)
    maker, checker = at(store, "manager"), at(store, "manager")
    assert offer_changed(offer, 24_000, maker, now) is None

    request = offer_changed(offer, 18_999, maker, now)
    assert (request.kind, request.amount_fen) == ("mall.offer_price", 5_001)
    assert (request.operator_id, request.store_id) == (store.operator_id, store.pk)
    assert store.name in approval_kind("mall.offer_price").describe(request)
    with pytest.raises(ApprovalOverLimit):
        approval_decide(approval_id=request.pk, approve=True, user=checker, now=now)
    offer.refresh_from_db()
    assert offer.price_fen == 24_000

    approval_decide(approval_id=request.pk, approve=True, user=at(store, "headquarters"), now=now)
    offer.refresh_from_db()
    assert offer.price_fen == 18_999


def test_a_step_to_or_from_the_skus_own_price_is_measured_by_it(store, sku, now):
    offer, boss = make_offer(store=store, sku=sku, price_fen=None), make_user(superuser=True)
    manager = at(store, "manager")
    request = offer_changed(offer, 20_000, manager, now)
    assert request.amount_fen == 10_000
    assert request.params == {"price_fen": 20_000, "from_fen": None, "standard_fen": 30_000}

    sku_price_set(sku_id=sku.pk, price_fen=90_000, reason="涨", actor=Actor.user(boss), now=now)
    with pytest.raises(Conflict):
        approval_decide(approval_id=request.pk, approve=True, user=boss, now=now)
    offer.refresh_from_db(), request.refresh_from_db()
    assert (offer.price_fen, request.state) == (None, "pending")

    approval_decide(approval_id=request.pk, approve=False, user=boss, now=now)
    offer_price_set(
        offer_id=offer.pk, price_fen=20_000, reason="低", actor=Actor.user(boss), now=now
    )
    back = offer_changed(offer, None, manager, now)
    assert back.amount_fen == 70_000
    approval_decide(approval_id=back.pk, approve=True, user=boss, now=now)
    offer.refresh_from_db()
    assert offer.price_fen is None
