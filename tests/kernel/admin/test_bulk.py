"""One command for many rows: what is shown is what is done, row by row, and nothing is lost."""

import csv
import io
from dataclasses import replace
from datetime import timedelta

import pytest
from django.contrib import admin
from django.db import OperationalError

from config.kernel import batches, clock
from config.kernel.actors import SYSTEM
from config.kernel.admin import bulk
from config.kernel.batches import LEASE, batch_claim, batch_work, batches_run
from config.kernel.models import Batch, Event
from mall.models import AfterSale, Brand, Order, Sku, Stock, StoreOffer
from mall.services.aftersale import aftersale_request
from mall.services.order_end import order_cancel
from stores.models import Assignment
from tests.factories import (
    make_brand,
    make_member,
    make_offer,
    make_product,
    make_sku,
    make_staff,
    make_stock,
    make_store,
    make_user,
    staff_client,
)
from tests.factories.orders import pay_order, place_order

pytestmark = pytest.mark.django_db

ORDERS = "/admin/mall/order/"
BRANDS = "/admin/mall/brand/"
OFFERS = "/admin/mall/storeoffer/"


@pytest.fixture
def boss():
    return staff_client(make_user(superuser=True))


@pytest.fixture
def shop(now):
    """A store with a pile of one thing at ¥100."""
    store = make_store()
    sku = make_product(skus=[10_000]).skus.get()
    make_stock(store=store, sku=sku, on_hand=50)

    def order(units=1, paid=False):
        placed = place_order(make_member(), store=store, lines=[(sku, units)], now=now)
        if paid:
            pay_order(placed, now=now)
        return placed

    order.store = store
    return order


def choose(client, url, name, rows=(), across=False, query=""):
    """What the list's own form sends."""
    data = {"action": f"bulk-{name}", "_selected_action": [row.pk for row in rows], "index": 0}
    return client.post(f"{url}{query}", {**data, "select_across": "1" if across else "0"})


def confirm(client, dialog, reason="清理", **changes):
    """What the dialog's form sends."""
    context = dialog.context
    data = {"seen": context["seen"], "reason": reason, "select_across": "0"}
    if context["across"]:
        data["select_across"] = "1"
    else:
        data["_selected_action"] = context["pks"]
    return client.post(context["confirm"], {**data, **changes})


def states():
    return list(Order.objects.order_by("pk").values_list("state", flat=True))


def test_the_dialog_shows_count_amount_and_rows_and_does_nothing(boss, shop):
    first, second, third = shop(), shop(2), shop()

    dialog = choose(boss, ORDERS, "cancel", [first, second])

    assert dialog.status_code == 200
    assert (dialog.context["count"], dialog.context["amount"]) == (2, "¥300.00")
    assert dialog.context["refused"] == 0
    page = dialog.content.decode()
    assert first.no in page and second.no in page and third.no not in page
    assert "¥300.00" in page
    assert states() == ["placed"] * 3 and not Batch.objects.exists()


def test_a_row_that_is_refused_in_the_middle_costs_only_itself(boss, shop):
    first, paid, last = shop(), shop(paid=True), shop()
    dialog = choose(boss, ORDERS, "cancel", [first, paid, last])
    assert dialog.context["refused"] == 1

    answer = confirm(boss, dialog)

    batch = Batch.objects.get()
    assert answer.url == f"/admin/kernel/batch/{batch.pk}/progress/"
    assert states() == ["cancelled", "paid", "cancelled"]
    assert (batch.total, batch.done, batch.summary) == (3, 2, {"done": 2, "refused": 1})
    assert batch.rejects == [
        {
            "row": paid.no,
            "code": "order_not_cancellable",
            "reason": "只有未支付的订单可以取消，已支付请申请退款。",
        }
    ]
    assert batch.finished_at and not batch.error
    reasons = Event.objects.filter(subject_type="order", to_state="cancelled")
    assert set(reasons.values_list("reason", "actor_id")) == {("清理", str(batch.started_by_id))}
    assert list(Stock.objects.values_list("reserved", flat=True)) == [0]

    page = boss.get(answer.url).content.decode()
    assert "order_not_cancellable" in page and paid.no in page and "¥300.00" in page
    assert 'http-equiv="refresh"' not in page

    rejects = boss.get(f"/admin/kernel/batch/{batch.pk}/rejects/")
    text = b"".join(rejects.streaming_content).decode("utf-8-sig")
    [line] = csv.DictReader(io.StringIO(text))
    assert line["错误代码"] == "order_not_cancellable" and line["行"] == paid.no


