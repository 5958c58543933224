"""A guide's customers: masked, searchable, with what they bought at the guide's employer."""

from datetime import timedelta

import pytest

from tests.factories import make_binding, make_member, make_product, make_store, staff_client
from tests.guides.sales import paid_order

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts, pytest.mark.usefixtures("audited")]

DAY = timedelta(days=1)


@pytest.fixture
def people(guide, colleague, now):
    """Two customers of the guide; one who has left, one of the colleague."""
    ming = make_member(nickname="小明", phone="+8613812345678")
    hong = make_member(nickname="小红", phone="+8613987654321")
    make_binding(member=ming, guide=guide, since=now - 3 * DAY)
    make_binding(member=hong, guide=guide, since=now - 2 * DAY)
    make_binding(member=make_member(), guide=guide, since=now - 9 * DAY, until=now - DAY)
    make_binding(member=make_member(), guide=colleague)
    return ming, hong


def test_customers_with_what_they_bought(people, guide, store, now):
    ming, hong = people
    paid_order(member=ming, store=store, paid_at=now - 2 * DAY)
    last = paid_order(
        member=ming, store=store, paid_at=now - DAY, lines=[(make_product(), 2, 6_000)]
    )
    last.lines.update(refunded_fen=3_000)
    paid_order(member=ming, store=make_store(), paid_at=now)  # another operator's business
    paid_order(member=ming, store=store, paid_at=now, state="cancelled", ended_at=now)

    answer = staff_client(guide.user).get("/guide/customers/")

    rows = [(b.member, b.spent_fen, b.last_paid_at) for b in answer.context["rows"]]
    assert rows == [(hong, 0, None), (ming, 13_000, now - DAY)]


def test_phones_are_masked(people, guide):
    page = staff_client(guide.user).get("/guide/customers/").content.decode()

    assert "138****5678" in page
    assert "13812345678" not in page


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("明", ["小明"]),
        ("小", ["小红", "小明"]),
        ("5678", ["小明"]),
        ("678", []),
        ("86138", []),
        ("%", []),
        ("nobody", []),
    ],
)
def test_search(people, guide, q, found):
    answer = staff_client(guide.user).get("/guide/customers/", {"q": q})

    assert [b.member.nickname for b in answer.context["rows"]] == found


def test_a_member_number_finds_its_member(people, guide):
    answer = staff_client(guide.user).get("/guide/customers/", {"q": people[0].no})

    assert [b.member for b in answer.context["rows"]] == [people[0]]


def test_htmx_gets_the_list_alone(people, guide):
    client = staff_client(guide.user)

    answer = client.get("/guide/customers/?q=明", headers={"hx-request": "true"})

    page = answer.content.decode()
    assert "小明" in page and "小红" not in page
    assert "<html" not in page


def test_the_list_is_paged_and_costs_a_fixed_number_of_statements(
    guide, store, now, django_assert_num_queries
):
    for _each in range(21):
        member = make_member()
        make_binding(member=member, guide=guide)
        paid_order(member=member, store=store)
    client = staff_client(guide.user)

    with django_assert_num_queries(4):  # session, user, guide; customers
        first = client.get("/guide/customers/")
    second = client.get(f"/guide/customers/?before={first.context['next']}")

    assert (len(first.context["rows"]), len(second.context["rows"])) == (20, 1)
    assert b"before=" in first.content
