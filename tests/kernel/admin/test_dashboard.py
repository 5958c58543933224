"""The front page: exact figures on a small world, and only of what its reader may see."""

from datetime import datetime, timedelta

import pytest
from django.urls import reverse

from config.kernel.actors import Actor
from config.kernel.approvals import approval_request
from config.kernel.clock import SHANGHAI
from config.kernel.dashboard import Scope, percent_change
from config.kernel.models import Event
from coupons.models import QuotaAlert
from mall.models import Adjustment, Order, Refund, Tender, TenderAllocation
from members.models import CardPayback, CardPaybackLine
from tests.factories import (
    make_card,
    make_card_product,
    make_guide,
    make_member,
    make_operator,
    make_product,
    make_staff,
    make_stock,
    make_store,
    make_template,
    make_topup,
    make_user,
    staff_client,
)
from tests.guides.sales import handle, paid_event, paid_order, publish_rules, touched

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]

INDEX = reverse("admin:index")
NOON = datetime(2026, 3, 18, 12, 0, tzinfo=SHANGHAI)
YESTERDAY = NOON - timedelta(days=1)
LAST_WEEK = NOON - timedelta(days=7)
BOARD_STATEMENTS = 7


@pytest.fixture(autouse=True)
def at_noon(clock_at):
    clock_at(NOON)


@pytest.fixture
def store():
    return make_store(operator=make_operator())


def sale(store, paid_at, fen=10_000, *, member=None, **more):
    return paid_order(
        member=member or make_member(),
        store=store,
        lines=[(more.pop("product", None) or make_product(), 1, fen)],
        paid_at=paid_at,
        **more,
    )


def board(client, **query):
    answer = client.get(INDEX, query)
    assert answer.status_code == 200
    return answer.context["dashboard"]


def figures(client, **query):
    return {f.code: (f.today, f.yesterday, f.week) for f in board(client, **query).figures}


def charts(client, **query):
    return {c.code: c.as_json() for c in board(client, **query).charts}


def alerts(client, **query):
    return {a.code: a.count for a in board(client, **query).alerts}


@pytest.fixture
def boss():
    return staff_client(make_user(superuser=True))


def test_today_stands_beside_the_same_part_of_yesterday_and_of_last_week(store, boss):
    member = make_member()
    sale(store, NOON, 10_000, member=member)
    sale(store, NOON - timedelta(hours=12), 2_500, member=member)
    sale(store, NOON - timedelta(hours=12, seconds=1), 700)  # yesterday's last second
    sale(store, YESTERDAY, 4_000)
    sale(store, YESTERDAY + timedelta(seconds=1), 900)  # later than now, yesterday
    sale(store, LAST_WEEK - timedelta(minutes=5), 5_000)

    found = figures(boss)
    assert found["sales"] == (12_500, 4_000, 5_000)
    assert found["orders"] == (2, 1, 1)
    assert found["members"] == (1, 1, 1)


def test_sales_are_net_of_refunds_and_cards_are_not_goods(store, boss):
    order = sale(store, NOON, 10_000)
    order.lines.update(refunded_fen=3_000)
    gone = sale(store, NOON, 9_000)
    Order.objects.filter(pk=gone.pk).update(state="cancelled", ended_at=NOON)
    card = make_card_product(price_fen=50_000)
    paid_order(member=make_member(), store=store, lines=[(card, 1, 50_000)], paid_at=YESTERDAY)

    found = figures(boss)
    assert found["sales"] == (7_000, 0, 0)
    assert found["orders"] == (1, 0, 0)
    assert found["top_up"] == (0, 50_000, 0)