def test_a_row_that_breaks_something_of_ours_costs_only_itself(boss, shop, monkeypatch):
    rows = [shop(), shop(), shop()]

    def broken(**asked):
        if asked["order_no"] == rows[1].no:
            raise RuntimeError("of ours")
        return order_cancel(**asked)

    monkeypatch.setattr("mall.admin.order.order_cancel", broken)
    confirm(boss, choose(boss, ORDERS, "cancel", rows))
    batch = Batch.objects.get()
    assert states() == ["cancelled", "placed", "cancelled"]
    assert (batch.done, [r["code"] for r in batch.rejects]) == (2, ["error"])
    assert "RuntimeError" not in batch.rejects[0]["reason"]


def test_what_is_said_of_a_row_is_kept(boss, shop, monkeypatch):
    first, second = shop(), shop()

    def asks_another(**asked):
        return "已提交审批" if asked["order_no"] == second.no else order_cancel(**asked)

    page = admin.site._registry[Order]
    action = replace(
        page.bulk_action("cancel")[1],
        run=lambda c: asks_another(order_no=c.row.no, reason=c.reason, actor=c.actor, now=c.now),
    )
    monkeypatch.setattr(page, "service_actions", [action])
    url = confirm(boss, choose(boss, ORDERS, "cancel", [first, second])).url
    batch = Batch.objects.get()
    assert batch.summary == {
        "done": 2,
        "refused": 0,
        "notes": [{"row": second.no, "said": "已提交审批"}],
    }
    assert "已提交审批" in boss.get(url).content.decode()


def test_the_whole_filtered_list_may_be_chosen(boss, shop):
    shop(), shop(paid=True), shop()
    dialog = choose(
        boss, ORDERS, "cancel", [Order.objects.first()], across=True, query="?state__exact=placed"
    )
    assert (dialog.context["count"], dialog.context["amount"]) == (2, "¥200.00")
    confirm(boss, dialog)
    assert states() == ["cancelled", "paid", "cancelled"]


def test_what_changed_since_the_dialog_is_shown_again_and_nothing_is_done(boss, shop):
    shop(), shop()
    dialog = choose(
        boss, ORDERS, "cancel", [Order.objects.first()], across=True, query="?state__exact=placed"
    )
    shop()

    again = confirm(boss, dialog)

    assert again.status_code == 409 and "列表已有变化" in again.content.decode()
    assert (again.context["count"], again.context["amount"]) == (3, "¥300.00")
    assert states() == ["placed"] * 3 and not Batch.objects.exists()
    assert confirm(boss, again).status_code == 302
    assert states() == ["cancelled"] * 3


def test_a_reason_is_asked_for(boss, shop):
    dialog = choose(boss, ORDERS, "cancel", [shop()])
    again = confirm(boss, dialog, reason="")
    assert again.status_code == 200 and again.context["form"].errors["reason"]
    assert states() == ["placed"] and not Batch.objects.exists()


def test_a_foreign_row_is_not_among_the_chosen(shop, now):
    mine, theirs = shop(), shop()
    other = make_store()
    Order.objects.filter(pk=theirs.pk).update(store=other, operator=other.operator)
    manager = staff_client(make_staff(store=shop.store, role="manager", since=now))

    dialog = choose(manager, ORDERS, "cancel", [mine, theirs])

    assert dialog.context["pks"] == [mine.pk]
    forged = confirm(manager, dialog, _selected_action=[mine.pk, theirs.pk])
    assert forged.status_code == 302
    assert states() == ["cancelled", "placed"]


