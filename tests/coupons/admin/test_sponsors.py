"""Who bears coupons, as finance sees it; what a template came to, on its page."""

from datetime import timedelta

import pytest
from django.urls import reverse

from config.kernel.models import Event
from coupons.models import Redemption, Template
from coupons.selectors_borne import Borne, coupons_borne, template_days, template_life
from mall.selectors.coupon_sales import CouponSales, template_sales
from tests.factories import (
    make_coupon,
    make_member,
    make_operator,
    make_staff,
    make_user,
    staff_client,
)
from tests.mall.sales import give_back, mixed_sale

pytestmark = pytest.mark.django_db

REPORT = reverse("admin:members_report", args=["sponsors"])
STATEMENTS = 14
PAGE_STATEMENTS = 40


@pytest.fixture
def east():
    return make_operator(code="east", name="东区公司")


@pytest.fixture
def sale(now, east, relayed):
    """A coupon took 5,154 off 34,366 fen: half of it a brand's, a third of it another operator's.
    One of three pieces came back, and 1,428 of the discount with it."""
    sale = mixed_sale(now=now)
    operator = sale.order.operator.code
    Template.objects.update(
        sponsor_shares={"brand:acme": 5_000, "operator:east": 3_000, f"operator:{operator}": 2_000}
    )
    relayed(now)
    give_back(sale.order, [(0, 1)], now=now)
    relayed(now)
    return sale


def day(now):
    return {"since": now - timedelta(hours=1), "until": now + timedelta(hours=1)}


def test_the_report_nets_with_the_books(sale, now, east):
    rows = coupons_borne(**day(now), operator_ids=None)
    operator = sale.order.operator
    kept = Redemption.objects.get().amount_fen - Redemption.objects.get().returned_fen

    assert [(r.bearer, r.uses, r.borne_fen, r.at_home) for r in rows] == [
        ("brand:acme", 1, 2_577, False),
        ("operator:east", 1, 1_546, False),
        (f"operator:{operator.code}", 1, 1_031, True),
    ]
    assert sum(r.net_fen for r in rows) == kept < 5_154
    template = Template.objects.get()
    first = rows[0]
    assert first == Borne(
        "brand:acme", template.code, template.name, operator.pk, operator.code, operator.name,
        1, 2_577, first.back_fen,
    )  # fmt: skip
    # a period in which nothing happened, and an operator who has no part in it
    assert coupons_borne(since=now + timedelta(days=1), until=now, operator_ids=None) == []
    assert coupons_borne(**day(now), operator_ids=[make_operator().pk]) == []
    # whoever bears something sees what that is, and no more
    assert [r.bearer for r in coupons_borne(**day(now), operator_ids=[east.pk])] == [
        "operator:east"
    ]


def test_finance_sees_it_and_takes_it_away_on_record(sale, now, east):
    client = staff_client(make_staff(role="finance", operator=sale.order.operator, since=now))
    page = client.get(REPORT).content.decode()
    assert "谁承担优惠券" in page and "东区公司" in page and "¥25.77" in page

    answer = client.post(REPORT, {"format": "csv", "sheet": "settlement"})
    lines = answer.content.decode().strip().splitlines()
    # what an operator bears of its own sales is not settled
    assert [line.split(",")[1] for line in lines[1:]] == ["brand:acme", "operator:east"]
    answer = client.post(REPORT, {"format": "csv", "sheet": "templates"})
    assert len(answer.content.decode().strip().splitlines()) == 4
    assert client.post(REPORT, {"format": "xlsx", "sheet": "bearers"}).status_code == 200
    taken = Event.objects.filter(kind="kernel.exported").first()
    assert taken.payload["filters"]["report"] == ["sponsors"]

    other = staff_client(make_staff(role="finance", operator=make_operator(), since=now))
    page = other.get(REPORT).content.decode()
    assert "东区公司" not in page and "brand:acme" not in page


@pytest.mark.parametrize("role", ["service", "manager", "clerk"])
def test_who_bears_coupons_is_not_everybodys(east, now, role):
    client = staff_client(make_staff(role=role, operator=east, since=now))
    assert client.get(REPORT).status_code == 403
    assert client.post(REPORT, {"format": "csv", "sheet": "bearers"}).status_code == 403


def test_the_report_costs_the_same_however_much_there_is(
    sale, now, relayed, django_assert_max_num_queries
):
    client = staff_client(make_user(superuser=True))
    client.get(REPORT)
    with django_assert_max_num_queries(STATEMENTS) as used:
        assert client.get(REPORT).status_code == 200
    for _n in range(3):
        mixed_sale(now=now)
    relayed(now)
    with django_assert_max_num_queries(len(used)):
        assert client.get(REPORT).status_code == 200


def test_what_became_of_a_template(sale, now):
    template = sale.coupon.template
    make_coupon(make_member(), template=template)

    life = template_life(template_id=template.pk)
    assert (life.claimed, life.waiting, life.expired, life.uses, life.returned) == (2, 1, 0, 1, 0)
    redemption = Redemption.objects.get()
    assert life.spent_fen == redemption.amount_fen - redemption.returned_fen
    assert sum(life.bearers.values()) == life.spent_fen
    assert set(life.bearers) == set(Template.objects.get(pk=template.pk).sponsor_shares)
    net = sum(line.net_fen - line.refunded_fen for line in sale.order.lines.all())
    assert template_sales(template_id=template.pk) == CouponSales(1, net, 0, 0)
    [today] = template_days(
        template_id=template.pk,
        first=(now + timedelta(hours=8)).date(),
        last=(now + timedelta(hours=8)).date(),
    )
    assert (today.claimed, today.used, today.percent) == (2, 1, 50)


def test_a_coupon_that_came_back_brought_nothing(sale, now, relayed):
    template = sale.coupon.template
    give_back(sale.order, [(0, 2), (1, 2)], now=now)
    relayed(now)

    life = template_life(template_id=template.pk)
    assert (life.waiting, life.uses, life.returned, life.spent_fen) == (1, 1, 1, 0)
    assert set(life.bearers.values()) == {0}
    assert template_sales(template_id=template.pk) == CouponSales(0, 0, 0, 0)


def test_the_templates_page_says_so_at_a_fixed_cost(
    sale, now, relayed, django_assert_max_num_queries
):
    template = sale.coupon.template
    url = reverse("admin:coupons_template_change", args=[template.pk])
    client = staff_client(make_user(superuser=True))
    client.get(url)
    with django_assert_max_num_queries(PAGE_STATEMENTS) as used:
        page = client.get(url).content.decode()
    for text in ("东区公司", "品牌 acme", "带来的订单", "按日领取与使用", 'data-chart="rate"'):
        assert text in page
    for _n in range(3):
        make_coupon(make_member(), template=template)
    with django_assert_max_num_queries(len(used)):
        assert client.get(url).status_code == 200
