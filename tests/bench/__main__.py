"""``./run bench``: the product's hot paths beside floors measured in the same run.

Throughput wanders on shared machines; CPU milliseconds per request hardly do, so ratios are of
CPU (web + PostgreSQL) and within one run. Results: ``build/bench.json`` and a table with the
history of earlier runs.
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
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

from config.sandbox.wechat import FakeWechat
from tests.bench.bench import Bench
from tests.bench.measure import postgres_pid
from tests.bench.rush import CLIENTS as CROWD
from tests.bench.seed import World, seed
from tests.bench.writes import SHOPPERS

RESULT = Path("build/bench.json")
HISTORY = Path("build/bench-history.jsonl")
LOG = Path("build/bench-server.log")


def prepare(n: int) -> World:
    """A fresh database for cases of ``n`` requests."""
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
    return seed(shoppers=n * SHOPPERS + 200)


def start(wechat: FakeWechat, *, threads: str = "") -> tuple[subprocess.Popen, str]:
    """The web server and where it answers."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    threads = threads or os.environ.get("WEB_THREADS", "4")
    command = [sys.executable, "-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1"]
    command += ["--port", str(port), "--workers", "2", "--blocking-threads", threads]
    command += ["--no-ws", "--log-level", "warning", "config.wsgi:application"]
    # Each of its threads may wait for the fake WeChat: what is measured is the login.
    gateway = {"WECHAT_CONFIG": str(wechat.config_path), "GATEWAY_SLOTS": threads}
    RESULT.parent.mkdir(exist_ok=True)
    # Every refusal is a line, and a rush has thousands.
    with LOG.open("ab") as log:
        server = subprocess.Popen(command, env=os.environ | gateway, stderr=log)
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return server, f"http://127.0.0.1:{port}"
        except OSError:
            time.sleep(0.1)
    server.terminate()
    raise SystemExit(f"bench: the web server did not start; see {LOG}")


def stop(server: subprocess.Popen) -> None:
    server.terminate()
    server.wait(timeout=20)


@contextmanager
def crowded(wechat: FakeWechat) -> Iterator[tuple[str, int]]:
    """A server with as many threads, and connections to PostgreSQL, as half of a crowd."""
    server, url = start(wechat, threads=str(CROWD // 4))
    try:
        yield url, server.pid
    finally:
        stop(server)


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
    print(f"claims / plain claims: {document['claim_to_plain']}")
    print("rush:", ", ".join(f"{name} {value}" for name, value in document["rush"].items()))
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
    n = 1_500 if parser.parse_args().full else 300
    with TemporaryDirectory() as folder, FakeWechat(folder) as wechat:
        world = prepare(n)
        server, url = start(wechat)
        bench = Bench(
            n=n,
            world=world,
            wechat=wechat,
            url=url,
            server=server.pid,
            postgres=postgres_pid(),
            crowded=partial(crowded, wechat),
        )
        try:
            bench.run()
        finally:
            stop(server)
            connections.close_all()
    document = bench.document()
    show(document)
    RESULT.write_text(json.dumps(document, indent=2) + "\n")
    with HISTORY.open("a") as history:
        history.write(json.dumps(document) + "\n")
    print(f"\nwritten to {RESULT}")


if __name__ == "__main__":
    main()
