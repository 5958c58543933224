"""Commands of the operations site: a reason, one service, its refusal in words, and an event."""

import pytest
from django.urls import reverse

from config.kernel.actors import Actor
from config.kernel.models import Event
from mall.models import AfterSale, Order, Refund, Reservation, Sku
from mall.services.aftersale import aftersale_request
from tests.factories import (
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


@pytest.fixture
def store():
    return make_store(operator=make_operator())


@pytest.fixture
def placed(store, now):
    sku = make_product(skus=[10_000]).skus.get()
    make_stock(store=store, sku=sku, on_hand=5)
    return place_order(make_member(), store=store, lines=[(sku, 2)], now=now)


@pytest.fixture
def boss():
    return make_user(superuser=True)


@pytest.fixture
def client(boss):
    return staff_client(boss)


def command(row, name):
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_command", args=[row.pk, name])


def page(row):
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])


def test_an_unpaid_order_is_cancelled_with_a_reason(client, boss, placed):
    url = command(placed, "cancel")
    assert url in client.get(page(placed)).content.decode()
    assert client.get(url).content.decode().count('name="reason"') == 1

    answer = client.post(url, {"reason": "顾客来电"})
    assert (answer.status_code, answer["Location"]) == (302, page(placed))
    placed.refresh_from_db()
    assert placed.state == "cancelled"
    assert Reservation.objects.get().state == "released"
    event = Event.objects.get(kind="mall.order_cancelled")
    assert (event.actor_kind, event.actor_id, event.reason) == ("user", str(boss.pk), "顾客来电")
    after = client.get(page(placed)).content.decode()
    assert "顾客来电" in after and url not in after


@pytest.mark.parametrize("reason", ["", " ", "x"])
def test_without_a_reason_nothing_happens(client, placed, reason):
    answer = client.post(command(placed, "cancel"), {"reason": reason})
    assert answer.status_code == 200
    assert "reason" in answer.context["form"].errors
    placed.refresh_from_db()
    assert placed.state == "placed"
    assert not Event.objects.filter(kind="mall.order_cancelled").exists()


def test_a_refusal_of_the_service_is_shown_in_the_form(client, placed, now, relayed):
    pay_order(placed, now=now)
    relayed(now)
    answer = client.post(command(placed, "cancel"), {"reason": "顾客来电"})
    assert answer.status_code == 409
    assert answer.context["form"].non_field_errors()
    placed.refresh_from_db()
    assert placed.state == "paid"


def test_a_get_changes_nothing(client, placed):
    client.get(command(placed, "cancel"), {"reason": "顾客来电"})
    placed.refresh_from_db()
    assert placed.state == "placed"


def test_an_unknown_command_or_row_is_not_found(client, placed):
    assert client.get(command(placed, "explode")).status_code == 404
    gone = reverse("admin:mall_order_command", args=[placed.pk + 1, "cancel"])
    assert client.post(gone, {"reason": "顾客来电"}).status_code == 404


@pytest.fixture
def asked(placed, now, relayed):
    pay_order(placed, now=now)
    relayed(now)
    return aftersale_request(
        order_no=placed.no,
        lines=[(0, 1)],
        reason="不合适",
        actor=_member(placed),
        now=now,
    )


def _member(order):
    return Actor.member(order.member_id)


def test_service_asks_for_a_member_who_calls(placed, store, now):
    pay_order(placed, now=now)
    user = make_staff(operator=store.operator, role="service", since=now)
    client, url = staff_client(user), command(placed, "after-sale")
    assert url in client.get(page(placed)).content.decode()
    assert 'name="units-0"' in client.get(url).content.decode()
    for units in ("", "0", "3", "-1", "x"):
        refused = client.post(url, {"units-0": units, "kind": "refund", "reason": "来电要退"})
        assert refused.status_code == 200 and refused.context["form"].errors, units
    assert not AfterSale.objects.exists()

    form = {"units-0": "1", "kind": "refund", "reason": "来电要退"}
    assert client.post(url, form).status_code == 302
    asked = AfterSale.objects.get()
    assert (asked.state, asked.kind, asked.reason) == ("requested", "refund", "来电要退")
    assert list(asked.lines.values_list("line__position", "quantity")) == [(0, 1)]
    assert not Refund.objects.exists()
    event = Event.objects.get(subject_type="after_sale")
    assert (event.actor_kind, event.actor_id) == ("user", str(user.pk))
    assert client.post(url, form).status_code == 409
    assert AfterSale.objects.count() == 1


def test_what_is_not_paid_is_not_asked_back(client, placed):
    url = command(placed, "after-sale")
    assert url not in client.get(page(placed)).content.decode()
    form = {"units-0": "1", "kind": "refund", "reason": "来电要退"}
    assert client.post(url, form).status_code == 409
    assert not AfterSale.objects.exists()


def test_an_after_sale_is_approved(client, boss, asked):
    answer = client.post(command(asked, "approve"), {"reason": "同意"})
    assert answer.status_code == 302
    asked.refresh_from_db()
    assert (asked.state, asked.decision) == ("approved", "同意")
    refund = Refund.objects.get()
    assert (refund.amount_fen, refund.state) == (10_000, "approved")
    event = Event.objects.get(kind="mall.order_refunded")
    assert (event.actor_id, event.reason) == (str(boss.pk), "同意")


