"""The desk: who gets in, what they see, hand-over and returns, on a phone."""

import time
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.kernel import clock
from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from mall.models import AfterSale, Order, Refund, Stock
from mall.services.aftersale import aftersale_request
from stores.models import Pickup
from stores.services.pickup_token import pickup_token
from tests.factories import (
    make_card,
    make_member,
    make_operator,
    make_product,
    make_staff,
    make_stock,
    make_store,
    make_user,
    staff_client,
)
from tests.factories.orders import pay_order, place_order

pytestmark = pytest.mark.django_db

QUEUE = reverse("desk:queue")
SCAN = reverse("desk:scan")


@pytest.fixture
def operator():
    return make_operator()


@pytest.fixture
def store(operator):
    return make_store(operator=operator, name="南京东路店")


@pytest.fixture
def clerk(store, now):
    user = make_staff(store=store, since=now - timedelta(days=1))
    user.first_name = "小李"
    user.save()
    return user


@pytest.fixture
def client(clerk):
    return staff_client(clerk)


@pytest.fixture
def sell(store, now, relayed):
    """``sell()``: a paid order of two units at ``store``, its pickup open."""

    def _sell(*, at=None, quantity=2, **kwargs) -> Order:
        at = at or store
        sku = make_product(skus=[10_000]).skus.get()
        make_stock(store=at, sku=sku, on_hand=10)
        order = place_order(
            kwargs.pop("member", None) or make_member(),
            store=at,
            lines=[(sku, quantity)],
            now=now,
            **kwargs,
        )
        if order.state == "placed":
            pay_order(order, now=now)
        relayed(now)
        return order

    return _sell


def pickup_of(order):
    return Pickup.objects.get(order_no=order.no)


def mark_ready(client, order, **extra):
    return client.post(reverse("desk:ready", args=[order.no]), **extra)


def scan(client, code, **extra):
    return client.post(SCAN, {"code": code}, **extra)


# --- who gets in ------------------------------------------------------------------------------


def test_anonymous_visitors_get_the_login_page(client):
    client.logout()
    for url in (QUEUE, SCAN, reverse("desk:order", args=["SO1"])):
        answer = client.get(url)
        assert answer.status_code == 302
        assert answer["Location"] == f"/accounts/login/?next={url}"


@pytest.mark.parametrize("role", ["auditor", "finance"])
def test_whoever_only_looks_at_sales_works_at_no_desk(store, now, role):
    user = make_staff(store=store, role=role, since=now - timedelta(days=1))
    assert staff_client(user).get(QUEUE).status_code == 403


def test_nobody_elses_account_opens_the_desk():
    for user in (make_user(), make_user(is_staff=True), make_user(superuser=True)):
        answer = staff_client(user).get(QUEUE)
        assert answer.status_code == 403
        assert "门店" in answer.content.decode() or "desk" in answer.content.decode()


def test_an_ended_assignment_closes_the_desk(store, now):
    user = make_staff(store=store, since=now - timedelta(days=9), until=now - timedelta(seconds=1))
    assert staff_client(user).get(QUEUE).status_code == 403


def test_who_works_at_several_stores_is_asked_which(store, operator, now):
    other = make_store(operator=operator, name="徐家汇店")
    foreign = make_store(name="加盟店")
    client = staff_client(make_staff(operator=operator, role="manager", since=now))
    asked = client.get(QUEUE)
    assert (asked.status_code, asked["Location"]) == (302, reverse("desk:stores"))
    page = client.get(reverse("desk:stores")).content.decode()
    assert "南京东路店" in page and "徐家汇店" in page and "加盟店" not in page

    assert client.post(reverse("desk:stores"), {"store": foreign.code}).status_code == 404
    chosen = client.post(reverse("desk:stores"), {"store": other.code})
    assert (chosen.status_code, chosen["Location"]) == (302, QUEUE)
    assert "徐家汇店" in client.get(QUEUE).content.decode()


# --- the queue --------------------------------------------------------------------------------


def test_the_queue_shows_this_stores_parcels_by_state(client, store, sell, now):
    waiting, ready, elsewhere = sell(), sell(), sell(at=make_store())
    mark_ready(client, ready)
    queue = client.get(QUEUE).context["queue"]
    assert [p.pickup.order_no for p in queue.awaiting] == [waiting.no]
    assert [p.pickup.order_no for p in queue.ready] == [ready.no]
    assert (queue.waiting, queue.collected) == ([], [])
    assert queue.awaiting[0].pieces == 2
    assert elsewhere.no not in client.get(QUEUE).content.decode()


def test_a_parcel_is_found_by_order_number_or_end_of_phone(client, sell):
    one = sell(member=make_member(phone="+8613800001234"))
    two = sell(member=make_member(phone="+8613800005678"))

    def found(q):
        page = client.get(QUEUE, {"q": q}, headers={"HX-Request": "true"})
        assert "<html" not in page.content.decode()
        return {p.pickup.order_no for p in page.context["queue"].awaiting}

    assert found("1234") == {one.no}
    assert found("5678") == {two.no}
    assert found(one.no) == {one.no}
    assert found(one.no[-6:].lower()) == {one.no}
    assert found("9999") == set()