def test_coupons_and_stored_value_count_what_paid_orders_used(store, boss):
    first, second = sale(store, NOON, 10_000), sale(store, LAST_WEEK, 20_000)
    for order, amount in ((first, 1_000), (second, 700)):
        Adjustment.objects.create(
            line=order.lines.get(),
            kind="coupon",
            reference=f"C{order.pk}",
            title="券",
            amount_fen=amount,
        )
    Adjustment.objects.create(
        line=first.lines.get(), kind="promotion", reference="p", title="满减", amount_fen=55
    )
    wechat = Tender.objects.create(order=first, position=0, kind="wechat", amount_fen=4_000)
    TenderAllocation.objects.create(line=first.lines.get(), tender=wechat, amount_fen=4_000)
    card = Tender(order=first, position=1, kind="card_principal", amount_fen=6_000)
    card.account = _account(store)
    card.save()
    TenderAllocation.objects.create(
        line=first.lines.get(), tender=card, amount_fen=6_000, refunded_fen=500
    )

    found = figures(boss)
    assert found["coupons"] == (1, 0, 1)
    assert found["discount"] == (1_000, 0, 700)
    assert found["spend"] == (5_500, 0, 0)


def _account(store):
    from stores.models import Account

    return Account.objects.create(code="card.p:board", operator=store.operator, guarded=True)


def test_new_members_and_pickups(store, boss):
    from stores.models import Pickup

    for created_at in (NOON, NOON - timedelta(hours=1), YESTERDAY, LAST_WEEK):
        member = make_member(home_store=store)
        type(member).objects.filter(pk=member.pk).update(created_at=created_at)
    for n, (state, ready) in enumerate([("awaiting", None), ("ready", NOON), ("expired", NOON)]):
        Pickup.objects.create(
            no=f"PK{n}",
            order_no=f"SO{n}",
            store=store,
            state=state,
            code_hash=f"{n:064d}",
            digits=f"{n:08d}",
            created_at=NOON,
            ready_at=ready,
        )

    found = figures(boss)
    assert found["joined"] == (2, 1, 1)
    assert found["pickups"] == (2, None, None)
    assert alerts(boss) == {"pickups_expired": 1}


def test_charts_by_hour_day_product_and_store(store, boss):
    tea, cup = make_product(name="茶"), make_product(name="杯")
    other = make_store(operator=store.operator, name="北店")
    type(store).objects.filter(pk=store.pk).update(name="南店")
    sale(store, NOON - timedelta(hours=2), 3_000, product=tea)
    sale(other, NOON, 4_000, product=cup)
    sale(store, LAST_WEEK + timedelta(hours=6), 2_000, product=tea)  # later that day: shown
    sale(store, NOON - timedelta(days=30), 99_000, product=tea)  # a day too old

    found = charts(boss)
    today, week = found["hours"]["series"]
    assert len(today["values"]) == 13 and len(week["values"]) == 24
    assert (today["values"][10], today["values"][12], sum(today["values"])) == (3_000, 4_000, 7_000)
    assert (week["values"][18], sum(week["values"])) == (2_000, 2_000)
    days = found["days"]
    assert (days["labels"][0], days["labels"][-1], len(days["labels"])) == ("02-17", "03-18", 30)
    assert days["series"][0]["values"][-1] == 7_000 and days["series"][1]["values"][-8] == 1
    assert (found["products"]["labels"], found["products"]["series"][0]["values"]) == (
        ["茶", "杯"],
        [5_000, 4_000],
    )
    assert (found["stores"]["labels"], found["stores"]["series"][0]["values"]) == (
        ["南店", "北店"],
        [5_000, 4_000],
    )


def test_guides_are_ranked_by_the_sales_they_have_a_share_in(store, boss):
    publish_rules(effective_from=NOON - timedelta(days=60))
    best, second = make_guide(store=store, name="甲"), make_guide(store=store, name="乙")
    make_guide(store=store, name="丙")
    start = NOON - timedelta(days=59)
    type(best).objects.update(active_from=start)
    best.assignments.update(since=start), second.assignments.update(since=start)
    for guide, fen, paid_at in ((second, 3_000, NOON), (best, 5_000, NOON), (best, 800, YESTERDAY)):
        member = make_member()
        touched(member=member, guide=guide, now=paid_at - timedelta(minutes=5))
        order = sale(store, paid_at, fen, member=member)
        handle(paid_event(order), now=paid_at)

    [ranking] = board(boss).rankings
    assert ranking.rows == [
        ("甲", "¥50.00", "1", "¥58.00"),
        ("乙", "¥30.00", "1", "¥30.00"),
    ]


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


