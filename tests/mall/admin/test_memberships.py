"""What the operations site does with paid memberships."""

from datetime import timedelta

import pytest
from django.urls import reverse

from config.kernel.actors import SYSTEM
from config.kernel.models import Approval
from mall.models import AfterSale, Order, Refund
from mall.services.order_close import orders_close
from mall.services.order_place import order_place
from mall.services.quote import Basket, quote
from members.models import Membership, MembershipPlan
from tests.factories import (
    make_member,
    make_membership_plan,
    make_operator,
    make_staff,
    make_store,
    staff_client,
)
from tests.factories.orders import pay_order

pytestmark = pytest.mark.django_db


@pytest.fixture
def store():
    return make_store()


@pytest.fixture
def membership(store, now, relayed):
    """Bought ten days ago, ¥99.00 for thirty."""
    plan = make_membership_plan(operator=store.operator)
    membership = bought(store, plan, now - timedelta(days=10))
    relayed(now)
    return membership


def bought(store, plan, when):
    member = make_member(openid="oPayer000000000000000000001")
    basket = Basket(member_id=member.pk, store_code=store.code, membership_plan=plan.code)
    version = quote(basket=basket, now=when).document()["version"]
    no = order_place(basket=basket, quote_version=version, actor=SYSTEM, now=when)["no"]
    pay_order(Order.objects.get(no=no), now=when)
    return Membership.objects.get(reference=no)


def command(membership):
    return reverse("admin:members_membership_command", args=[membership.pk, "give-back"])


def client_of(operator, role, now):
    return staff_client(make_staff(operator=operator, role=role, since=now))


def test_the_days_that_are_left_are_shown_and_given_back(store, membership, now):
    client = client_of(store.operator, "service", now)
    # A day that has begun is used.
    assert "¥62.70" in client.get(command(membership)).content.decode()
    assert client.post(command(membership), {"reason": "搬家"}).status_code == 302
    membership.refresh_from_db()
    assert membership.refunded_fen == 6_270
    assert Refund.objects.get().amount_fen == 6_270
    assert AfterSale.objects.get().reason == "搬家"
    assert client.post(command(membership), {"reason": "搬家"}).status_code == 409
    assert Refund.objects.count() == 1


def test_above_the_limit_somebody_else_decides(store, now):
    plan = make_membership_plan(operator=store.operator, price_fen=60_000)
    membership = bought(store, plan, now)
    client = client_of(store.operator, "service", now)
    assert client.post(command(membership), {"reason": "搬家"}).status_code == 302
    membership.refresh_from_db()
    assert (membership.ended_at, Refund.objects.count()) == (None, 0)
    assert Approval.objects.get().subject_id == AfterSale.objects.get().pk


@pytest.mark.parametrize("role", ["clerk", "auditor"])
def test_not_everybody_gives_memberships_back(store, membership, now, role):
    client = client_of(store.operator, role, now)
    assert client.post(command(membership), {"reason": "搬家"}).status_code == 403
    membership.refresh_from_db()
    assert membership.ended_at is None


def test_another_operators_membership_does_not_exist(membership, now):
    client = client_of(make_operator(), "service", now)
    assert client.post(command(membership), {"reason": "搬家"}).status_code == 404
    membership.refresh_from_db()
    assert membership.ended_at is None


def test_one_that_is_over_says_so(store, membership, now):
    Membership.objects.update(since=now - timedelta(days=60), until=now - timedelta(days=30))
    client = client_of(store.operator, "service", now)
    assert "该会员已" in client.get(command(membership)).content.decode()
    assert client.post(command(membership), {"reason": "搬家"}).status_code == 409
    assert Refund.objects.count() == 0


def test_the_order_offers_it_too_after_its_window(store, membership, now):
    later = now + timedelta(days=5)
    orders_close(now=later)
    order = Order.objects.get()
    assert order.state == "closed"
    client = client_of(store.operator, "service", now)
    address = reverse("admin:mall_order_command", args=[order.pk, "after-sale"])
    asked = {"units-0": "1", "kind": "refund", "reason": "不用了"}
    assert client.post(address, asked).status_code == 302
    assert AfterSale.objects.get().state == "requested"


def test_plans_are_edited_by_headquarters(store, now):
    plan = make_membership_plan(operator=store.operator)
    page = reverse("admin:members_membershipplan_change", args=[plan.pk])
    client = staff_client(make_staff(role="headquarters", since=now))
    answer = client.post(
        page,
        {
            "code": plan.code,
            "name": "年卡",
            "operator": store.operator.pk,
            "price_fen": "198.00",
            "days": 365,
            "points_rate_bp": 20_000,
            "per_member": 1,
        },
    )
    assert answer.status_code == 302
    plan = MembershipPlan.objects.get()
    assert (plan.name, plan.price_fen, plan.days) == ("年卡", 19_800, 365)
    assert (plan.per_member, plan.refund_on_request) == (1, False)
    service = client_of(store.operator, "service", now)
    assert service.post(page, {"days": 1}).status_code == 403
