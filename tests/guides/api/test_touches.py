"""POST /api/v1/touches."""

import pytest

from config.kernel.actors import SYSTEM
from guides.models import Touch
from guides.services.code_create import code_create
from tests.factories import api_client, make_product, make_user

pytestmark = pytest.mark.django_db

URL = "/api/v1/touches"


@pytest.fixture
def code(guide, now):
    make_product(code="coat", name="大衣")
    return code_create(guide_id=guide.pk, product_code="coat", actor=SYSTEM, now=now)


def test_a_scanned_code_says_whose_and_what(rules, code, member):
    answer = api_client(member).post(URL, {"token": code.token})

    assert answer.status_code == 201
    assert answer.json() == {
        "guide": {"name": "小林"},
        "product": {"code": "coat", "name": "大衣"},
    }
    assert Touch.objects.get().member == member


def test_a_personal_code_has_no_product(rules, guide, member, now):
    code = code_create(guide_id=guide.pk, actor=SYSTEM, now=now)

    answer = api_client(member).post(URL, {"token": code.token})

    assert answer.json() == {"guide": {"name": "小林"}, "product": None}


def test_the_product_looked_at_can_be_said(rules, code, member):
    make_product(code="hat", name="帽子")

    answer = api_client(member).post(URL, {"token": code.token, "product": "hat"})

    assert answer.json()["product"] == {"code": "hat", "name": "帽子"}


@pytest.mark.parametrize(
    ("body", "status", "error"),
    [
        ({}, 400, "required"),
        ({"token": "NOSUCHTOKEN"}, 404, "code_invalid"),
        ({"token": "x" * 33}, 400, "max_length"),
        ({"token": "", "product": "coat"}, 400, "blank"),
    ],
)
def test_a_bad_request_is_refused(rules, code, member, body, status, error):
    answer = api_client(member).post(URL, body)

    assert answer.status_code == status
    assert answer.json()["errors"][0]["code"] == error
    assert not Touch.objects.exists()


def test_an_unknown_product_is_refused(rules, code, member):
    answer = api_client(member).post(URL, {"token": code.token, "product": "nosuch"})

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "product_unknown"
    assert not Touch.objects.exists()


def test_only_members_touch(code):
    assert api_client().post(URL, {"token": code.token}).status_code == 401
    assert api_client(user=make_user()).post(URL, {"token": code.token}).status_code == 403
    assert not Touch.objects.exists()


def test_the_number_of_statements_is_fixed(rules, code, member, django_assert_max_num_queries):
    client = api_client(member)
    with django_assert_max_num_queries(16):
        first = client.post(URL, {"token": code.token})
    with django_assert_max_num_queries(12):  # bound already
        second = client.post(URL, {"token": code.token})

    assert (first.status_code, second.status_code) == (201, 201)
