"""The log of requests says who called, and believes nobody's invented address."""

import pytest
import structlog
from django.test import Client
from structlog.testing import LogCapture

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
