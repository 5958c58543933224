"""Every case and every floor once, with a handful of requests: the figures mean nothing here, but
columns and contracts that have moved on would be seen."""

import os

import pytest
from pytest_django.live_server_helper import LiveServer

from config.kernel.throttles import CallerThrottle
from config.sandbox.wechat import FakeWechat
from tests.bench.bench import Bench
from tests.bench.measure import postgres_pid
from tests.bench.seed import seed
from tests.bench.writes import SHOPPERS

N = 4


@pytest.fixture
def bench(transactional_db, settings, tmp_path, monkeypatch):
    settings.ROOT_URLCONF = "tests.bench.urls"
    settings.MIDDLEWARE = ["tests.bench.probe.StatementCount", *settings.MIDDLEWARE]
    monkeypatch.setattr(CallerThrottle, "THROTTLE_RATES", {})
    # The suite's own live server has loaded its middleware long ago.
    server = LiveServer("localhost")
    with FakeWechat(tmp_path) as wechat:
        settings.WECHAT = wechat.config
        yield Bench(
            n=N,
            world=seed(shoppers=N * SHOPPERS + 60, products=4, lines=300),
            wechat=wechat,
            url=server.url,
            server=os.getpid(),
            postgres=postgres_pid(),
        )
    server.stop()


# The floors write what no rule of ours would let through.
@pytest.mark.corrupts
def test_every_case_answers_and_is_beside_its_floor(bench):
    bench.run()

    document = bench.document()
    assert set(document["cases"]) == {
        *("product_list_cached", "product_page_cached", "product_list", "product_page", "login"),
        *("quote", "place_and_pay", "reactions", "spread_skus", "hot_sku", "claim", "claim_rush"),
        "claim_judged",
        *("topup", "pos_pay", "wallet", "statement"),
    }
    assert set(document["floors"]) == {
        *("floor_ping", "floor_list", "floor_orm", "floor_sql", "floor_fn"),
        "floor_claim",
        *("floor_topup", "floor_till", "floor_wallet", "floor_statement"),
    }
    assert all(case["ratio"] > 0 for case in document["cases"].values())
    assert document["cases"]["place_and_pay"]["sql"] == 12