def test_an_after_sale_is_refused_and_not_twice(client, asked):
    assert client.post(command(asked, "refuse"), {"reason": "已拆封"}).status_code == 302
    asked.refresh_from_db()
    assert (asked.state, asked.decision) == ("refused", "已拆封")
    assert not Refund.objects.exists()
    again = client.post(command(asked, "approve"), {"reason": "又同意了"})
    assert again.status_code == 409
    assert not Refund.objects.exists()


def test_only_a_failed_refund_is_sent_again(client, asked):
    client.post(command(asked, "approve"), {"reason": "同意"})
    refund = Refund.objects.get()
    assert command(refund, "retry") not in client.get(page(refund)).content.decode()
    answer = client.post(command(refund, "retry"), {"reason": "再试"})
    assert answer.status_code == 409
    refund.refresh_from_db()
    assert refund.state == "approved"


# --- who may ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "status"),
    [
        ("manager", 302),
        ("service", 302),
        ("headquarters", 302),
        ("clerk", 403),
        ("auditor", 403),
        ("finance", 403),
    ],
)
def test_a_role_does_what_it_names_at_its_store(store, placed, now, role, status):
    client = staff_client(make_staff(store=store, role=role, since=now))
    shown = client.get(page(placed))
    assert shown.status_code == 200
    url = command(placed, "cancel")
    assert (url in shown.content.decode()) is (status == 302)
    assert client.post(url, {"reason": "顾客来电"}).status_code == status
    placed.refresh_from_db()
    assert placed.state == ("cancelled" if status == 302 else "placed")


def test_another_stores_order_does_not_exist(placed, now):
    client = staff_client(make_staff(store=make_store(), role="manager", since=now))
    listed = client.get(reverse("admin:mall_order_changelist"), {"q": placed.no})
    assert list(listed.context["cl"].result_list) == []
    assert client.get(page(placed)).status_code == 302
    assert client.post(command(placed, "cancel"), {"reason": "顾客来电"}).status_code == 404
    placed.refresh_from_db()
    assert placed.state == "placed"


def test_an_operator_wide_assignment_covers_its_stores_alone(store, placed, now):
    mine = staff_client(make_staff(operator=store.operator, role="manager", since=now))
    theirs = staff_client(make_staff(operator=make_operator(), role="manager", since=now))
    url = reverse("admin:mall_order_changelist")
    assert len(mine.get(url).context["cl"].result_list) == 1
    assert len(theirs.get(url).context["cl"].result_list) == 0


def test_staff_without_an_assignment_see_nothing(placed):
    client = staff_client(make_user(is_staff=True))
    assert client.get(reverse("admin:mall_order_changelist")).status_code == 403
    assert client.get(page(placed)).status_code == 403
    assert Order.objects.get().state == "placed"


# --- prices -----------------------------------------------------------------------------------


def test_a_price_changes_with_a_reason_and_the_product_follows(client, boss):
    product = make_product(skus=[10_000, 12_000])
    sku = product.skus.get(price_fen=10_000)
    url = command(sku, "price")
    answer = client.post(url, {"price_fen": "129.90", "reason": "成本上涨"})
    assert answer.status_code == 302
    sku.refresh_from_db(), product.refresh_from_db()
    assert (sku.price_fen, product.price_fen) == (12_990, 12_000)
    event = Event.objects.get(kind="kernel.reference_changed")
    assert (event.subject_type, event.subject_id, event.actor_id) == (
        "mall.sku",
        sku.pk,
        str(boss.pk),
    )
    assert event.payload == {"change": "priced", "changes": {"price_fen": [10_000, 12_990]}}
    assert "成本上涨" in client.get(page(sku)).content.decode()


@pytest.mark.parametrize("price", ["", "abc", "1.234", "-5", "1e3x"])
def test_a_price_that_is_none_is_refused(client, price):
    sku = make_product(skus=[10_000]).skus.get()
    answer = client.post(command(sku, "price"), {"price_fen": price, "reason": "成本上涨"})
    assert "price_fen" in answer.context["form"].errors
    sku.refresh_from_db()
    assert sku.price_fen == 10_000
    assert not Event.objects.exists()


def test_the_same_price_is_refused(client):
    sku = make_product(skus=[10_000]).skus.get()
    answer = client.post(command(sku, "price"), {"price_fen": "100", "reason": "成本上涨"})
    assert answer.status_code == 400
    assert not Event.objects.exists()


def test_a_sku_leaves_and_rejoins_the_range(client):
    product = make_product(skus=[10_000, 12_000])
    cheap = product.skus.get(price_fen=10_000)
    client.post(command(cheap, "archive"), {"reason": "停产"})
    cheap.refresh_from_db(), product.refresh_from_db()
    assert cheap.archived_at is not None and product.price_fen == 12_000
    assert client.post(command(cheap, "archive"), {"reason": "停产"}).status_code == 409
    client.post(command(cheap, "restore"), {"reason": "复产"})
    cheap.refresh_from_db(), product.refresh_from_db()
    assert cheap.archived_at is None and product.price_fen == 10_000
    events = Event.objects.filter(kind="kernel.reference_changed").order_by("id")
    changes = events.values_list("payload__change", "reason")
    assert list(changes) == [("archived", "停产"), ("restored", "复产")]


def test_after_sales_of_a_sku_stay_when_it_is_archived(client, asked):
    sku = Sku.objects.get()
    client.post(command(sku, "archive"), {"reason": "停产"})
    assert AfterSale.objects.get().lines.get().line.sku == sku