def test_it_is_offered_to_whoever_may_give_the_command(shop, now):
    order = shop()
    clerk = staff_client(make_staff(store=shop.store, role="clerk", since=now))
    page = clerk.get(ORDERS)
    assert page.status_code == 200 and "bulk-cancel" not in page.content.decode()
    assert clerk.post(f"{ORDERS}bulk/cancel/", {"reason": "越权"}).status_code == 403
    manager = staff_client(make_staff(store=shop.store, role="manager", since=now))
    assert "bulk-cancel" in manager.get(ORDERS).content.decode()
    assert manager.get(f"{ORDERS}bulk/cancel/").status_code == 405
    assert manager.post(f"{ORDERS}bulk/nothing/").status_code == 404
    assert manager.post(f"{ORDERS}bulk/cancel/", {"_selected_action": "x"}).status_code == 404
    assert Order.objects.get().state == order.state == "placed"


def test_what_moves_money_asks_for_the_password_again(shop, now):
    order = shop(paid=True)
    request_after_sale(order, now)
    row = AfterSale.objects.get()
    stale = staff_client(make_user(superuser=True), signed_in=1.0)
    led_away = choose(stale, "/admin/mall/aftersale/", "approve", [row])
    assert (led_away.status_code, "reauthenticate" in led_away.url) == (302, True)
    led_away = stale.post("/admin/mall/aftersale/bulk/approve/", {"_selected_action": [row.pk]})
    assert (led_away.status_code, "reauthenticate" in led_away.url) == (302, True)
    row.refresh_from_db()
    assert row.state == "requested" and not Batch.objects.exists()


def request_after_sale(order, now, units=1):
    return aftersale_request(
        order_no=order.no,
        lines=[(0, units)],
        reason="不合适",
        actor=SYSTEM,
        now=now,
        member_id=order.member_id,
    )


def test_after_sales_are_worth_what_would_go_back(boss, shop, now):
    first, second = shop(3, paid=True), shop(paid=True)
    rows = [request_after_sale(first, now, units=2), request_after_sale(second, now)]
    dialog = choose(boss, "/admin/mall/aftersale/", "refuse", rows)
    assert (dialog.context["count"], dialog.context["amount"]) == (2, "¥300.00")
    confirm(boss, dialog)
    assert set(AfterSale.objects.values_list("state", "decision")) == {("refused", "清理")}


def test_reference_data_leaves_and_rejoins_by_the_dozen(boss):
    brands = [make_brand() for _ in range(3)]
    confirm(boss, choose(boss, BRANDS, "archive", brands[:2]))
    confirm(boss, choose(boss, BRANDS, "archive", brands))
    last = Batch.objects.latest("id")
    assert (last.done, [r["code"] for r in last.rejects]) == (1, ["conflict", "conflict"])
    confirm(boss, choose(boss, BRANDS, "restore", brands))
    assert set(Brand.objects.values_list("archived_at", flat=True)) == {None}


def test_skus_leave_by_their_own_service(boss):
    product = make_product(skus=[9_000, 12_000])
    cheap = product.skus.get(price_fen=9_000)
    confirm(boss, choose(boss, "/admin/mall/sku/", "archive", [cheap]))
    product.refresh_from_db()
    assert product.price_fen == 12_000 and Sku.objects.get(pk=cheap.pk).archived_at


