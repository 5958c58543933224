"""Keyset pages: opaque cursors, no count, nothing skipped or repeated while rows come in."""

import base64

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories import api_client, make_template

pytestmark = pytest.mark.django_db
PATH = "/api/v1/coupon-templates"


def codes(answer) -> list[str]:
    return [row["code"] for row in answer.json()["results"]]


def test_pages_follow_one_another_both_ways():
    for n in range(5):
        make_template(code=f"t{n}")
    client = api_client()

    first = client.get(f"{PATH}?page_size=2")
    second = client.get(first.json()["next"])
    third = client.get(second.json()["next"])

    assert [codes(p) for p in (first, second, third)] == [["t4", "t3"], ["t2", "t1"], ["t0"]]
    assert first.json()["previous"] is None
    assert third.json()["next"] is None
    assert codes(client.get(third.json()["previous"])) == ["t2", "t1"]


def test_a_row_that_comes_in_meanwhile_shifts_nothing():
    for n in range(4):
        make_template(code=f"t{n}")
    client = api_client()
    first = client.get(f"{PATH}?page_size=2")

    make_template(code="new")

    assert codes(client.get(first.json()["next"])) == ["t1", "t0"]


def test_every_page_is_one_statement_without_count_or_offset():
    for n in range(6):
        make_template(code=f"t{n}")
    client = api_client()
    url = f"{PATH}?page_size=2"
    for _page in range(3):
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(url)
        assert len(captured) == 1
        sql = captured[0]["sql"]
        assert "OFFSET" not in sql
        assert 'COUNT(*) AS "__count"' not in sql
        url = answer.json()["next"]


@pytest.mark.parametrize(("asked", "given"), [("1", 1), ("100", 100), ("101", 100), ("0", 20)])
def test_pages_have_at_most_a_hundred_rows(asked, given):
    for n in range(101):
        make_template(code=f"t{n}")

    assert len(codes(api_client().get(f"{PATH}?page_size={asked}"))) == given


@pytest.mark.parametrize(
    "plain", ["nonsense", "o=-1", "o=x", "p=abc", "p=", "p=1&r=x", "p=99999999999999999999", "p=\0"]
)
def test_a_made_up_cursor_is_no_server_error(plain):
    make_template(code="t0")

    answer = api_client().get(PATH, {"cursor": base64.b64encode(plain.encode()).decode()})

    assert answer.status_code in (200, 404), answer.content
    if answer.status_code == 404:
        assert answer.json()["errors"][0]["code"] == "not_found"


def test_a_cursor_shows_no_primary_key_in_plain_sight():
    for n in range(3):
        make_template(code=f"t{n}")

    answer = api_client().get(f"{PATH}?page_size=1")

    assert all("id" not in row for row in answer.json()["results"])
