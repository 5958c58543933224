"""Callbacks: encrypted, signed, retried, and as unreliable as the behaviour asks for.

Source: WeChat Pay API v3, "支付成功回调通知": 200 or 204 within five seconds is a receipt,
anything else is tried again with the same notification id.
"""

import base64
import json
import logging
import secrets
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from . import refunds
from .crypto import sealed, signed_headers
from .world import ControlError, World, rfc3339

ANSWER_SECONDS = 5
_SHUFFLE_SECONDS = 0.5
_SUMMARIES = {
    "TRANSACTION.SUCCESS": "支付成功",
    "REFUND.SUCCESS": "退款成功",
    "REFUND.ABNORMAL": "退款异常",
    "REFUND.CLOSED": "退款关闭",
}
FORGERIES = ("key", "serial", "body", "stale", "probe")
_log = logging.getLogger(__name__)


def enqueue(
    world: World, *, mchid: str, url: str, event_type: str, reference: str, resource: dict[str, Any]
) -> None:
    """Queue one notification; call it in the transaction of what it tells."""
    behaviour = world.behaviour()
    with world.store.transaction() as db:
        db.execute(
            "INSERT INTO callback VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, ?)",
            (
                str(uuid.uuid4()),
                mchid,
                url,
                event_type,
                reference,
                json.dumps(resource, ensure_ascii=False),
                world.now(),
                "dropped" if behaviour["drop"] else "pending",
                time.time() + behaviour["delay"],
            ),
        )
    world.wake()


def redeliver(world: World, *, reference: str | None = None) -> int:
    """Queue again what was delivered, dropped or given up; all of it, or one order's."""
    with world.store.transaction() as db:
        done = db.execute(
            "UPDATE callback SET state = 'pending', tries = 0, next_at = ?"
            " WHERE ? IS NULL OR reference = ?",
            (time.time(), reference, reference),
        )
    world.wake()
    return done.rowcount


