"""The front page names what wants somebody, and its filters narrow it."""

from datetime import timedelta

import pytest

from config.kernel.actors import Actor
from config.kernel.approvals import approval_request
from config.kernel.models import Event
from coupons.models import QuotaAlert
from mall.models import Order, Refund
from members.models import CardPayback, CardPaybackLine
from tests.factories import (
    make_card,
    make_member,
    make_product,
    make_staff,
    make_stock,
    make_store,
    make_template,
    make_topup,
    make_user,
    staff_client,
)
from tests.kernel.admin.dashboard.board import INDEX, NOON, alerts, board, figures, sale

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


def test_alerts_name_what_wants_somebody(store, boss, clock_at):
    from mall.models import AfterSale, Notification, Payment

    order = sale(store, NOON - timedelta(hours=3), 10_000)
    make_stock(store=store, sku=order.lines.get().sku, on_hand=3)
    make_stock(store=store, sku=make_product().skus.get(), on_hand=4)
    payment = Payment.objects.create(
        no="PY1",
        order=order,
        operator=store.operator,
        mchid="1",
        appid="a",
        payer_openid="o",
        amount_fen=10_000,
        state="pending",
        created_at=NOON - timedelta(hours=2),
        expires_at=NOON,
    )
    Refund.objects.create(
        no="RF1",
        order=order,
        operator=store.operator,
        payment=payment,
        amount_fen=100,
        state="failed",
        reason="x",
        created_at=NOON,
    )
    asked = AfterSale.objects.create(
        no="AS1", order=order, kind="return", state="requested", reason="x", created_at=NOON
    )
    approval_request(
        kind="mall.refund",
        subject_type="mall.aftersale",
        subject_id=asked.pk,
        amount_fen=10_000,
        operator_id=store.operator_id,
        store_id=store.pk,
        reason="x",
        actor=Actor.user(make_user()),
        now=NOON,
    )
    Notification.objects.create(
        gateway_id="n", mchid="1", event_type="T", received_at=NOON, outcome="payment_mismatch"
    )
    Event.objects.create(
        kind="mall.order_paid",
        subject_type="order",
        subject_id=order.pk,
        actor_kind="system",
        occurred_at=NOON - timedelta(minutes=2),
    )
    card = make_card(make_member(), operator=store.operator, now=NOON - timedelta(days=9))
    payback = CardPayback.objects.create(
        no="CP1",
        card=card,
        member=card.member,
        amount_fen=300,
        withdrawn_fen=0,
        charged_fen=0,
        created_at=NOON,
    )
    again = make_topup(card, now=NOON - timedelta(days=9))
    for way, lot in (("transfer", card.lots.first()), ("source", again)):
        CardPaybackLine.objects.create(
            payback=payback, lot=lot, way=way, amount_fen=150, withdrawn_fen=0, charged_fen=0
        )
    template = make_template(operator=store.operator)
    for settled_at, step in ((None, 100), (NOON, 200)):
        QuotaAlert.objects.create(
            template=template,
            step_percent=step,
            day=NOON.date(),
            claims=3,
            planned=2,
            found_at=NOON,
            settled_at=settled_at,
        )
    everything = {
        "refunds_failed": 1,
        "notifications_mismatched": 1,
        "payments_open": 1,
        "after_sales": 1,
        "paybacks": 1,
        "quotas": 1,
        "approvals": 1,
        "stock_low": 1,
        "events_stuck": 1,
    }
    assert alerts(boss) == everything
    for alert in board(boss).alerts:
        answer = boss.get(alert.link)
        assert answer.status_code == 200
        assert len(answer.context["cl"].result_list) == alert.count, alert.code

    mine = staff_client(make_staff(store=store, role="manager", since=NOON))
    assert alerts(mine) == {
        k: v
        for k, v in everything.items()
        if k not in ("notifications_mismatched", "paybacks", "quotas", "events_stuck")
    }
    theirs = staff_client(make_staff(store=make_store(), role="finance", since=NOON))
    assert alerts(theirs) == {}


def test_filters_narrow_and_offer_only_what_may_be_seen(store, boss):
    sister, foreign = make_store(operator=store.operator), make_store()
    sale(store, NOON, 1_000), sale(sister, NOON, 20_000), sale(foreign, NOON, 300_000)
    guided = sale(store, NOON, 7)
    Order.objects.filter(pk=guided.pk).update(channel="guide")

    assert figures(boss, operator=store.operator_id)["sales"][0] == 21_007
    assert figures(boss, store=foreign.pk)["sales"][0] == 300_000
    assert figures(boss, channel="guide")["sales"][0] == 7
    assert figures(boss, operator=foreign.operator_id, store=store.pk)["sales"][0] == 0

    user = make_staff(role="finance", operator=store.operator, since=NOON)
    client = staff_client(user)
    form = client.get(INDEX).context["scope_form"]
    assert {pk for pk, _name in form.fields["store"].choices} == {"", store.pk, sister.pk}
    for query in (
        {"store": foreign.pk},
        {"operator": foreign.operator_id},
        {"store": "x"},
        {"channel": "x"},
    ):
        assert client.get(INDEX, query).status_code == 404, query
