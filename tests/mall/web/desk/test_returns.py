"""Returns at the desk, on a phone."""

import time
from datetime import timedelta

import pytest
from django.urls import reverse

from config.kernel import clock
from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from mall.models import AfterSale, Refund, Stock
from mall.services.aftersale import aftersale_request
from stores.services.pickup_token import pickup_token
from tests.factories import make_card, make_member, make_staff, make_store, staff_client
from tests.mall.web.desk.pages import mark_ready, pickup_of, scan

pytestmark = pytest.mark.django_db


@pytest.fixture
def collected(client, sell, operator):
    """Two units at ¥100, ¥50 of it paid by card, handed over."""
    member = make_member()
    make_card(member, principal_fen=4_000, bonus_fen=1_000, operator=operator)
    order = sell(member=member, use_card=True, card_fen=5_000)
    mark_ready(client, order)
    scan(client, pickup_token(pickup_of(order)))
    order.refresh_from_db()
    return order


@pytest.fixture
def manager(store, now):
    user = make_staff(store=store, role="manager", since=now - timedelta(days=1))
    user.first_name = "老王"
    user.save()
    return user


@pytest.fixture
def boss(manager):
    return staff_client(manager)


def give_back(client, order, **data):
    return client.post(reverse("desk:order", args=[order.no]), {"reason": "尺码不合适", **data})


def test_the_order_is_found_by_its_number(client, collected):
    url = reverse("desk:returns")
    assert client.get(url).status_code == 200
    found = client.get(url, {"order_no": f" {collected.no.lower()} "})
    assert found["Location"] == reverse("desk:order", args=[collected.no])
    missing = client.get(url, {"order_no": "SO404"})
    assert missing.status_code == 200
    assert "SO404" in missing.content.decode()


def test_one_of_two_units_comes_back(boss, manager, collected):
    stock = Stock.objects.get(store=collected.store)
    assert stock.on_hand == 8
    answer = give_back(boss, collected, **{"units-0": "1"})
    assert answer.status_code == 302
    line = collected.lines.get()
    assert (line.refunded_quantity, line.refunded_fen) == (1, 10_000)
    stock.refresh_from_db()
    assert stock.on_hand == 9
    after_sale = AfterSale.objects.get()
    assert after_sale.reason == "尺码不合适"
    amounts = {r.tender.kind: (r.amount_fen, r.state) for r in Refund.objects.all()}
    assert amounts == {
        "card_principal": (2_000, "done"),
        "card_bonus": (500, "done"),
        "wechat": (7_500, "approved"),
    }
    event = Event.objects.get(kind="mall.order_refunded")
    assert (event.actor_kind, event.actor_id) == ("user", str(manager.pk))
    page = boss.get(reverse("desk:order", args=[collected.no])).content.decode()
    assert after_sale.no in page and "¥75.00" in page


def test_a_clerk_receives_the_goods_and_a_manager_gives_the_money(client, boss, clerk, collected):
    page = client.get(reverse("desk:order", args=[collected.no])).content.decode()
    assert "店长审批" in page and "退货退款" not in page
    assert give_back(client, collected, **{"units-0": "1"}).status_code == 302
    after_sale = AfterSale.objects.get()
    assert (after_sale.state, after_sale.kind) == ("requested", "return")
    assert not Refund.objects.exists()
    assert Stock.objects.get(store=collected.store).on_hand == 8
    url = reverse("desk:after_sale", args=[collected.no])
    page = client.get(reverse("desk:order", args=[collected.no])).content.decode()
    assert "小李 已收货，等待店长审批退款" in page and 'value="approve"' not in page
    assert client.post(url, {"decision": "approve", "reason": "自己批"}).status_code == 403
    assert AfterSale.objects.get().state == "requested"

    page = boss.get(reverse("desk:order", args=[collected.no])).content.decode()
    assert "小李 已收货，请审批退款" in page
    boss.post(url, {"decision": "approve", "reason": "验收过了"})
    assert AfterSale.objects.get().state == "approved"
    assert sum(r.amount_fen for r in Refund.objects.all()) == 10_000
    assert Stock.objects.get(store=collected.store).on_hand == 9
    asked, approved = Event.objects.filter(subject_type="after_sale").order_by("pk")
    assert asked.actor_id == str(clerk.pk) and approved.actor_id != asked.actor_id


