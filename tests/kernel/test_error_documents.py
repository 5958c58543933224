"""What clients get when something is refused: one shape, a stable code, two languages."""

import pytest
from django.utils import translation

from coupons.guards import QuotaExhausted
from tests.factories import api_client, make_member, make_template

pytestmark = pytest.mark.django_db
CLAIM = "/api/v1/coupon-templates/twenty/claim"


@pytest.fixture
def sold_out():
    make_template(code="twenty", quota=0)
    return api_client(make_member())


def test_a_refusal_is_one_document_with_a_stable_code(sold_out):
    answer = sold_out.command(CLAIM, HTTP_ACCEPT_LANGUAGE="en")

    assert answer.status_code == 409
    assert answer["Content-Type"] == "application/json"
    assert answer.json() == {
        "type": "client_error",
        "errors": [
            {
                "code": "coupon_sold_out",
                "detail": "All coupons of this kind have been claimed.",
                "attr": None,
            }
        ],
    }


@pytest.mark.parametrize("language", ["zh-hans", "en"])
def test_the_language_changes_the_words_and_not_the_code(sold_out, language):
    answer = sold_out.command(CLAIM, HTTP_ACCEPT_LANGUAGE=language)

    (error,) = answer.json()["errors"]
    with translation.override(language):
        assert error["detail"] == str(QuotaExhausted())
    assert error["code"] == "coupon_sold_out"
    assert answer["Content-Language"] == language


def test_chinese_is_the_default(sold_out):
    assert sold_out.command(CLAIM)["Content-Language"] == "zh-hans"


def test_a_wrong_field_is_named():
    make_template(code="twenty")
    body = {"source_token": "x" * 33}

    answer = api_client(make_member()).command(CLAIM, body)

    assert answer.status_code == 400
    assert answer.json()["type"] == "validation_error"
    (error,) = answer.json()["errors"]
    assert (error["code"], error["attr"]) == ("max_length", "source_token")


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("get", "/api/v1/me", 401, "not_authenticated"),
        ("put", "/api/v1/coupon-templates", 405, "method_not_allowed"),
    ],
)
def test_what_the_framework_refuses_has_the_same_shape(method, path, status, code):
    answer = getattr(api_client(), method)(path)

    assert answer.status_code == status
    assert answer.json()["errors"][0]["code"] == code


def test_a_body_that_is_no_json_is_refused():
    make_template(code="twenty")
    headers = {"Idempotency-Key": "key-00001"}

    answer = api_client(make_member()).post(
        CLAIM, "{not json", content_type="application/json", headers=headers
    )

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "parse_error"


@pytest.mark.parametrize("kind", ["text/xml", "application/x-www-form-urlencoded"])
def test_only_json_is_taken(kind):
    answer = api_client(make_member()).post(CLAIM, "a=b", content_type=kind)

    assert answer.status_code == 415


@pytest.mark.parametrize("path", ["nothing", "pos/tickets/a%20b/void"])
def test_an_address_that_is_none_is_a_refusal_too(path):
    answer = api_client().get(f"/api/v1/{path}", HTTP_ACCEPT_LANGUAGE="en")

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/json")
    assert answer.json() == {
        "type": "client_error",
        "errors": [{"code": "not_found", "detail": "There is no such thing here.", "attr": None}],
    }


def test_people_get_a_page(client):
    answer = client.get("/nothing")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
