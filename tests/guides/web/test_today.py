"""Today against yesterday, and what has been earned."""

from datetime import timedelta

import pytest

from config.kernel.clock import day_start
from guides.models import Guide
from tests.factories import make_binding, make_member, make_product, staff_client
from tests.guides.sales import handle, paid_event, paid_order, publish_rules, refunded_event

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts, pytest.mark.usefixtures("audited")]

ENGLISH = {"accept-language": "en"}
DAY = timedelta(days=1)


@pytest.fixture
def noon(now, clock_at):
    """Twelve o'clock in Shanghai today; the pages' clock stands there."""
    moment = day_start(now) + timedelta(hours=12)
    clock_at(moment)
    return moment


@pytest.fixture
def week(store, guide, member, noon):
    """Yesterday ¥50.00; today ¥100.00 in two lines and ¥200.00, of which half came back."""
    publish_rules(effective_from=noon - 30 * DAY)
    Guide.objects.update(active_from=noon - 30 * DAY)
    make_binding(member=member, guide=guide, since=noon - DAY)
    make_binding(member=make_member(), guide=guide, since=noon - timedelta(hours=1))
    make_binding(member=make_member(), guide=guide, since=noon - 9 * DAY)
    sold = [
        paid_order(
            member=member,
            store=store,
            lines=[(make_product(name="大衣"), 1, 5_000)],
            paid_at=noon - DAY,
        ),
        paid_order(
            member=member,
            store=store,
            lines=[(make_product(), 1, 4_000), (make_product(), 1, 6_000)],
            paid_at=noon - timedelta(hours=2),
        ),
        paid_order(member=member, store=store, lines=[(make_product(), 2, 20_000)], paid_at=noon),
    ]
    handle(*[paid_event(order) for order in sold], now=noon)
    handle(refunded_event(sold[2], now=noon, p0=10_000), now=noon)
    return sold


def test_the_day_in_figures(week, guide):
    answer = staff_client(guide.user).get("/guide/", headers=ENGLISH)

    assert answer.status_code == 200
    assert answer.context["today"].sales_fen == 20_000
    assert answer.context["today"].orders == 2
    assert answer.context["today"].customers == 1
    assert answer.context["yesterday"].sales_fen == 5_000
    assert answer.context["yesterday"].orders == 1
    assert answer.context["yesterday"].customers == 1
    # 150 + 120 + 180 + 600 − 300
    assert answer.context["commission"].pending_fen == 750
    assert answer.context["commission"].mature_fen == 0
    page = answer.content.decode()
    assert "¥200.00" in page and "yesterday ¥50.00" in page and "¥7.50" in page


def test_a_day_ends_at_midnight_in_shanghai(rules, store, guide, member, now, clock_at):
    midnight = day_start(now)
    make_binding(member=member, guide=guide, since=now - 9 * DAY)
    order = paid_order(member=member, store=store, paid_at=midnight - timedelta(seconds=1))
    handle(paid_event(order), now=now)
    clock_at(midnight)

    answer = staff_client(guide.user).get("/guide/")

    assert answer.context["today"].sales_fen == 0
    assert answer.context["yesterday"].sales_fen == 10_000


def test_a_guide_sees_the_own_figures_only(week, colleague):
    answer = staff_client(colleague.user).get("/guide/")

    assert answer.context["today"].sales_fen == 0
    assert answer.context["commission"].pending_fen == 0
    assert list(answer.context["entries"]) == []


def test_the_number_of_statements_is_fixed(week, guide, django_assert_num_queries):
    client = staff_client(guide.user)
    with django_assert_num_queries(7):  # session, user, guide; sales, customers, sums, entries
        client.get("/guide/")


def test_the_page_speaks_chinese_unless_asked_otherwise(week, guide):
    page = staff_client(guide.user).get("/guide/").content.decode()

    assert '<html lang="zh-hans">' in page