def test_offers_go_onto_and_off_the_shelf_and_get_one_price(boss, now):
    offers = [make_offer(store=make_store(), sku=make_sku(), price_fen=9_000) for _ in range(2)]
    confirm(boss, choose(boss, OFFERS, "unlist", offers[:1]))
    confirm(boss, choose(boss, OFFERS, "unlist", offers))
    last = Batch.objects.latest("id")
    assert (last.done, [r["code"] for r in last.rejects]) == (1, ["offer_listed_already"])
    assert set(StoreOffer.objects.values_list("listed", flat=True)) == {False}
    confirm(boss, choose(boss, OFFERS, "list", offers))
    assert set(StoreOffer.objects.values_list("listed", flat=True)) == {True}
    told = Event.objects.filter(subject_type="mall.storeoffer", subject_id=offers[0].pk)
    assert [e.payload["change"] for e in told.order_by("id")] == ["unlisted", "listed"]

    confirm(boss, choose(boss, OFFERS, "price", offers), price_fen="88.50")
    assert set(StoreOffer.objects.values_list("price_fen", flat=True)) == {8_850}


def background(monkeypatch, at_once=0):
    monkeypatch.setattr(bulk, "AT_ONCE", at_once)


def test_many_rows_are_worked_off_in_the_background(boss, monkeypatch):
    background(monkeypatch, at_once=2)
    brands = [make_brand() for _ in range(3)]
    dialog = choose(boss, BRANDS, "archive", brands)
    assert dialog.context["background"] and dialog.context["refused"] is None
    url = confirm(boss, dialog).url

    page = boss.get(url).content.decode()
    assert 'http-equiv="refresh"' in page and "0 / 3" in page
    assert not Brand.objects.exclude(archived_at=None).exists()

    assert batches_run(clock=clock.now) == 1
    page = boss.get(url).content.decode()
    assert "3 / 3" in page and 'http-equiv="refresh"' not in page
    assert not Brand.objects.filter(archived_at=None).exists()
    assert batches_run(clock=clock.now) == 0


def waiting_batch(client, monkeypatch, count=4):
    background(monkeypatch)
    brands = [make_brand() for _ in range(count)]
    confirm(client, choose(client, BRANDS, "archive", brands))
    return Batch.objects.get(), brands


class Killed(BaseException):
    """The worker's end: nothing after it runs."""


def dies_after(monkeypatch, rows):
    """The worker dies while it works on the row after ``rows``, its service already called."""
    counted = iter(range(rows))
    real = bulk.batch_progress

    def progress(*args, **kwargs):
        if next(counted, None) is None:
            raise Killed
        return real(*args, **kwargs)

    monkeypatch.setattr(bulk, "batch_progress", progress)


def test_a_worker_that_died_is_followed_by_another_where_it_stood(boss, monkeypatch, now):
    batch, brands = waiting_batch(boss, monkeypatch)
    with monkeypatch.context() as patch:
        dies_after(patch, 2)
        with pytest.raises(Killed):
            batches_run(clock=lambda: now)
    batch.refresh_from_db()
    # The third row's own transaction went with the worker.
    assert (batch.done, Brand.objects.exclude(archived_at=None).count()) == (2, 2)
    assert batch.status == "running"
    # As long as the dead one's lease runs, nobody takes its work.
    assert batches_run(clock=lambda: now + LEASE - timedelta(seconds=1)) == 0

    assert batches_run(clock=lambda: now + LEASE) == 1

    batch.refresh_from_db()
    assert (batch.done, batch.rejects, batch.status) == (4, [], "done")
    archived = Event.objects.filter(subject_type="mall.brand", payload__change="archived")
    assert sorted(archived.values_list("subject_id", flat=True)) == [b.pk for b in brands]


def test_a_worker_that_was_believed_dead_records_nothing_more(boss, monkeypatch, now):
    batch, _brands = waiting_batch(boss, monkeypatch)
    slow = batch_claim(now=now)
    second = batch_claim(now=now + LEASE)
    assert (slow.pk, second.pk) == (batch.pk, batch.pk) and slow.lease != second.lease

    batch_work(slow, clock=lambda: now + LEASE)

    assert not Brand.objects.exclude(archived_at=None).exists()
    batch.refresh_from_db()
    assert (batch.done, batch.status) == (0, "running")
    batch_work(second, clock=lambda: now + LEASE)
    batch.refresh_from_db()
    assert (batch.done, batch.status) == (4, "done")


