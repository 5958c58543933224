"""One fake WeChat for all tests here, emptied before each; the clients point to it."""

import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from config.kernel.wechat import pay
from config.sandbox.wechat import FakeWechat
from config.sandbox.wechat.accounts import APPID, MCHID


@pytest.fixture(scope="session")
def fake_wechat_server(tmp_path_factory) -> Iterator[FakeWechat]:
    with FakeWechat(tmp_path_factory.mktemp("wechat")) as fake:
        yield fake


@pytest.fixture
def wechat(fake_wechat_server, settings) -> FakeWechat:
    settings.WECHAT = fake_wechat_server.config
    settings.GATEWAY_SLOTS = 8
    settings.GATEWAY_TIMEOUT_SECONDS = 4
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    from django.core.cache import cache

    cache.clear()
    fake_wechat_server.post("reset")
    fake_wechat_server.post("behaviour", refund_delay=0)
    return fake_wechat_server


@pytest.fixture
def shopper(wechat) -> dict[str, Any]:
    return wechat.post("users", name="xiaoming", phone="+8613800138000")


@dataclass
class Receiver:
    """A merchant's notify address: keeps what it gets and answers ``statuses`` in turn."""

    url: str
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)

    def parsed(self, index: int = -1) -> pay.Notification:
        headers, body = self.got[index]
        return pay.notification_parse(
            mchid=MCHID, headers=headers, body=body, now=datetime.now(UTC)
        )


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            inbox.got.append((dict(self.headers.items()), body))
            self.send_response(inbox.statuses.pop(0) if inbox.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    inbox = Receiver(f"http://127.0.0.1:{server.server_address[1]}/notify/{MCHID}/")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield inbox
    server.shutdown()
    server.server_close()


_numbers = itertools.count(1)


@pytest.fixture
def prepay(wechat, shopper, receiver) -> Callable[..., str]:
    """Create a payment at the fake; returns its out_trade_no."""

    def create(*, amount_fen: int = 1000, out_trade_no: str | None = None) -> str:
        number = out_trade_no or f"PAY{next(_numbers):08d}"
        pay.gateway(MCHID).prepay_jsapi(
            appid=APPID,
            out_trade_no=number,
            amount_fen=amount_fen,
            description="白茶 50g",
            openid=shopper["openids"][APPID],
            notify_url=receiver.url,
            expires_at=datetime.now(UTC) + timedelta(minutes=15),
        )
        return number

    return create


@pytest.fixture
def paid(prepay, wechat) -> Callable[..., str]:
    """Create a payment and let the shopper pay it; its callback has been delivered."""

    def create(*, amount_fen: int = 1000) -> str:
        number = prepay(amount_fen=amount_fen)
        wechat.post("pay", out_trade_no=number, mchid=MCHID)
        wechat.drain()
        return number

    return create
