"""The desk on a phone: who gets in, and what they see."""

from datetime import timedelta

import pytest
from django.urls import reverse

from config.kernel.models import Event
from tests.factories import make_member, make_staff, make_store, make_user, staff_client
from tests.mall.web.desk.pages import QUEUE, SCAN, mark_ready, pickup_of

pytestmark = pytest.mark.django_db


def test_anonymous_visitors_get_the_login_page(client):
    client.logout()
    for url in (QUEUE, SCAN, reverse("desk:order", args=["SO1"])):
        answer = client.get(url)
        assert answer.status_code == 302
        assert answer["Location"] == f"/accounts/login/?next={url}"


@pytest.mark.parametrize("role", ["auditor", "finance"])
def test_whoever_only_looks_at_sales_works_at_no_desk(store, now, role):
    user = make_staff(store=store, role=role, since=now - timedelta(days=1))
    assert staff_client(user).get(QUEUE).status_code == 403


def test_nobody_elses_account_opens_the_desk():
    for user in (make_user(), make_user(is_staff=True), make_user(superuser=True)):
        answer = staff_client(user).get(QUEUE)
        assert answer.status_code == 403
        assert "门店" in answer.content.decode() or "desk" in answer.content.decode()


def test_an_ended_assignment_closes_the_desk(store, now):
    user = make_staff(store=store, since=now - timedelta(days=9), until=now - timedelta(seconds=1))
    assert staff_client(user).get(QUEUE).status_code == 403


def test_who_works_at_several_stores_is_asked_which(store, operator, now):
    other = make_store(operator=operator, name="徐家汇店")
    foreign = make_store(name="加盟店")
    client = staff_client(make_staff(operator=operator, role="manager", since=now))
    asked = client.get(QUEUE)
    assert (asked.status_code, asked["Location"]) == (302, reverse("desk:stores"))
    page = client.get(reverse("desk:stores")).content.decode()
    assert "南京东路店" in page and "徐家汇店" in page and "加盟店" not in page

    assert client.post(reverse("desk:stores"), {"store": foreign.code}).status_code == 404
    chosen = client.post(reverse("desk:stores"), {"store": other.code})
    assert (chosen.status_code, chosen["Location"]) == (302, QUEUE)
    assert "徐家汇店" in client.get(QUEUE).content.decode()


# --- the queue --------------------------------------------------------------------------------


def test_the_queue_shows_this_stores_parcels_by_state(client, store, sell, now):
    waiting, ready, elsewhere = sell(), sell(), sell(at=make_store())
    mark_ready(client, ready)
    queue = client.get(QUEUE).context["queue"]
    assert [p.pickup.order_no for p in queue.awaiting] == [waiting.no]
    assert [p.pickup.order_no for p in queue.ready] == [ready.no]
    assert (queue.waiting, queue.collected) == ([], [])
    assert queue.awaiting[0].pieces == 2
    assert elsewhere.no not in client.get(QUEUE).content.decode()


def test_a_parcel_is_found_by_order_number_or_end_of_phone(client, sell):
    one = sell(member=make_member(phone="+8613800001234"))
    two = sell(member=make_member(phone="+8613800005678"))

    def found(q):
        page = client.get(QUEUE, {"q": q}, headers={"HX-Request": "true"})
        assert "<html" not in page.content.decode()
        return {p.pickup.order_no for p in page.context["queue"].awaiting}

    assert found("1234") == {one.no}
    assert found("5678") == {two.no}
    assert found(one.no) == {one.no}
    assert found(one.no[-6:].lower()) == {one.no}
    assert found("9999") == set()


def test_the_queue_costs_the_same_however_long_it_is(client, sell, django_assert_max_num_queries):
    sell()
    client.get(QUEUE)
    with django_assert_max_num_queries(9) as one:
        client.get(QUEUE)
    sell(), sell()
    with django_assert_max_num_queries(len(one)):
        assert len(client.get(QUEUE).context["queue"].awaiting) == 3


def test_mark_ready_tells_and_moves(client, clerk, sell):
    order = sell()
    answer = mark_ready(client, order, headers={"HX-Request": "true"})
    assert answer.status_code == 200
    assert [p.pickup.order_no for p in answer.context["queue"].ready] == [order.no]
    assert order.no in answer.content.decode()
    assert pickup_of(order).state == "ready"
    event = Event.objects.filter(kind="stores.pickup_changed", to_state="ready").get()
    assert (event.actor_kind, event.actor_id) == ("user", str(clerk.pk))


def test_mark_ready_without_script_leads_back_to_the_queue(client, sell):
    order = sell()
    answer = mark_ready(client, order)
    assert (answer.status_code, answer["Location"]) == (302, QUEUE)
    assert pickup_of(order).state == "ready"


def test_mark_ready_twice_is_refused_in_words(client, sell):
    order = sell()
    mark_ready(client, order)
    answer = mark_ready(client, order, follow=True)
    assert answer.status_code == 200
    assert [m.level_tag for m in answer.context["messages"]] == ["success", "error"]
    assert Event.objects.filter(kind="stores.pickup_changed", to_state="ready").count() == 1


def test_another_stores_order_does_not_exist_here(client, sell):
    order = sell(at=make_store())
    assert mark_ready(client, order).status_code == 404
    assert client.get(reverse("desk:order", args=[order.no])).status_code == 404
    assert pickup_of(order).state == "awaiting"
