"""The cases that only read, and the login; measured beside a ping and the floor of a list."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from config.sandbox.wechat import FakeWechat
from config.sandbox.wechat.accounts import APPID
from tests.bench.measure import Call, load

if TYPE_CHECKING:
    from tests.bench.bench import Bench, Case

LOGIN = "/_allauth/app/v1/auth/provider/token"
# Nobody knows this parameter, so the answer is neither kept nor taken from the cache.
UNCACHED = "fresh=1"
# Each case is measured so often, in turn with the others, and its cheapest round counts: what else
# the machine does makes every request dearer and none cheaper.
ROUNDS = 3
TIMES = 2


def reads(bench: "Bench") -> None:
    n = bench.n * TIMES
    pages = [f"/api/v1/products/{sku.product.code}?store=bench" for sku in bench.world.skus[:50]]
    cases = {
        "floor_ping": [Call("GET", "/floor/ping")],
        "product_list_cached": [Call("GET", "/api/v1/products")],
        "product_page_cached": [Call("GET", p) for p in pages],
        "floor_list": [Call("GET", "/floor/list")],
        "product_list": [Call("GET", f"/api/v1/products?{UNCACHED}")],
        "product_page": [Call("GET", f"{p}&{UNCACHED}") for p in pages],
    }
    best: dict[str, Case] = {}
    for _round in range(ROUNDS):
        for name, calls in cases.items():
            load(bench.url, calls, clients=2)
            found = bench.case(name, _in_turn(calls, n))
            if name not in best or found.cpu_ms < best[name].cpu_ms:
                best[name] = found
    bench.cases |= best


def _in_turn(calls: Sequence[Call], n: int) -> list[Call]:
    return [calls[i % len(calls)] for i in range(n)]


def login(bench: "Bench", wechat: FakeWechat) -> None:
    """Members who come back. What the fake WeChat spends is not counted: it runs in this
    process, which also sends the requests."""
    people = [f"bench{i}" for i in range(20)]
    for name in people:
        wechat.post("users", name=name)
    calls = []
    for i in range(bench.n + len(people)):
        code = wechat.post("js_code", user=people[i % len(people)], appid=APPID)["js_code"]
        token = {"client_id": APPID, "access_token": code}
        body = {"provider": "weixin_miniprogram", "process": "login", "token": token}
        calls.append(Call("POST", LOGIN, json.dumps(body).encode()))
    first, again = calls[: len(people)], calls[len(people) :]
    load(bench.url, first, clients=2)
    bench.case("login", again)