def test_work_that_is_interrupted_again_and_again_fails_and_may_be_taken_up(boss, monkeypatch, now):
    batch, _brands = waiting_batch(boss, monkeypatch)
    with monkeypatch.context() as patch:
        dies_after(patch, 0)
        for run in range(batches.MAX_RUNS):
            with pytest.raises(Killed):
                batches_run(clock=lambda at=now + run * LEASE: at)
    assert batches_run(clock=lambda: now + batches.MAX_RUNS * LEASE) == 0
    batch.refresh_from_db()
    assert (batch.status, batch.error) == ("failed", "中断次数过多。")
    url = f"/admin/kernel/batch/{batch.pk}/"
    page = boss.get(f"{url}progress/").content.decode()
    assert "中断次数过多" in page and f"{url}resume/" in page

    stranger = staff_client(make_user(superuser=True))
    assert stranger.post(f"{url}resume/").status_code == 404
    assert boss.post(f"{url}resume/").url == f"{url}progress/"
    assert batches_run(clock=clock.now) == 1
    batch.refresh_from_db()
    assert (batch.done, batch.status) == (4, "done")
    # What ended well is not begun anew.
    boss.post(f"{url}resume/")
    assert batches_run(clock=clock.now) == 0


def test_its_maker_stops_it_and_the_row_under_way_is_not_done(boss, monkeypatch, now):
    batch, _brands = waiting_batch(boss, monkeypatch)
    url = f"/admin/kernel/batch/{batch.pk}/"
    assert f"{url}stop/" in boss.get(f"{url}progress/").content.decode()
    stranger = staff_client(make_user(superuser=True))
    assert f"{url}stop/" not in stranger.get(f"{url}progress/").content.decode()
    assert stranger.post(f"{url}stop/").status_code == 404
    assert boss.get(f"{url}stop/").status_code == 405
    counted = iter(range(2))
    real = bulk.batch_progress

    def stopped_at_the_third(*args, **kwargs):
        if next(counted, None) is None:
            batches.batch_stop(batch_id=batch.pk, now=now)
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(bulk, "batch_progress", stopped_at_the_third)
        # Within the row's own transaction the stop goes with it; another's does not.
        batches_run(clock=lambda: now)
    assert boss.post(f"{url}stop/").url == f"{url}progress/"
    batch.refresh_from_db()
    assert (batch.status, batch.done, batch.error) == ("failed", 2, "已手动停止。")
    assert Brand.objects.exclude(archived_at=None).count() == 2
    assert batches_run(clock=lambda: now + LEASE) == 0
    assert "已经结束" in boss.post(f"{url}stop/", follow=True).content.decode()

    boss.post(f"{url}resume/")
    assert batches_run(clock=lambda: now) == 1
    assert not Brand.objects.filter(archived_at=None).exists()


def test_a_database_that_is_away_is_no_failure(boss, monkeypatch, now):
    batch, _brands = waiting_batch(boss, monkeypatch)
    with monkeypatch.context() as patch:

        def away(*args, **kwargs):
            raise OperationalError("gone")

        patch.setattr(bulk, "batch_progress", away)
        with pytest.raises(OperationalError):
            batches_run(clock=lambda: now)
    batch.refresh_from_db()
    assert (batch.status, batch.done, batch.rejects) == ("running", 0, [])
    assert batches_run(clock=lambda: now + LEASE) == 1


def test_whoever_lost_the_permission_meanwhile_gives_no_commands(shop, monkeypatch, now):
    background(monkeypatch)
    order = shop()
    staff = make_staff(store=shop.store, role="manager", since=now)
    client = staff_client(staff)
    confirm(client, choose(client, ORDERS, "cancel", [order]))
    Assignment.objects.filter(user=staff).update(role="clerk")
    assert batches_run(clock=clock.now) == 1
    batch = Batch.objects.get()
    assert (batch.done, [r["code"] for r in batch.rejects]) == (0, ["forbidden"])
    assert states() == ["placed"]


