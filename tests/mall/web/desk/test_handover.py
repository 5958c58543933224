"""Hand-over at the desk, on a phone."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.kernel.models import Event
from stores.services.pickup_token import pickup_token
from tests.factories import make_member, make_staff, make_store, staff_client
from tests.mall.web.desk.pages import SCAN, mark_ready, pickup_of, scan

pytestmark = pytest.mark.django_db


def test_a_scanned_token_hands_over_and_a_second_scan_says_when_and_by_whom(client, sell):
    order = sell()
    mark_ready(client, order)
    token = pickup_token(pickup_of(order))

    done = scan(client, token)
    assert done.status_code == 200
    page = done.content.decode()
    assert 'data-outcome="ok"' in page and order.no in page and "× 2" in page
    order.refresh_from_db()
    assert order.state == "completed"
    pickup = pickup_of(order)
    assert pickup.state == "collected"

    again = scan(client, token)
    assert again.status_code == 409
    page = again.content.decode()
    assert 'data-outcome="refused"' in page and "小李" in page
    assert pickup.collected_at.astimezone().strftime("%Y-%m-%d") in page
    assert Event.objects.filter(to_state="collected", subject_type="pickup").count() == 1


def test_handing_over_takes_as_many_statements_at_many_stores(
    operator, sell, now, django_assert_num_queries
):
    boss = staff_client(make_staff(operator=operator, role="headquarters", since=now))
    tokens = []
    for _ in range(2):
        order = sell()
        boss.post(reverse("desk:stores"), {"store": order.store.code})
        mark_ready(boss, order)
        tokens.append(pickup_token(pickup_of(order)))
    with CaptureQueriesContext(connection) as few:
        assert 'data-outcome="ok"' in scan(boss, tokens[0]).content.decode()
    for n in range(12):
        make_store(operator=operator, name=f"一{n}店")
    with django_assert_num_queries(len(few)):
        assert 'data-outcome="ok"' in scan(boss, tokens[1]).content.decode()


def test_a_scanned_address_and_typed_digits_work_too(client, sell):
    one, two = sell(), sell(member=make_member(phone="+8613800001234"))
    mark_ready(client, one), mark_ready(client, two)
    token = pickup_token(pickup_of(one))
    assert scan(client, f"https://m.example.com/p?c={token.lower()}").status_code == 200
    digits = pickup_of(two).digits
    fragment = scan(client, f" {digits} 1234 ", headers={"HX-Request": "true"})
    assert fragment.status_code == 200
    assert "<html" not in fragment.content.decode()
    assert {pickup_of(one).state, pickup_of(two).state} == {"collected"}


@pytest.mark.parametrize(
    "code", ["", "hello", "12345678", "12345678 0000", "🙂", "'; DROP TABLE", "1" * 5_000]
)
def test_a_wrong_code_is_a_red_screen_and_never_an_error(client, sell, code):
    order = sell()
    mark_ready(client, order)
    answer = scan(client, code, headers={"HX-Request": "true"})
    assert answer.status_code == 404
    assert answer["HX-Refusal"] == "1"
    assert 'data-outcome="refused"' in answer.content.decode()
    assert pickup_of(order).state == "ready"


def test_another_stores_parcel_says_which_store(client, sell, now):
    other = make_store(name="外滩店")
    order = sell(at=other)
    mark_ready(staff_client(make_staff(store=other, since=now)), order)
    answer = scan(client, pickup_token(pickup_of(order)))
    assert answer.status_code == 403
    assert "外滩店" in answer.content.decode()
    assert pickup_of(order).state == "ready"


def test_a_parcel_that_is_not_ready_is_not_handed_over(client, sell):
    order = sell()
    answer = scan(client, pickup_token(pickup_of(order)))
    assert answer.status_code == 409
    assert 'data-outcome="refused"' in answer.content.decode()
    order.refresh_from_db()
    assert (order.state, pickup_of(order).state) == ("paid", "awaiting")


def test_the_scan_page_opens(client):
    page = client.get(SCAN).content.decode()
    assert "autofocus" in page and 'name="code"' in page
