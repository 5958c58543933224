"""The calendar: what runs when, what competes, and what may sell below cost."""

from datetime import datetime, timedelta

import pytest
from django.urls import reverse

from config.kernel.clock import SHANGHAI
from mall.models import Promotion, Sku
from mall.selectors.discount_calendar import discount_calendar
from tests.factories import (
    make_category,
    make_operator,
    make_product,
    make_promotion,
    make_staff,
    make_store,
    make_template,
    make_user,
    staff_client,
)

pytestmark = pytest.mark.django_db
CALENDAR = "admin:mall_discountdraft_calendar"
MAY = datetime(2026, 5, 1, tzinfo=SHANGHAI)
JUNE = datetime(2026, 6, 1, tzinfo=SHANGHAI)


@pytest.fixture
def operator():
    return make_operator(code="op")


@pytest.fixture
def store(operator):
    return make_store(operator=operator, code="here")


def in_shelf(*codes):
    return {"v": 1, "all": [{"fact": "category", "op": "in", "value": list(codes)}]}


def runs(operator, first, last, *, name="", **more):
    """From the first day of May to the end of the last."""
    row = make_promotion(
        operator=operator,
        starts_at=MAY + timedelta(days=first - 1),
        ends_at=MAY + timedelta(days=last),
        **more,
    )
    if name:
        Promotion.objects.filter(pk=row.pk).update(name=name)
    return row


def shown(operator, store=None, **more):
    return discount_calendar(operator_id=operator.pk, store=store, since=MAY, until=JUNE, **more)


def test_bars_stand_on_their_days(operator):
    runs(operator, 1, 3, code="a")
    runs(operator, 30, 45, code="b")
    runs(operator, -9, 0, code="before")
    runs(operator, 32, 40, code="after")
    runs(make_operator(), 1, 3, code="foreign")
    make_template(
        operator=operator,
        code="c",
        claim_from=MAY - timedelta(days=40),
        claim_until=MAY - timedelta(days=20),
        valid_days=25,
    )
    bars = shown(operator).bars
    assert [(b.row.code, b.column, b.span) for b in sorted(bars, key=lambda b: b.row.code)] == [
        ("a", 1, 3),
        ("b", 30, 2),
        ("c", 1, 5),
    ]
    assert len(shown(operator).days) == 31


def test_what_wants_the_same_goods_in_one_group_competes(operator):
    food = make_category(code="food")
    make_category(code="tea", parent=food)
    make_category(code="wear")
    runs(operator, 1, 10, code="a", name="甲", scope=in_shelf("food"))
    runs(operator, 10, 20, code="b", name="乙", scope=in_shelf("tea"))
    runs(operator, 1, 31, code="c", name="丙", scope=in_shelf("wear"))
    runs(operator, 11, 20, code="d", name="丁", scope=in_shelf("food"), stacking_group="other")
    runs(operator, 21, 31, code="e", name="戊", scope=in_shelf("food"), weekdays=[1])
    runs(operator, 21, 31, code="f", name="己", scope=in_shelf("food"), weekdays=[2])
    found = {bar.row.code: bar.conflicts for bar in shown(operator).bars}
    assert found == {"a": ["乙"], "b": ["甲"], "c": [], "d": [], "e": [], "f": []}


def test_bars_say_where_they_work_and_compete_there_alone(operator):
    runs(operator, 1, 10, code="a", name="甲", channels=["store"])
    runs(operator, 1, 10, code="b", name="乙")
    runs(operator, 5, 10, code="c", name="丙", channels=["mall", "store"])
    found = {bar.row.code: (bar.channels, bar.conflicts) for bar in shown(operator).bars}
    assert found == {
        "a": (["门店"], ["丙"]),
        "b": (["商城"], ["丙"]),
        "c": (["商城", "门店"], ["甲", "乙"]),
    }


def test_a_night_competes_with_the_day_after_it(operator):
    runs(operator, 1, 10, code="a", name="甲", weekdays=[7], hours=[["22:00", "02:00"]])
    runs(operator, 1, 10, code="b", name="乙", weekdays=[1])
    runs(operator, 1, 10, code="c", name="丙", weekdays=[2])
    found = {bar.row.code: bar.conflicts for bar in shown(operator).bars}
    assert found == {"a": ["乙"], "b": ["甲"], "c": []}


def test_a_store_sees_what_is_for_it(operator, store):
    only = {"v": 1, "all": [{"fact": "store", "op": "in", "value": ["there"]}]}
    runs(operator, 1, 3, code="a", scope=only)
    runs(operator, 1, 3, code="b")
    assert [b.row.code for b in shown(operator, store, only_store=True).bars] == ["b"]
    assert len(shown(operator, store).bars) == 2


def test_what_sells_below_cost_beside_others_is_marked(operator, store):
    make_product(code="cha", category=make_category(code="tea"), skus=[10_000])
    Sku.objects.filter(code="cha-1").update(cost_fen=8_500)
    runs(operator, 1, 10, code="a", kind="percent", value=1_000, stacking_group="one")
    runs(operator, 20, 31, code="b", kind="percent", value=1_000, stacking_group="two")
    assert {b.row.code: b.below for b in shown(operator, store, costs=True).bars} == {
        "a": "",
        "b": "",
    }
    # ¥81 where both work.
    runs(operator, 5, 6, code="c", kind="percent", value=1_000, stacking_group="two")
    assert {b.row.code: b.below for b in shown(operator, store, costs=True).bars} == {
        "a": "cha-1",
        "b": "",
        "c": "cha-1",
    }


def test_the_page_is_of_ones_own_operator_and_costs_a_fixed_number_of_statements(
    operator, store, django_assert_num_queries
):
    make_store(operator=make_operator(code="foreign"), code="there")
    runs(operator, 1, 3, name="五月满减")
    client = staff_client(make_staff(role="headquarters", operator=operator))
    url = reverse(CALENDAR, query={"day": "2026-05-09"})
    page = client.get(url).content.decode()
    assert "五月满减" in page and "foreign" not in page
    for n in range(4):
        runs(operator, n + 1, 20, name=f"活动{n}")
        make_template(operator=operator, claim_from=MAY, claim_until=JUNE)
    with django_assert_num_queries(13):
        page = client.get(url).content.decode()
    assert page.count("mall-bar-row") >= 9
    weeks = client.get(reverse(CALENDAR, query={"day": "2026-05-09", "view": "weeks"}))
    assert 'data-days="28"' in weeks.content.decode()
    assert client.get(reverse(CALENDAR, query={"day": "9999-99-99"})).status_code == 200


def test_who_sees_no_promotions_sees_no_calendar():
    assert staff_client(make_user(is_staff=True)).get(reverse(CALENDAR)).status_code == 403
