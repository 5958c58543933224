"""The cases of what members own: topping up, paying by card at a till, the wallet, and a page
of a statement of 100,000 lines; each in turn with its floor, the cheapest round counts.
"""

import base64
import json
import random
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from config.kernel import clock
from config.kernel.actors import Actor
from config.kernel.numbers import new_no
from config.sandbox.wechat import FakeWechat
from config.sandbox.wechat.accounts import APPID, MCHID
from config.sandbox.wechat.crypto import sealed, signed_headers
from mall.models import Payment
from mall.services.payment_create import payment_create
from mall.services.quote import Basket, quote
from members.guards_code import member_code_use
from members.services.member_code_issue import member_code_issue
from stores.models import Transfer
from tests.bench.measure import Call, Load
from tests.bench.seed import Shopper

if TYPE_CHECKING:
    from tests.bench.bench import Bench, Case

ROUNDS = 3
TOPUP_FEN, TICKET_FEN = 10_000, 1_100
# What the ratio of a case is taken to.
BESIDE = {
    "topup": "floor_topup",
    "pos_pay": "floor_till",
    "wallet": "floor_wallet",
    "statement": "floor_statement",
}


def value(bench: "Bench") -> None:
    best: dict[str, Case] = {}
    for _round in range(ROUNDS):
        for case in (topup, till, wallet, statement):
            for name, found in case(bench).items():
                if name not in best or found.cpu_ms < best[name].cpu_ms:
                    best[name] = found
    bench.cases |= best


def topup(bench: "Bench") -> "dict[str, Case]":
    """Two requests make a top-up: the order, and the callback that puts the lot on the card. What
    lies between them, asking WeChat, is not counted."""
    shoppers = _some(bench)
    floor = bench.case(
        "floor_topup",
        [
            Call("POST", "/floor/topup", _floor_facts(bench, s, TOPUP_FEN), (), 201)
            for s in shoppers
        ],
    )
    ordered = bench.case("topup_order", [_topup_order(s) for s in shoppers])
    paid = bench.case("topup_callback", _callbacks(bench.wechat, shoppers))
    both = type(floor)(
        load=Load(
            rps=1 / (1 / ordered.load.rps + 1 / paid.load.rps),
            p50_ms=ordered.load.p50_ms + paid.load.p50_ms,
            p99_ms=ordered.load.p99_ms + paid.load.p99_ms,
            wrong=0,
            sample="",
        ),
        web_cpu_ms=ordered.web_cpu_ms + paid.web_cpu_ms,
        pg_cpu_ms=ordered.pg_cpu_ms + paid.pg_cpu_ms,
        sql=ordered.sql + paid.sql,
    )
    del bench.cases["topup_order"], bench.cases["topup_callback"]
    return {"floor_topup": floor, "topup": both}


def till(bench: "Bench") -> "dict[str, Case]":
    """A payment at a till by principal and bonus; the member's code was scanned before."""
    shoppers = _some(bench)
    floor = bench.case(
        "floor_till",
        [
            Call("POST", "/floor/till", _floor_facts(bench, s, TICKET_FEN), (), 201)
            for s in shoppers
        ],
    )
    return {"floor_till": floor, "pos_pay": bench.case("pos_pay", _tickets(bench, shoppers))}


def wallet(bench: "Bench") -> "dict[str, Case]":
    shoppers = _some(bench)
    floor = bench.case(
        "floor_wallet", [Call("GET", f"/floor/wallet?member={s.member_id}") for s in shoppers]
    )
    calls = [Call("GET", "/api/v1/me/wallet", headers=_token(s)) for s in shoppers]
    return {"floor_wallet": floor, "wallet": bench.case("wallet", calls)}


