"""The HTTP server of the fake: HTTP/1.1 with keep-alive, a thread per connection."""

import ipaddress
import json
import logging
import secrets
import socket
import tempfile
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from . import control, miniprogram, page, pay
from .callbacks import Dispatcher
from .crypto import signed_headers
from .world import ControlError, PayError, Request, Response, World, json_response

_log = logging.getLogger(__name__)
_MAX_BODY = 1 << 20


class FakeWechat:
    """One fake WeChat with its data in ``data_dir``; ``port`` 0 takes a free one.

    Usable as a context manager. ``clock`` gives business time in epoch seconds.
    """

    def __init__(
        self,
        data_dir: Path | str | None = None,
        port: int = 0,
        *,
        host: str = "127.0.0.1",
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.data_dir = Path(data_dir or tempfile.mkdtemp(prefix="wechat-"))
        self.world = World(self.data_dir, clock)
        self._server = _Server((host, port), self)
        self.port: int = self._server.server_address[1]
        everywhere = ipaddress.ip_address(host).is_unspecified
        name = "127.0.0.1" if everywhere else host
        self.base_url = f"http://{name}:{self.port}/"
        self.world.accounts.address(self.base_url)
        self.dispatcher = Dispatcher(self.world)
        self.stopping = threading.Event()
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="wechat-http", daemon=True
        )

    @property
    def config(self) -> dict[str, Any]:
        """What settings.WECHAT holds."""
        return self.world.accounts.config

    @property
    def config_path(self) -> Path:
        return self.world.accounts.path

    def start(self) -> Self:
        self.dispatcher.start()
        self._thread.start()
        return self

    def stop(self) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.close_connections()
        self._server.server_close()
        self.dispatcher.stop()
        self.world.store.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def post(self, command: str, **body: Any) -> Any:
        """A control command without the detour over HTTP."""
        return control.command(self.world, self.dispatcher, command, body)

    def get(self, name: str, **where: str) -> list[dict[str, Any]]:
        """One of the control lists without the detour over HTTP."""
        return control.listed(self.world, name, where)

    def drain(self, seconds: float = 10) -> None:
        """Return when every refund has settled and every callback has been answered."""
        left = self.dispatcher.drain(seconds)
        if left:
            raise TimeoutError(f"{left} callbacks or refunds are still open")

    def answer(self, request: Request) -> Response:
        if request.path == "/" or request.path.startswith("/_control/"):
            if not ipaddress.ip_address(request.peer).is_loopback:
                return json_response({"error": "control is for loopback only"}, 403)
            origin = request.headers.get("origin")
            if origin is not None and origin != f"http://{request.headers.get('host')}":
                return json_response({"error": "control is not for other sites' pages"}, 403)
            return self._control(request)
        faults = self.world.faults(request.path)
        if faults["hang"] and self.stopping.wait(faults["hang"]):
            return Response(503)
        if request.path.startswith("/v3/"):
            return self._pay(request, faults)
        if faults["error"]:
            body = {"errmsg": "told to fail"} | faults["error"]
            text = json.dumps(body, ensure_ascii=False)
            return Response(200, text.encode(), "text/plain")
        response = miniprogram.handle(self.world, request)
        if faults["fail_after_success"]:
            return Response(200, b'{"errcode": -1, "errmsg": "system error"}', "text/plain")
        return response

    def _control(self, request: Request) -> Response:
        try:
            if request.path == "/":
                return page.render(self.world)
            return control.handle(self.world, self.dispatcher, request)
        except ControlError as error:
            return json_response({"error": str(error)}, 400)
        except PayError as error:
            return json_response({"error": error.message, "code": error.code}, 400)

    def _pay(self, request: Request, faults: dict[str, Any]) -> Response:
        if faults["error"]:
            body = {"code": "SYSTEM_ERROR", "message": "系统异常，请稍后重试"} | faults["error"]
            return json_response(body, body.pop("status", 500))
        response, merchant = pay.handle(self.world, request)
        if faults["fail_after_success"]:
            response = json_response({"code": "SYSTEM_ERROR", "message": "系统异常"}, 500)
        response.headers["Request-ID"] = secrets.token_hex(16).upper()
        # A bill is a file, and files are not signed.
        if merchant is not None and response.content_type.startswith("application/json"):
            body = response.body.decode()
            signed = body + " " if faults["bad_signature"] else body
            now = int(time.time())
            response.headers |= signed_headers(merchant, signed, timestamp=now)
        return response


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], fake: FakeWechat) -> None:
        self.fake = fake
        self._connections: set[socket.socket] = set()
        self._guard = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._guard:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._guard:
            self._connections.discard(request)
        super().shutdown_request(request)

    def close_connections(self) -> None:
        """Kept-alive connections would otherwise be served after the stop."""
        with self._guard:
            open_connections = list(self._connections)
        for connection in open_connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.debug("a client left", exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "fake-wechat"
    sys_version = ""
    # One segment per answer: unbuffered writes meet delayed ACKs and cost 40 ms each.
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 75
    server: _Server

    def _answer(self) -> None:
        try:
            length = int(self.headers.get("Content-Length") or 0)
        except ValueError:
            length = -1
        if not 0 <= length <= _MAX_BODY:
            self.close_connection = True
            self._send(Response(413))
            return
        request = Request(
            method=self.command,
            target=self.path,
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
            peer=self.client_address[0],
        )
        try:
            response = self.server.fake.answer(request)
        except Exception:  # a client deserves an answer
            if self.server.fake.stopping.is_set():
                self.close_connection = True
                return
            _log.exception("%s %s failed in the fake WeChat", self.command, request.path)
            response = json_response({"code": "SYSTEM_ERROR", "message": "fake"}, 500)
        self._send(response)

    do_GET = do_POST = do_DELETE = _answer

    def _send(self, response: Response) -> None:
        self.send_response(response.status)
        if response.status != 204:
            self.send_header("Content-Type", response.content_type)
            self.send_header("Content-Length", str(len(response.body)))
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(response.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Addresses hold secrets and tokens: nothing is logged per request."""
