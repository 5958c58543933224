"""Entries with their reasons, and when they are the guide's for good."""

from datetime import timedelta

import pytest

from mall.models import Order
from tests.factories import make_binding, make_product, staff_client
from tests.guides.sales import handle, paid_event, paid_order, refunded_event

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts, pytest.mark.usefixtures("audited")]

ENGLISH = {"accept-language": "en"}
DAY = timedelta(days=1)


def sell(store, member, now, name="大衣"):
    order = paid_order(
        member=member, store=store, paid_at=now, lines=[(make_product(name=name), 1, 10_000)]
    )
    handle(paid_event(order), now=now)
    return order


def close(order, *, at, state="closed"):
    Order.objects.filter(pk=order.pk).update(state=state, completed_at=order.paid_at, ended_at=at)


def test_an_entry_says_why_it_is_that_much(rules, store, guide, member, now):
    make_binding(member=member, guide=guide)
    order = sell(store, member, now)

    page = staff_client(guide.user).get("/guide/commission/", headers=ENGLISH).content.decode()

    assert order.no in page
    assert "Base: 1 × 大衣, paid ¥100.00." in page
    assert "¥100.00 × 3% = ¥3.00" in page
    assert "you alone, the whole pot of ¥3.00" in page


def test_commission_matures_seven_days_after_the_order_is_closed(
    rules, store, guide, member, now, clock_at
):
    make_binding(member=member, guide=guide, since=now - 20 * DAY)
    ripe, green, open_ = (sell(store, member, now - 12 * DAY) for _each in range(3))
    close(ripe, at=now - 7 * DAY)
    close(green, at=now - 7 * DAY + timedelta(seconds=1))
    clock_at(now)

    answer = staff_client(guide.user).get("/guide/commission/")

    found = {e.attribution.line.order_id: e.mature for e in answer.context["rows"]}
    assert found == {ripe.pk: True, green.pk: False, open_.pk: False}
    assert answer.context["commission"].mature_fen == 300
    assert answer.context["commission"].pending_fen == 600


def test_a_cancelled_order_ends_up_mature_at_nothing(rules, store, guide, member, now):
    make_binding(member=member, guide=guide, since=now - 20 * DAY)
    order = sell(store, member, now - 12 * DAY)
    close(order, at=now - 8 * DAY, state="cancelled")
    handle(refunded_event(order, now=now - 8 * DAY, p0=10_000), now=now)

    answer = staff_client(guide.user).get("/guide/commission/")

    assert [e.amount_fen for e in answer.context["rows"]] == [-300, 300]
    assert answer.context["commission"].mature_fen == 0
    assert answer.context["commission"].pending_fen == 0


def test_entries_come_in_pages_of_a_fixed_number_of_statements(
    rules, store, guide, member, now, django_assert_num_queries
):
    make_binding(member=member, guide=guide)
    for _each in range(21):
        sell(store, member, now)
    client = staff_client(guide.user)

    with django_assert_num_queries(5):  # session, user, guide; sums, entries
        first = client.get("/guide/commission/")
    second = client.get(f"/guide/commission/?before={first.context['next']}")

    assert (len(first.context["rows"]), len(second.context["rows"])) == (20, 1)
    assert second.context["next"] is None
    shown = [e.pk for e in [*first.context["rows"], *second.context["rows"]]]
    assert shown == sorted(shown, reverse=True) and len(set(shown)) == 21


def test_a_cursor_that_is_none_is_passed_over(rules, guide):
    for before in ("x", "-1", "9" * 30):
        answer = staff_client(guide.user).get(f"/guide/commission/?before={before}")
        assert answer.status_code == 200