class Dispatcher:
    """A thread that settles refunds and sends callbacks when they are due."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._wake = threading.Event()
        self._stopping = False
        self._in_flight: set[str] = set()
        self._guard = threading.Lock()
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="wechat-callback")
        self._copies = ThreadPoolExecutor(16, thread_name_prefix="wechat-callback-copy")
        self._http = httpx.Client(timeout=ANSWER_SECONDS, trust_env=False)
        self._stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self._thread = threading.Thread(target=self._run, name="wechat-dispatcher", daemon=True)
        world.wake = self._wake.set

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()
        self._thread.join()
        self._pool.shutdown(cancel_futures=True)
        self._copies.shutdown()
        self._http.close()

    def drain(self, seconds: float) -> int:
        """Wait until nothing is on its way; returns how much still is when time runs out."""
        deadline = time.monotonic() + seconds
        while (left := self._open()) and time.monotonic() < deadline:
            time.sleep(0.01)
        return left

    def forge(self, callback: dict[str, Any], kind: str) -> int:
        """Send one callback that must be refused; returns the status it was answered with."""
        merchant = self._world.accounts.merchants[callback["mchid"]]
        now = int(self._world.now())
        doctored = json.loads(callback["resource"])
        doctored.setdefault("amount", {})["total"] = 1
        stolen = self._envelope(callback, json.dumps(doctored), key=secrets.token_hex(16))
        genuine = self._envelope(callback, callback["resource"], key=merchant.apiv3_key)
        if kind == "key":
            body, headers = (
                stolen,
                signed_headers(merchant, stolen, timestamp=now, key=self._stranger),
            )
        elif kind == "serial":
            body, headers = (
                stolen,
                signed_headers(merchant, stolen, timestamp=now, key=self._stranger),
            )
            headers["Wechatpay-Serial"] = secrets.token_hex(20).upper()
        elif kind == "body":
            body, headers = stolen, signed_headers(merchant, genuine, timestamp=now)
        elif kind == "stale":
            body, headers = genuine, signed_headers(merchant, genuine, timestamp=now - 3600)
        elif kind == "probe":
            body, headers = genuine, signed_headers(merchant, genuine, timestamp=now)
            noise = base64.b64encode(secrets.token_bytes(256)).decode()
            headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + noise
        else:
            raise ControlError(f"forgeries are {', '.join(FORGERIES)}")
        return self._post(callback, body, headers, f"forged:{kind}")

    def _run(self) -> None:
        while not self._stopping:
            try:
                refunds.settle_due(self._world)
                self._dispatch()
            except Exception:  # the thread must outlive any one callback
                _log.exception("the dispatcher of the fake WeChat stumbled")
            self._wake.wait(0.05 if self._open() else 5)
            self._wake.clear()

    def _dispatch(self) -> None:
        now = time.time()
        rows = self._world.store.rows(
            "SELECT * FROM callback WHERE state = 'pending' AND next_at <= ? ORDER BY created_at",
            now,
        )
        with self._guard:
            due = [row for row in rows if row["id"] not in self._in_flight]
            if not due:
                return
            shuffle = self._world.behaviour()["shuffle"]
            if shuffle and now - min(row["next_at"] for row in due) < _SHUFFLE_SECONDS:
                return
            self._in_flight.update(row["id"] for row in due)
        if shuffle:  # the exact reverse: a shuffle that is never the original order
            self._pool.submit(self._deliver_all, due[::-1])
            return
        for row in due:
            self._pool.submit(self._deliver, row)

    def _deliver_all(self, due: list[dict[str, Any]]) -> None:
        for row in due:
            self._deliver(row)

    def _deliver(self, callback: dict[str, Any]) -> None:
        try:
            behaviour = self._world.behaviour()
            if behaviour["forge"]:
                for kind in FORGERIES:
                    self.forge(callback, kind)
            merchant = self._world.accounts.merchants[callback["mchid"]]
            body = self._envelope(callback, callback["resource"], key=merchant.apiv3_key)

            def send(kind: str) -> int:
                headers = signed_headers(merchant, body, timestamp=int(self._world.now()))
                return self._post(callback, body, headers, kind)

            # Copies leave together: concurrent duplicates are the hard ones.
            kinds = ["genuine"] + ["duplicate"] * behaviour["duplicate"]
            statuses = list(self._copies.map(send, kinds))
            self._record(callback, received=any(status in (200, 204) for status in statuses))
        except Exception:  # a pool would swallow it
            if not self._stopping:
                _log.exception("callback %s could not be sent", callback["id"])
        finally:
            with self._guard:
                self._in_flight.discard(callback["id"])

    def _envelope(self, callback: dict[str, Any], resource: str, *, key: str) -> str:
        kind = "refund" if callback["event_type"].startswith("REFUND") else "transaction"
        envelope = {
            "id": callback["id"],
            "create_time": rfc3339(callback["created_at"]),
            "resource_type": "encrypt-resource",
            "event_type": callback["event_type"],
            "summary": _SUMMARIES[callback["event_type"]],
            "resource": {"original_type": kind} | sealed(resource, key=key, associated_data=kind),
        }
        return json.dumps(envelope, ensure_ascii=False)

    def _post(self, callback: dict[str, Any], body: str, headers: dict[str, str], kind: str) -> int:
        """The status of the answer, 0 when there was none; every attempt is recorded."""
        headers = headers | {"Content-Type": "application/json", "User-Agent": "Mozilla/4.0"}
        try:
            answer = self._http.post(callback["url"], content=body.encode(), headers=headers)
            status, text = answer.status_code, answer.text[:500]
        except httpx.HTTPError as error:
            status, text = 0, type(error).__name__
        with self._world.store.transaction() as db:
            db.execute(
                "INSERT INTO delivery (callback, kind, at, status, answer) VALUES (?, ?, ?, ?, ?)",
                (callback["id"], kind, time.time(), status, text),
            )
        return status

    def _record(self, callback: dict[str, Any], *, received: bool) -> None:
        tries, schedule = callback["tries"] + 1, self._world.behaviour()["retry"]
        state, next_at = "delivered", 0.0
        if not received and tries <= len(schedule):
            state, next_at = "pending", time.time() + schedule[tries - 1]
        elif not received:
            state = "failed"
        with self._world.store.transaction() as db:
            db.execute(
                "UPDATE callback SET state = ?, tries = ?, next_at = ? WHERE id = ?",
                (state, tries, next_at, callback["id"]),
            )

    def _open(self) -> int:
        row = self._world.store.one(
            "SELECT (SELECT count(*) FROM callback WHERE state = 'pending')"
            " + (SELECT count(*) FROM refund WHERE status = 'PROCESSING') AS n"
        )
        with self._guard:
            return int(row["n"]) + len(self._in_flight)
