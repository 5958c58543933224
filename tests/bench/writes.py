"""The cases that write, beside the floors of a checkout; what follows a payment; a rush on one SKU.

Each is measured in several rounds, in turn with what it is compared with, because what else the
machine does makes every request dearer and none cheaper: of CPU the cheapest round counts, of the
rush's rates the median.
"""

import random
import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from django.db import connection

from config.kernel import clock
from config.kernel.relay import relay_once
from tests.bench.measure import Call, Load, cpu_seconds, load

if TYPE_CHECKING:
    from tests.bench.bench import Bench, Case

ROUNDS = 3
RUSHES = 5
# How often bench.n buyers are needed, half of them at a time: per round three floors and the
# product, then one rush to warm up and the counted ones, each on one SKU and on many.
SHOPPERS = (ROUNDS * 4 + (1 + RUSHES) * 2) // 2


def writes(bench: "Bench") -> None:
    checkout(bench)
    reactions(bench)
    rush(bench)


def checkout(bench: "Bench") -> None:
    """Place and pay by card with a coupon, two SKUs; the floors do what cannot be left out."""
    n, rng = bench.n // 2, random.Random(1)
    codes = [sku.code for sku in bench.world.skus]
    best: dict[str, Case] = {}
    for _round in range(ROUNDS):
        for floor in ("orm", "sql", "fn"):
            calls = [
                Call("POST", f"/floor/{floor}", bench.floor(s, rng), (), 201)
                for s in bench.shoppers(n)
            ]
            _keep(best, f"floor_{floor}", bench.case(f"floor_{floor}", calls))
        pairs = [rng.sample(codes, 2) for _order in range(n)]
        placed = bench.case("place_and_pay", bench.orders(bench.shoppers(n), pairs))
        _keep(best, "place_and_pay", placed)
    bench.cases |= best


def _keep(best: "dict[str, Case]", name: str, found: "Case") -> None:
    if name not in best or found.cpu_ms < best[name].cpu_ms:
        best[name] = found


def reactions(bench: "Bench") -> None:
    """Everything after payment, per order: what the relay's process and PostgreSQL spend."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM kernel_event"
            " WHERE relayed_at IS NULL AND kind = 'mall.order_paid'"
        )
        orders = cursor.fetchone()[0]
    sql = 0

    def counted(execute: Callable, statement, params, many, context):
        nonlocal sql
        sql += 1
        return execute(statement, params, many, context)

    pg, own, began = cpu_seconds(bench.postgres), time.process_time(), time.perf_counter()
    with connection.execute_wrapper(counted):
        while relay_once(now=clock.now()):
            continue
    each = (time.perf_counter() - began) / orders
    bench.add(
        "reactions",
        Load(1 / each, each * 1000, each * 1000, 0, ""),
        web_cpu_ms=(time.process_time() - own) * 1000 / orders,
        pg_cpu_ms=(cpu_seconds(bench.postgres) - pg) * 1000 / orders,
        sql=round(sql / orders),
    )


def rush(bench: "Bench") -> None:
    """Everybody buys one SKU, and as many buy one of two hundred; in turn, the first to warm up."""
    n, rng = bench.n // 2, random.Random(2)
    codes = [sku.code for sku in bench.world.skus]
    loads: dict[str, list[Load]] = {"spread_skus": [], "hot_sku": []}
    cpu = dict.fromkeys(loads, (0.0, 0.0))
    for turn in range(1 + RUSHES):
        order = list(loads) if turn % 2 else list(reversed(loads))
        for name in order:
            hot = name == "hot_sku"
            baskets = [[codes[0] if hot else rng.choice(codes)] for _buyer in range(n)]
            calls = bench.orders(bench.shoppers(n), baskets)
            web, pg = cpu_seconds(bench.server), cpu_seconds(bench.postgres)
            measured = load(bench.url, calls, clients=bench.clients)
            if measured.wrong:
                raise SystemExit(f"bench: {name}: {measured.wrong} wrong: {measured.sample}")
            if turn:
                loads[name].append(measured)
                cpu[name] = (
                    cpu[name][0] + cpu_seconds(bench.server) - web,
                    cpu[name][1] + cpu_seconds(bench.postgres) - pg,
                )
    for name, found in loads.items():
        bench.add(
            name,
            Load(
                rps=statistics.median(x.rps for x in found),
                p50_ms=statistics.median(x.p50_ms for x in found),
                p99_ms=statistics.median(x.p99_ms for x in found),
                wrong=0,
                sample="",
            ),
            web_cpu_ms=cpu[name][0] * 1000 / (n * RUSHES),
            pg_cpu_ms=cpu[name][1] * 1000 / (n * RUSHES),
            sql=bench.cases["place_and_pay"].sql,
        )
    pairs = zip(loads["hot_sku"], loads["spread_skus"], strict=True)
    bench.hot_to_spread = [one.rps / many.rps for one, many in pairs]
    print("  hot / spread:", *(f"{ratio:.2f}" for ratio in bench.hot_to_spread), flush=True)
