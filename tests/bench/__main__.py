"""``./run bench``: the product's hot paths beside floors measured in the same run.

Throughput wanders on shared machines; CPU milliseconds per request hardly do, so ratios are of
CPU (web + PostgreSQL) and within one run. Results: ``build/bench.json`` and a table with the
history of earlier runs.
"""

import argparse
import json
import os
import random
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.settings"

import django
import psycopg

django.setup()

from django.conf import settings
from django.core.management import call_command
from django.db import connection, connections

from config.kernel import clock
from config.sandbox.wechat import FakeWechat
from mall.services.quote import Basket, quote
from tests.bench.measure import Call, Load, cpu_seconds, load, statements
from tests.bench.reads import login, reads
from tests.bench.seed import Shopper, World, seed
from tests.bench.writes import SHOPPERS, writes

RESULT = Path("build/bench.json")
HISTORY = Path("build/bench-history.jsonl")
CLIENTS = 8


@dataclass
class Case:
    """One measured case; CPU is per request, ``sql`` of one request."""

    load: Load
    web_cpu_ms: float
    pg_cpu_ms: float
    sql: int

    @property
    def cpu_ms(self) -> float:
        return self.web_cpu_ms + self.pg_cpu_ms


class Bench:
    def __init__(self, full: bool, wechat: FakeWechat) -> None:
        self.wechat = wechat
        self.n = 1_500 if full else 300
        self.world: World
        self.clients = CLIENTS
        self.cases: dict[str, Case] = {}
        self.hot_to_spread: list[float] = []
        self.taken = 0

    # -- servers ----------------------------------------------------------------------------

    def prepare(self) -> None:
        database = settings.DATABASES["default"]
        outside = connection.get_connection_params()
        name = database["NAME"]
        with psycopg.connect(
            dbname="postgres",
            host=outside.get("host"),
            user=outside.get("user"),
            password=outside.get("password"),
            autocommit=True,
        ) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
            admin.execute(f'CREATE DATABASE "{name}"')
        call_command("migrate", verbosity=0)
        print("filling the database …", flush=True)
        # Nobody buys twice: a card and a coupon are as they were seeded.
        self.world = seed(shoppers=self.n * SHOPPERS + 200)
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            backend = cursor.fetchone()[0]
        self.postgres = int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])

    def start(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        threads = os.environ.get("WEB_THREADS", "4")
        command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
        command += ["--port", str(port), "--workers", "2", "--blocking-threads", threads]
        command += ["--no-ws", "--log-level", "warning", "config.wsgi:application"]
        # Each of its threads may wait for the fake WeChat: what is measured is the login.
        gateway = {"WECHAT_CONFIG": str(self.wechat.config_path), "GATEWAY_SLOTS": threads}
        self.server = subprocess.Popen(command, env=os.environ | gateway)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    return
            except OSError:
                time.sleep(0.1)
        raise SystemExit("bench: the web server did not start")

    # -- cases ------------------------------------------------------------------------------

    def case(self, name: str, calls: Sequence[Call], probe: Call | None = None) -> Case:
        """Measure ``calls``; the first two fifths warm up and count for nothing."""
        sql = statements(self.url, probe or calls[0])
        calls = calls if probe else calls[1:]
        # Every connection must have prepared and planned its statements before it counts.
        warm = len(calls) * 2 // 5
        load(self.url, calls[:warm], clients=CLIENTS)
        web, pg = cpu_seconds(self.server.pid), cpu_seconds(self.postgres)
        measured = load(self.url, calls[warm:], clients=CLIENTS)
        if measured.wrong:
            raise SystemExit(f"bench: {name}: {measured.wrong} wrong answers: {measured.sample}")
        n = len(calls) - warm
        found = Case(
            load=measured,
            web_cpu_ms=(cpu_seconds(self.server.pid) - web) * 1000 / n,
            pg_cpu_ms=(cpu_seconds(self.postgres) - pg) * 1000 / n,
            sql=sql,
        )
        self.cases[name] = found
        print(f"  {name}: {found.cpu_ms:.2f} ms CPU", flush=True)
        return found

    def shoppers(self, n: int) -> list[Shopper]:
        found = self.world.shoppers[self.taken : self.taken + n]
        self.taken += n
        if len(found) < n:
            raise SystemExit("bench: too few shoppers were seeded")
        return found

    def run(self) -> None:
        n, rng = self.n, random.Random(1)
        codes = [sku.code for sku in self.world.skus]
        token = lambda s: (("X-Session-Token", s.token),)  # noqa: E731

        reads(self)
        login(self, self.wechat)

        readers = self.world.shoppers[:50]
        self.case(
            "quote",
            [
                Call("POST", "/api/v1/quotes", self._basket([rng.choice(codes)], s), token(s))
                for s in (readers * (n // 50 + 1))[:n]
            ],
        )
        writes(self)
        self.case(
            "claim",
            [
                Call(
                    "POST",
                    f"/api/v1/coupon-templates/{self.world.claimable.code}/claim",
                    b"{}",
                    (*token(s), ("Idempotency-Key", f"claim-{s.member_id:09d}")),
                    201,
                )
                for s in self.world.shoppers[:n]
            ],
        )
        self._oversell()

    def _basket(self, skus: list[str], shopper: Shopper, version: str = "") -> bytes:
        body: dict[str, Any] = {
            "store": "bench",
            "lines": [{"sku": code, "quantity": 1} for code in skus],
            "coupons": [shopper.coupon_no],
            "use_card": True,
        }
        if version:
            body["quote_version"] = version
        return json.dumps(body).encode()

    def orders(self, shoppers: list[Shopper], baskets: list[list[str]]) -> list[Call]:
        """Orders as their shoppers were quoted; quoting is not part of what is measured."""
        calls = []
        for shopper, skus in zip(shoppers, baskets, strict=True):
            basket = Basket(
                member_id=shopper.member_id,
                store_code="bench",
                lines=tuple((code, 1) for code in skus),
                coupon_nos=(shopper.coupon_no,),
                use_card=True,
            )
            version = quote(basket=basket, now=clock.now()).document()["version"]
            headers = (
                ("X-Session-Token", shopper.token),
                ("Idempotency-Key", f"order-{shopper.member_id:09d}"),
            )
            body = self._basket(skus, shopper, version)
            calls.append(Call("POST", "/api/v1/orders", body, headers, 201))
        return calls

    def floor(self, shopper: Shopper, rng: random.Random) -> bytes:
        skus = rng.sample(self.world.skus, 2)
        facts = {
            "skus": [sku.pk for sku in skus],
            "coupon": shopper.coupon_id,
            "member": shopper.member_id,
            "operator": self.world.operator_id,
            "store": self.world.store_id,
            "sales": self.world.sales_id,
            "principal": shopper.principal_id,
            "bonus": shopper.bonus_id,
            "gross": sum(sku.price_fen for sku in skus),
            "off": self.world.template.value,
        }
        return json.dumps(facts).encode()

    def add(self, name: str, found: Load, **figures: Any) -> None:
        """A case that was measured by other means than :meth:`case`."""
        self.cases[name] = Case(found, **figures)
        print(f"  {name}: {self.cases[name].cpu_ms:.2f} ms CPU", flush=True)

    def _oversell(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM mall_stock WHERE on_hand < reserved")
            if cursor.fetchone()[0]:
                raise SystemExit("bench: stock was oversold")

    # -- results ----------------------------------------------------------------------------

    def document(self) -> dict[str, Any]:
        floors = {k: v for k, v in self.cases.items() if k.startswith("floor_")}
        listed = {
            *("product_list", "product_page", "product_list_cached", "product_page_cached"),
            "quote",
        }
        ping = floors["floor_ping"].cpu_ms
        list_floor, orm_floor = floors["floor_list"].cpu_ms, floors["floor_orm"].cpu_ms
        return {
            "at": datetime.now().astimezone().isoformat(timespec="seconds"),
            "requests_per_case": self.n,
            "clients": CLIENTS,
            "cases": {
                name: {
                    "rps": round(c.load.rps, 1),
                    "p50_ms": round(c.load.p50_ms, 2),
                    "p99_ms": round(c.load.p99_ms, 2),
                    "web_cpu_ms": round(c.web_cpu_ms, 3),
                    "pg_cpu_ms": round(c.pg_cpu_ms, 3),
                    "sql": c.sql,
                    "ratio": round(c.cpu_ms / (list_floor if name in listed else orm_floor), 2),
                }
                for name, c in self.cases.items()
                if name not in floors
            },
            "floors": {
                name: {
                    "web_cpu_ms": round(c.web_cpu_ms, 3),
                    "pg_cpu_ms": round(c.pg_cpu_ms, 3),
                    "rps": round(c.load.rps, 1),
                    "sql": c.sql,
                }
                for name, c in floors.items()
            },
            "hot_to_spread": round(statistics.median(self.hot_to_spread), 2),
            "hot_to_spread_rounds": [round(ratio, 2) for ratio in self.hot_to_spread],
            "to_floor_sql": round(
                self.cases["place_and_pay"].cpu_ms / floors["floor_sql"].cpu_ms, 2
            ),
            "cached_to_ping": {
                name: round(self.cases[f"{name}_cached"].cpu_ms / ping, 2)
                for name in ("product_list", "product_page")
            },
        }


def show(document: dict[str, Any]) -> None:
    head = f"{'case':<20}{'req/s':>8}{'p50':>8}{'p99':>8}{'web':>8}{'pg':>8}{'sql':>5}{'ratio':>7}"
    print(f"\n{head}   (ms; CPU per request)")
    for name, c in document["cases"].items():
        print(
            f"{name:<20}{c['rps']:>8}{c['p50_ms']:>8}{c['p99_ms']:>8}{c['web_cpu_ms']:>8.2f}"
            f"{c['pg_cpu_ms']:>8.2f}{c['sql']:>5}{c['ratio']:>7}"
        )
    for name, c in document["floors"].items():
        print(
            f"{name:<20}{c['rps']:>8}{'':>16}{c['web_cpu_ms']:>8.2f}{c['pg_cpu_ms']:>8.2f}"
            f"{c['sql']:>5}"
        )
    print(f"place_and_pay / floor_sql: {document['to_floor_sql']}")
    rounds = ", ".join(map(str, document["hot_to_spread_rounds"]))
    print(f"hot SKU / spread SKUs: {document['hot_to_spread']}, the median of {rounds}")
    for name, times in document["cached_to_ping"].items():
        print(f"{name}_cached / ping: {times}")
    if HISTORY.exists():
        print("\nearlier runs (ratio of place_and_pay, product_list; reactions in ms)")
        for line in HISTORY.read_text().splitlines()[-5:]:
            old = json.loads(line)
            cases = old["cases"]
            reactions = cases["reactions"]["web_cpu_ms"] + cases["reactions"]["pg_cpu_ms"]
            print(
                f"  {old['at']}  {cases['place_and_pay']['ratio']:>5}"
                f"  {cases['product_list']['ratio']:>5}  {reactions:.2f}"
            )


def main() -> None:
    parser = argparse.ArgumentParser(prog="./run bench", description=__doc__)
    parser.add_argument("--full", action="store_true", help="five times as many requests")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder, FakeWechat(folder) as wechat:
        bench = Bench(arguments.full, wechat)
        bench.prepare()
        bench.start()
        try:
            bench.run()
        finally:
            bench.server.terminate()
            bench.server.wait(timeout=20)
            connections.close_all()
    document = bench.document()
    show(document)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(document, indent=2) + "\n")
    with HISTORY.open("a") as history:
        history.write(json.dumps(document) + "\n")
    print(f"\nwritten to {RESULT}")


if __name__ == "__main__":
    main()