def statement(bench: "Bench") -> "dict[str, Case]":
    """A hundred lines from the beginning, the middle and the end of a long statement. One client:
    what is wanted is how long somebody waits."""
    world, n = bench.world, max(bench.n // 10, 4)
    reader = world.reader
    path = f"/api/v1/me/cards/{reader.card_no}/entries?page_size=100"
    lines = Transfer.objects.filter(debit=reader.principal_id).order_by("-pk")
    ids = list(lines.values_list("pk", flat=True))
    deep = [ids[len(ids) * part // 100] for part in (10, 50, 90, 99)]
    pages = [path, *(f"{path}&cursor={_cursor(pk)}" for pk in deep)]
    headers = _token(reader)
    accounts = f"{reader.principal_id},{reader.bonus_id}"
    floor = [Call("GET", f"/floor/statement?accounts={accounts}")] * n
    calls = [Call("GET", pages[i % len(pages)], headers=headers) for i in range(n)]
    return {
        "floor_statement": bench.case("floor_statement", floor, clients=1),
        "statement": bench.case("statement", calls, clients=1),
    }


def _some(bench: "Bench") -> Sequence[Shopper]:
    """Whoever they are: there is enough on every card for all that is measured here."""
    return random.Random(bench.n).sample(bench.world.shoppers, max(bench.n // 2, 4))


def _token(shopper: Shopper) -> tuple[tuple[str, str], ...]:
    return (("X-Session-Token", shopper.token),)


def _cursor(pk: int) -> str:
    """The page that begins after ``pk``, as keyset pagination writes it."""
    return base64.b64encode(urlencode({"p": pk}).encode()).decode()


def _floor_facts(bench: "Bench", shopper: Shopper, amount_fen: int) -> bytes:
    world = bench.world
    return json.dumps(
        {
            "member": shopper.member_id,
            "card": shopper.card_id,
            "product": world.card_product_id,
            "title": "储值",
            "operator": world.operator_id,
            "store": world.store_id,
            "terminal": world.terminal_id,
            "mchid": MCHID,
            "sales": world.sales_id,
            "wechat": world.sales_id,
            "amount": amount_fen,
        }
    ).encode()


def _topup_order(shopper: Shopper) -> Call:
    """As the shopper was quoted; quoting is not part of what is measured."""
    basket = Basket(
        member_id=shopper.member_id,
        store_code="bench",
        topup_card=shopper.card_no,
        amount_fen=TOPUP_FEN,
    )
    body = {
        "store": "bench",
        "topup_card": shopper.card_no,
        "amount_fen": TOPUP_FEN,
        "quote_version": quote(basket=basket, now=clock.now()).document()["version"],
    }
    headers = (*_token(shopper), ("Idempotency-Key", new_no("BK")))
    return Call("POST", "/api/v1/orders", json.dumps(body).encode(), headers, 201)


def _callbacks(wechat: FakeWechat, shoppers: Sequence[Shopper]) -> list[Call]:
    """What WeChat will call back with, signed and sealed for real, for the open top-up of each."""
    merchant = wechat.world.accounts.merchants[MCHID]
    calls = []
    for shopper in shoppers:
        payment = _open_payment(shopper)
        trade = {
            "mchid": MCHID,
            "appid": APPID,
            "out_trade_no": payment.no,
            "transaction_id": f"42{payment.pk:026d}",
            "trade_state": "SUCCESS",
            "amount": {"total": payment.amount_fen, "currency": "CNY"},
            "payer": {"openid": payment.payer_openid},
            "success_time": clock.now().isoformat(),
        }
        hidden = sealed(json.dumps(trade), key=merchant.apiv3_key, associated_data="transaction")
        envelope = {
            "id": new_no("EV"),
            "create_time": clock.now().isoformat(),
            "resource_type": "encrypt-resource",
            "event_type": "TRANSACTION.SUCCESS",
            "resource": {"original_type": "transaction", **hidden},
        }
        body = json.dumps(envelope)
        headers = signed_headers(merchant, body, timestamp=int(time.time()))
        path = f"/api/v1/wechat/notify/{MCHID}/payments"
        calls.append(Call("POST", path, body.encode(), tuple(headers.items())))
    return calls


def _open_payment(shopper: Shopper) -> Payment:
    order_no = shopper.newest_order()
    return payment_create(
        order_no=order_no,
        member_id=shopper.member_id,
        appid=APPID,
        actor=Actor.member(shopper.member_id),
        now=clock.now(),
    )


def _tickets(bench: "Bench", shoppers: Sequence[Shopper]) -> list[Call]:
    world, now, calls = bench.world, clock.now(), []
    for shopper in shoppers:
        code = member_code_issue(member_id=shopper.member_id, now=now)
        by = f"terminal:{world.terminal_no}"
        body = {
            "ticket_no": new_no("BT"),
            "visit": member_code_use(scanned=code.token, by=by, now=now).visit,
            "total_fen": TICKET_FEN,
        }
        headers = (
            ("Authorization", f"Terminal {world.terminal_key}"),
            ("X-Cashier", "0007"),
            ("Idempotency-Key", new_no("BK")),
        )
        calls.append(Call("POST", "/api/v1/pos/tickets", json.dumps(body).encode(), headers, 201))
    return calls