def test_everybody_sees_their_own_stores_and_no_other(store, boss):
    sister, foreign = make_store(operator=store.operator), make_store()
    for place, fen in ((store, 1_000), (sister, 20_000), (foreign, 300_000)):
        sale(place, NOON, fen)

    def seen(**scope):
        return staff_client(make_staff(since=NOON, **scope))

    assert figures(boss)["sales"][0] == 321_000
    assert figures(seen(role="headquarters"))["sales"][0] == 321_000
    assert figures(seen(role="finance", operator=store.operator))["sales"][0] == 21_000
    clerk = seen(role="clerk", store=store)
    assert figures(clerk)["sales"][0] == 1_000
    assert charts(clerk)["stores"]["labels"] == [store.name]
    ended = make_staff(role="clerk", store=store, since=NOON - timedelta(2), until=YESTERDAY)
    assert board(staff_client(ended)).empty
    assert board(staff_client(make_user(is_staff=True))).empty


def test_a_role_sees_the_panels_of_its_permissions(store):
    sale(store, NOON)
    clerk = staff_client(make_staff(store=store, role="clerk", since=NOON))
    assert set(figures(clerk)) == {"sales", "orders", "members", "pickups"}
    assert board(clerk).rankings == []
    service = staff_client(make_staff(store=store, role="service", since=NOON))
    assert {"joined", "coupons", "top_up", "spend"} <= set(figures(service))
    manager = staff_client(make_staff(store=store, role="manager", since=NOON))
    assert [r.code for r in board(manager).rankings] == ["guides"]
    assert "top_up" not in figures(manager)


def test_unlike_assignments_show_each_figure_where_it_may_be_seen(store):
    other = make_store()
    for place, fen in ((store, 1_000), (other, 20_000)):
        home = make_member(home_store=place)
        type(home).objects.filter(pk=home.pk).update(created_at=NOON)
        sale(place, NOON, fen)
    user = make_staff(store=store, role="service", since=NOON)
    make_staff(store=other, role="clerk", user=user, since=NOON)
    seen = figures(staff_client(user))
    assert seen["sales"][0] == 21_000
    assert seen["joined"][0] == 1
    make_staff(store=other, role="manager", user=user, since=NOON)
    guides = board(staff_client(user)).rankings
    assert [r.code for r in guides] == ["guides"]
    narrowed = figures(staff_client(user), store=other.pk)
    assert (narrowed["sales"][0], narrowed["joined"][0]) == (20_000, 0)


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


def test_it_costs_eight_statements_however_much_there_is(store, django_assert_max_num_queries):
    from config.kernel.dashboard import dashboard_read, visible_to

    user = make_staff(role="headquarters", since=NOON)
    user.get_all_permissions()
    for fen in range(100, 3_000, 100):
        sale(make_store() if fen % 500 == 0 else store, NOON, fen)
    with django_assert_max_num_queries(BOARD_STATEMENTS) as used:
        seen = visible_to(user)
        scope = Scope([s.pk for s in seen.stores], seen.everything, "", NOON)
        found = dashboard_read(user=user, visible=seen, scope=scope)
    assert len(used) == BOARD_STATEMENTS
    assert found.figures[0].today == sum(range(100, 3_000, 100))


@pytest.mark.parametrize(
    ("now", "before", "text"),
    [
        (120, 100, "+20.0 %"),
        (99, 100, "−1.0 %"),
        (100, 100, "±0.0 %"),
        (5, 0, ""),
        (0, 3, "−100.0 %"),
        (2, 3, "−33.3 %"),
    ],
)
def test_percents(now, before, text):
    assert percent_change(now, before) == text