def test_the_queue_costs_the_same_however_long_it_is(client, sell, django_assert_max_num_queries):
    sell()
    client.get(QUEUE)
    with django_assert_max_num_queries(9) as one:
        client.get(QUEUE)
    sell(), sell()
    with django_assert_max_num_queries(len(one)):
        assert len(client.get(QUEUE).context["queue"].awaiting) == 3


def test_mark_ready_tells_and_moves(client, clerk, sell):
    order = sell()
    answer = mark_ready(client, order, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert [p.pickup.order_no for p in answer.context["queue"].ready] == [order.no]
    assert order.no in answer.content.decode()
    assert pickup_of(order).state == "ready"
    event = Event.objects.filter(kind="stores.pickup_changed", to_state="ready").get()
    assert (event.actor_kind, event.actor_id) == ("user", str(clerk.pk))


def test_mark_ready_without_script_leads_back_to_the_queue(client, sell):
    order = sell()
    answer = mark_ready(client, order)
    assert (answer.status_code, answer["Location"]) == (302, QUEUE)
    assert pickup_of(order).state == "ready"


def test_mark_ready_twice_is_refused_in_words(client, sell):
    order = sell()
    mark_ready(client, order)
    answer = mark_ready(client, order, follow=True)
    assert answer.status_code == 200
    assert [m.level_tag for m in answer.context["messages"]] == ["success", "error"]
    assert Event.objects.filter(kind="stores.pickup_changed", to_state="ready").count() == 1


def test_another_stores_order_does_not_exist_here(client, sell):
    order = sell(at=make_store())
    assert mark_ready(client, order).status_code == 404
    assert client.get(reverse("desk:order", args=[order.no])).status_code == 404
    assert pickup_of(order).state == "awaiting"


# --- hand-over --------------------------------------------------------------------------------


def test_a_scanned_token_hands_over_and_a_second_scan_says_when_and_by_whom(client, sell):
    order = sell()
    mark_ready(client, order)
    token = pickup_token(pickup_of(order))

    done = scan(client, token)
    assert done.status_code == 200
    page = done.content.decode()
    assert 'data-outcome="ok"' in page and order.no in page and "× 2" in page
    order.refresh_from_db()
    assert order.state == "completed"
    pickup = pickup_of(order)
    assert pickup.state == "collected"

    again = scan(client, token)
    assert again.status_code == 409
    page = again.content.decode()
    assert 'data-outcome="refused"' in page and "小李" in page
    assert pickup.collected_at.astimezone().strftime("%Y-%m-%d") in page
    assert Event.objects.filter(to_state="collected", subject_type="pickup").count() == 1


def test_handing_over_takes_as_many_statements_at_many_stores(
    operator, sell, now, django_assert_num_queries
):
    boss = staff_client(make_staff(operator=operator, role="headquarters", since=now))
    tokens = []
    for _ in range(2):
        order = sell()
        boss.post(reverse("desk:stores"), {"store": order.store.code})
        mark_ready(boss, order)
        tokens.append(pickup_token(pickup_of(order)))
    with CaptureQueriesContext(connection) as few:
        assert 'data-outcome="ok"' in scan(boss, tokens[0]).content.decode()
    for n in range(12):
        make_store(operator=operator, name=f"一{n}店")
    with django_assert_num_queries(len(few)):
        assert 'data-outcome="ok"' in scan(boss, tokens[1]).content.decode()


def test_a_scanned_address_and_typed_digits_work_too(client, sell):
    one, two = sell(), sell(member=make_member(phone="+8613800001234"))
    mark_ready(client, one), mark_ready(client, two)
    token = pickup_token(pickup_of(one))
    assert scan(client, f"https://m.example.com/p?c={token.lower()}").status_code == 200
    digits = pickup_of(two).digits
    fragment = scan(client, f" {digits} 1234 ", headers={"HX-Request": "true"})
    assert fragment.status_code == 200
    assert "<html" not in fragment.content.decode()
    assert {pickup_of(one).state, pickup_of(two).state} == {"collected"}


@pytest.mark.parametrize(
    "code", ["", "hello", "12345678", "12345678 0000", "🙂", "'; DROP TABLE", "1" * 5_000]
)
def test_a_wrong_code_is_a_red_screen_and_never_an_error(client, sell, code):
    order = sell()
    mark_ready(client, order)
    answer = scan(client, code, headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert answer["HX-Refusal"] == "1"
    assert 'data-outcome="refused"' in answer.content.decode()
    assert pickup_of(order).state == "ready"


def test_another_stores_parcel_says_which_store(client, sell, now):
    other = make_store(name="外滩店")
    order = sell(at=other)
    mark_ready(staff_client(make_staff(store=other, since=now)), order)
    answer = scan(client, pickup_token(pickup_of(order)))
    assert answer.status_code == 403
    assert "外滩店" in answer.content.decode()
    assert pickup_of(order).state == "ready"


def test_a_parcel_that_is_not_ready_is_not_handed_over(client, sell):
    order = sell()
    answer = scan(client, pickup_token(pickup_of(order)))
    assert answer.status_code == 409
    assert 'data-outcome="refused"' in answer.content.decode()
    order.refresh_from_db()
    assert (order.state, pickup_of(order).state) == ("paid", "awaiting")


def test_the_scan_page_opens(client):
    page = client.get(SCAN).content.decode()
    assert "autofocus" in page and 'name="code"' in page


# --- returns ----------------------------------------------------------------------------------


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
