"""The front page: exact figures on a small world, and only of what its reader may see."""

from datetime import timedelta

import pytest

from config.kernel.dashboard import Scope, percent_change
from mall.models import Adjustment, Order, Tender, TenderAllocation
from tests.factories import (
    make_card_product,
    make_guide,
    make_member,
    make_product,
    make_staff,
    make_store,
    make_user,
    staff_client,
)
from tests.guides.sales import handle, paid_event, paid_order, publish_rules, touched
from tests.kernel.admin.dashboard.board import (
    BOARD_STATEMENTS,
    LAST_WEEK,
    NOON,
    YESTERDAY,
    alerts,
    board,
    charts,
    figures,
    sale,
)

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


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