def test_whoever_left_meanwhile_gives_no_commands(shop, monkeypatch, now):
    background(monkeypatch)
    order = shop()
    staff = make_staff(store=shop.store, role="manager", since=now)
    client = staff_client(staff)
    confirm(client, choose(client, ORDERS, "cancel", [order]))
    type(staff).objects.filter(pk=staff.pk).update(is_active=False)
    assert batches_run(clock=clock.now) == 1
    assert (Batch.objects.get().status, states()) == ("failed", ["placed"])


def test_only_one_piece_of_work_runs_at_a_time(boss, monkeypatch, now):
    waiting_batch(boss, monkeypatch)
    confirm(boss, choose(boss, BRANDS, "restore", list(Brand.objects.all())))
    assert batch_claim(now=now) is not None
    assert batch_claim(now=now) is None
    assert batch_claim(now=now + LEASE) is not None


def test_too_many_rows_are_refused(boss, monkeypatch):
    monkeypatch.setattr(bulk, "BULK_MOST", 1)
    brands = [make_brand(), make_brand()]
    answer = choose(boss, BRANDS, "archive", brands)
    assert answer.status_code == 302 and answer.url == BRANDS
    assert "超过 1 行" in boss.get(BRANDS).content.decode()


def test_work_is_its_makers_and_of_whoever_may_view_batches(boss, shop, now):
    order = shop()
    confirm(boss, choose(boss, ORDERS, "cancel", [order]))
    batch = Batch.objects.get()
    url = f"/admin/kernel/batch/{batch.pk}/progress/"
    manager = staff_client(make_staff(store=shop.store, role="manager", since=now))
    assert manager.get(url).status_code == 404
    assert manager.get(f"/admin/kernel/batch/{batch.pk}/rejects/").status_code == 404
    auditor = staff_client(make_staff(role="auditor", since=now))
    assert auditor.get(url).status_code == 200

    mine = shop()
    confirm(manager, choose(manager, ORDERS, "cancel", [mine]))
    listed = manager.get("/admin/kernel/batch/mine/").content.decode()
    own = Batch.objects.latest("id")
    assert f"/{own.pk}/progress/" in listed and f"/{batch.pk}/progress/" not in listed
    assert manager.get(f"/admin/kernel/batch/{own.pk}/progress/").status_code == 200


def test_what_the_pages_cost(boss, django_assert_num_queries, monkeypatch):
    brands = [make_brand() for _ in range(3)]
    boss.get(BRANDS)
    choose(boss, BRANDS, "archive", brands[:1])
    with django_assert_num_queries(6):
        dialog = choose(boss, BRANDS, "archive", brands)
    # Whose form it is and what it says, asked, claimed, ended; by the row: read, change, tell.
    with django_assert_num_queries(36):
        url = confirm(boss, dialog).url
    with django_assert_num_queries(4):
        boss.get(url)
    with django_assert_num_queries(4):
        boss.get("/admin/kernel/batch/mine/")


EVERYWHERE = [
    (model._meta.label_lower, one.name)
    for model, page in admin.site._registry.items()
    for one in getattr(page, "bulk_actions", ())
]


@pytest.mark.parametrize(("label", "name"), EVERYWHERE)
def test_every_command_for_many_rows_is_one_for_a_single_row(boss, label, name):
    page = next(p for m, p in admin.site._registry.items() if m._meta.label_lower == label)
    assert page.bulk_action(name) is not None
    answer = boss.get(f"/admin/{label.replace('.', '/')}/")
    assert f'value="bulk-{name}"' in answer.content.decode() or not page.model.objects.exists()


def test_there_are_commands_for_many_rows():
    assert {
        ("mall.order", "cancel"),
        ("mall.aftersale", "approve"),
        ("mall.aftersale", "refuse"),
        ("mall.refund", "retry"),
        ("mall.sku", "archive"),
        ("mall.product", "archive"),
        ("mall.storeoffer", "unlist"),
        ("members.card", "freeze"),
        ("coupons.template", "archive"),
    } <= set(EVERYWHERE)
