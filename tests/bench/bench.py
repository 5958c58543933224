"""A bench: the world that was seeded, the server that is asked, and what its cases cost.

``tests.bench.__main__`` gives it a server of its own and many requests, the suite's smoke test
(``tests/bench/test_bench.py``) the live server and a handful of them.
"""

import json
import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from config.kernel import clock
from config.sandbox.wechat import FakeWechat
from mall.services.quote import Basket, quote
from tests.bench.claims import claims
from tests.bench.measure import Call, Load, cpu_seconds, load, statements
from tests.bench.reads import login, reads
from tests.bench.rush import rush
from tests.bench.seed import Shopper, World
from tests.bench.value import BESIDE, value
from tests.bench.writes import writes

CLIENTS = 8
_LISTED = ("product_list", "product_page", "product_list_cached", "product_page_cached", "quote")
_BESIDE = {
    **dict.fromkeys(_LISTED, "floor_list"),
    "claim": "floor_claim",
    "claim_judged": "floor_claim",
    "claim_rush": "floor_claim",
    **BESIDE,
}


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
    """``n`` requests per case to ``url``; ``server`` and ``postgres`` are the processes whose CPU
    is read. ``crowded`` gives a server with threads for a crowd: its address and its process."""

    def __init__(
        self,
        *,
        n: int,
        world: World,
        wechat: FakeWechat,
        url: str,
        server: int,
        postgres: int,
        crowded: "Callable[[], AbstractContextManager[tuple[str, int]]] | None" = None,
    ) -> None:
        self.n, self.world, self.wechat, self.url = n, world, wechat, url
        self.server, self.postgres = server, postgres
        self.crowded = crowded or self._same_server
        self.clients = CLIENTS
        self.cases: dict[str, Case] = {}
        self.hot_to_spread: list[float] = []
        self.claim_to_plain: list[float] = []
        self.rush: dict[str, Any] = {}
        self.taken = 0

    @contextmanager
    def _same_server(self) -> Iterator[tuple[str, int]]:
        yield self.url, self.server

    def case(
        self, name: str, calls: Sequence[Call], probe: Call | None = None, *, clients: int = 0
    ) -> Case:
        """Measure ``calls``; the first two fifths warm up and count for nothing."""
        clients = clients or self.clients
        sql = statements(self.url, probe or calls[0])
        calls = calls if probe else calls[1:]
        # Every connection must have prepared and planned its statements before it counts.
        warm = len(calls) * 2 // 5
        if warm:
            load(self.url, calls[:warm], clients=clients)
        web, pg = cpu_seconds(self.server), cpu_seconds(self.postgres)
        measured = load(self.url, calls[warm:], clients=clients)
        if measured.wrong:
            raise SystemExit(f"bench: {name}: {measured.wrong} wrong answers: {measured.sample}")
        n = len(calls) - warm
        found = Case(
            load=measured,
            web_cpu_ms=(cpu_seconds(self.server) - web) * 1000 / n,
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
        token = lambda s: (("X-Session-Token", s.token),)  # noqa: E731  shorter than a function

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
        value(self)
        claims(self)
        self.rush = rush(self)
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

    def document(self) -> dict[str, Any]:
        floors = {k: v for k, v in self.cases.items() if k.startswith("floor_")}
        ping = floors["floor_ping"].cpu_ms
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
                    "ratio": round(c.cpu_ms / floors[_BESIDE.get(name, "floor_orm")].cpu_ms, 2),
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
            "claim_to_plain": round(statistics.median(self.claim_to_plain), 2),
            "rush": self.rush,
            "to_floor_sql": round(
                self.cases["place_and_pay"].cpu_ms / floors["floor_sql"].cpu_ms, 2
            ),
            "cached_to_ping": {
                name: round(self.cases[f"{name}_cached"].cpu_ms / ping, 2)
                for name in ("product_list", "product_page")
            },
        }