def test_a_manager_elsewhere_is_a_clerk_here(client, clerk, collected, now):
    make_staff(store=make_store(), role="manager", user=clerk, since=now - timedelta(days=1))
    client.post(reverse("desk:stores"), {"store": collected.store.code})
    assert give_back(client, collected, **{"units-0": "1"}).status_code == 302
    assert AfterSale.objects.get().state == "requested"
    url = reverse("desk:after_sale", args=[collected.no])
    assert client.post(url, {"decision": "approve", "reason": "自己批"}).status_code == 403
    assert not Refund.objects.exists()


def test_money_at_the_desk_asks_who_is_there(manager, clerk, collected):
    long_ago = time.time() - 6 * 60
    boss = staff_client(manager, signed_in=long_ago)
    asked = give_back(boss, collected, **{"units-0": "1"})
    assert asked["Location"].startswith("/accounts/reauthenticate/?next=")
    assert not AfterSale.objects.exists()
    # A clerk moves no money.
    assert give_back(
        staff_client(clerk, signed_in=long_ago), collected, **{"units-0": "1"}
    ).headers["Location"] == reverse("desk:order", args=[collected.no])
    url = reverse("desk:after_sale", args=[collected.no])
    asked = boss.post(url, {"decision": "approve", "reason": "验收过了"})
    assert asked["Location"].startswith("/accounts/reauthenticate/?next=")
    assert AfterSale.objects.get().state == "requested"


def test_damaged_goods_do_not_go_back_into_stock(boss, collected):
    give_back(boss, collected, **{"units-0": "1", "damaged": "on"})
    assert Stock.objects.get(store=collected.store).on_hand == 8


@pytest.mark.parametrize(
    "data", [{}, {"units-0": "0"}, {"units-0": "3"}, {"units-0": "-1"}, {"units-0": "x"}]
)
def test_nothing_comes_back_without_a_sensible_number(client, collected, data):
    answer = give_back(client, collected, **data)
    assert answer.status_code == 200
    assert answer.context["form"].errors
    assert not AfterSale.objects.exists() and not Refund.objects.exists()


def test_a_reason_is_needed(client, collected):
    answer = give_back(client, collected, **{"units-0": "1", "reason": ""})
    assert "reason" in answer.context["form"].errors
    assert not AfterSale.objects.exists()


def test_what_was_not_handed_over_is_not_taken_back_here(client, sell):
    order = sell()
    answer = give_back(client, order, **{"units-0": "1"})
    assert answer.status_code == 409
    assert not AfterSale.objects.exists()
    assert pickup_of(order).state == "awaiting"


@pytest.mark.parametrize(("decision", "state"), [("approve", "approved"), ("refuse", "refused")])
def test_the_desk_decides_on_what_the_member_asked_for(boss, collected, decision, state):
    client = boss
    aftersale_request(
        order_no=collected.no, lines=[(0, 1)], reason="不合适", actor=SYSTEM, now=clock.now()
    )
    page = client.get(reverse("desk:order", args=[collected.no])).content.decode()
    assert 'value="approve"' in page
    url = reverse("desk:after_sale", args=[collected.no])
    client.post(url, {"decision": decision, "reason": ""})
    assert AfterSale.objects.get().state == "requested"
    client.post(url, {"decision": decision, "reason": "验收过了"})
    after_sale = AfterSale.objects.get()
    assert (after_sale.state, after_sale.decision) == (state, "验收过了")
    assert Refund.objects.exists() is (decision == "approve")
    assert client.post(url, {"decision": decision, "reason": "再来一次"}).status_code == 302
    assert Event.objects.filter(subject_type="after_sale", to_state=state).count() == 1
