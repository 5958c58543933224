"""Rate limits: per caller when known, per address when not, per scope."""

import time
from types import SimpleNamespace

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from rest_framework.test import APIRequestFactory

from config.kernel import valkey
from config.kernel.auth import Principal
from config.kernel.throttles import CallerThrottle
from tests.factories import api_client, make_member

MINUTE = 1_800_000_000 - 1_800_000_000 % 60


@pytest.fixture(autouse=True)
def rates(monkeypatch):
    rates = {"caller": "3/min", "anonymous": "2/min", "write": "1/min", "login": "1/min"}
    monkeypatch.setattr(CallerThrottle, "THROTTLE_RATES", rates)


@pytest.fixture
def at(monkeypatch):
    def set_time(seconds: float) -> None:
        monkeypatch.setattr(time, "time", lambda: MINUTE + seconds)

    set_time(0)
    return set_time


def allowed(*, member_id: int | None = None, address: str = "10.0.0.1", scope: str | None = None):
    request = APIRequestFactory().get("/", REMOTE_ADDR=address)
    request.user = None
    if member_id:
        request.user = Principal(pk=member_id, is_staff=False, extra={"member_id": member_id})
    return CallerThrottle().allow_request(request, SimpleNamespace(throttle_scope=scope))


def test_a_known_caller_has_their_own_limit(at):
    assert [allowed(member_id=1) for _n in range(4)] == [True, True, True, False]
    assert allowed(member_id=2)


def test_strangers_are_counted_by_address(at):
    assert [allowed() for _n in range(3)] == [True, True, False]
    assert allowed(address="10.0.0.2")


def test_a_scope_is_counted_apart(at):
    assert [allowed(member_id=1, scope="write") for _n in range(2)] == [True, False]
    assert allowed(member_id=1)


def test_a_scope_without_a_rate_is_free(at):
    assert all(allowed(scope="unlimited") for _n in range(50))


def test_the_count_starts_again_with_the_next_window(at):
    assert [allowed(scope="login") for _n in range(2)] == [True, False]
    at(59.9)
    assert not allowed(scope="login")
    at(60)
    assert allowed(scope="login")


def test_a_refusal_says_how_long_to_wait(at):
    at(45)
    request = APIRequestFactory().get("/", REMOTE_ADDR="10.0.0.1")
    request.user = None
    throttle = CallerThrottle()
    throttle.allow_request(request, SimpleNamespace(throttle_scope="login"))

    assert throttle.wait() == 15


@pytest.mark.django_db
def test_over_http_a_refusal_is_429_with_retry_after():
    client = api_client(make_member())
    answers = [client.get("/api/v1/me") for _n in range(4)]

    assert [a.status_code for a in answers[:3]] == [200, 200, 200]
    refused = answers[3]
    if refused.status_code == 200:  # a new minute began in between
        refused = [client.get("/api/v1/me") for _n in range(4)][-1]
    assert refused.status_code == 429
    assert refused.json()["errors"][0]["code"] == "throttled"
    assert 0 < int(refused["Retry-After"]) <= 60


def test_a_counter_ends_with_its_window(at):
    allowed(member_id=1)

    key = valkey.key(f"throttle:caller:member:1:{MINUTE // 60}")
    assert 0 < valkey.client().ttl(key) <= 61


def test_a_counter_that_vanishes_refuses_nobody(at):
    """The server may evict it, or start afresh."""
    assert [allowed(scope="login") for _n in range(2)] == [True, False]
    valkey.client().delete(valkey.key(f"throttle:login:10.0.0.1:{MINUTE // 60}"))

    assert allowed(scope="login")


def test_a_cache_that_is_away_refuses_nobody_and_holds_nobody_up(at, monkeypatch):
    nobody = Redis(port=1, socket_connect_timeout=1, retry=Retry(NoBackoff(), 1))
    monkeypatch.setattr(valkey, "client", lambda: nobody)

    began = time.perf_counter()
    assert all(allowed(scope="login") for _n in range(5))
    assert time.perf_counter() - began < 2


def test_the_client_gives_up_soon():
    """The library's own client would try eleven times."""
    connection = valkey.client().connection_pool.make_connection()
    assert (connection.socket_timeout, connection.socket_connect_timeout) == (1, 1)
    assert connection.retry.get_retries() == 1
