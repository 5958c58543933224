"""One command for many rows: what is shown is what is done, row by row, and nothing is lost."""

import csv
import io
from dataclasses import replace

import pytest
from django.contrib import admin

from config.kernel.actors import SYSTEM
from config.kernel.admin import bulk
from config.kernel.models import Batch, Event
from mall.models import AfterSale, Brand, Order, Sku, Stock, StoreOffer
from mall.services.aftersale import aftersale_request
from mall.services.order_end import order_cancel
from tests.factories import (
    make_brand,
    make_offer,
    make_product,
    make_sku,
    make_staff,
    make_store,
    make_user,
    staff_client,
)
from tests.kernel.admin.bulk.dialog import BRANDS, OFFERS, ORDERS, choose, confirm, states

pytestmark = pytest.mark.django_db


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


def test_too_many_rows_are_refused(boss, monkeypatch):
    monkeypatch.setattr(bulk, "BULK_MOST", 1)
    brands = [make_brand(), make_brand()]
    answer = choose(boss, BRANDS, "archive", brands)
    assert answer.status_code == 302 and answer.url == BRANDS
    assert "超过 1 行" in boss.get(BRANDS).content.decode()


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
