"""The log of requests says who called, and believes nobody's invented address."""

import pytest
import structlog
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from structlog.testing import LogCapture

from tests.factories import api_client, make_member, make_product, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def logged():
    before = structlog.get_config()["processors"]
    capture = LogCapture()
    # In place: loggers keep the list that they were made with.
    own = before[:]
    before[:] = [structlog.contextvars.merge_contextvars, capture]
    yield capture.entries
    before[:] = own


@pytest.mark.parametrize(("proxies", "address"), [(0, "10.0.0.9"), (1, "9.9.9.9")])
def test_the_address_is_that_of_the_rate_limits(logged, monkeypatch, proxies, address):
    from rest_framework.settings import api_settings

    monkeypatch.setattr(api_settings, "NUM_PROXIES", proxies)
    Client().get(
        "/no-such-page", REMOTE_ADDR="10.0.0.9", headers={"X-Forwarded-For": "1.2.3.4, 9.9.9.9"}
    )

    (finished,) = [entry for entry in logged if entry["event"] == "request_finished"]
    assert (finished["ip"], finished["code"]) == (address, 404)
    assert finished["request"] == "GET /no-such-page"


def finished(logged) -> list[int | None]:
    return [e.get("user_id") for e in logged if e["event"] == "request_finished"]


def test_callers_are_named_by_session_and_by_token(logged):
    staff, member = make_user(is_staff=True), make_member()
    browser = Client()
    browser.force_login(staff, backend="django.contrib.auth.backends.ModelBackend")

    browser.get("/no-such-page")
    api_client(member).get("/api/v1/me")
    Client().get("/no-such-page")

    assert finished(logged) == [staff.pk, member.user_id, None]


def test_a_session_is_not_looked_up_for_the_log_of_the_api(logged):
    """Whoever is signed in as staff in the same browser is not who calls."""
    make_product()
    browser = Client()
    browser.force_login(make_user(), backend="django.contrib.auth.backends.ModelBackend")
    browser.get("/api/v1/products")

    with CaptureQueriesContext(connection) as caught:
        answer = browser.get("/api/v1/products")

    assert (len(caught), finished(logged)) == (0, [None, None])
    assert "Cookie" not in answer["Vary"]
