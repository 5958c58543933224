"""A fake WeChat and a letter box for its callbacks, which tests hand to the views themselves."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client

from config.sandbox.wechat import FakeWechat
from config.sandbox.wechat.accounts import APPID


@dataclass(frozen=True)
class Letter:
    """A callback as it came: signed, encrypted, addressed to one of our notify views."""

    path: str
    headers: dict[str, str]
    body: bytes

    def hand_over(self, *, path: str = "", body: bytes | None = None, **headers: str) -> Any:
        """Our answer to it, or to what somebody made of it; headers by their names in Python."""
        changed = {name.replace("_", "-"): value for name, value in headers.items()}
        return Client().post(
            path or self.path,
            data=self.body if body is None else body,
            content_type="application/json",
            headers=self.headers | changed,
        )


@dataclass
class LetterBox:
    url: str = ""
    letters: list[Letter] = field(default_factory=list)


@pytest.fixture(scope="session")
def letter_box() -> Iterator[LetterBox]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            signed = {n: v for n, v in self.headers.items() if n.startswith("Wechatpay-")}
            box.letters.append(Letter(self.path, signed, body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    box = LetterBox(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield box
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def fake_wechat(tmp_path_factory) -> Iterator[FakeWechat]:
    with FakeWechat(tmp_path_factory.mktemp("wechat")) as fake:
        yield fake


@pytest.fixture
def wechat(fake_wechat, letter_box, settings) -> FakeWechat:
    """An empty WeChat that calls back to ``letter_box``; refunds are paid out by ``settle``."""
    settings.WECHAT = fake_wechat.config
    settings.PUBLIC_URL = letter_box.url
    settings.GATEWAY_SLOTS = 8
    fake_wechat.post("reset")
    fake_wechat.post("behaviour", refund_delay=3600)
    letter_box.letters.clear()
    return fake_wechat


@pytest.fixture
def settle(wechat) -> Callable[[], None]:
    """WeChat decides on every refund that it has accepted, and its callbacks are delivered."""

    def now() -> None:
        with wechat.world.store.transaction() as db:
            db.execute("UPDATE refund SET settle_at = 0")
        wechat.world.wake()
        wechat.drain()

    return now


@pytest.fixture
def openid(wechat) -> str:
    """The shopper who pays, as the first mini-program knows them."""
    return wechat.post("users", name="xiaoming")["openids"][APPID]
