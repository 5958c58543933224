"""What every part of the fake shares: accounts, state, time, behaviour, and its way to refuse."""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .accounts import Accounts
from .store import Store

CHINA = timezone(timedelta(hours=8))

# What POST /_control/behaviour may change. Callbacks: duplicate (extra copies, sent at once),
# delay (seconds), drop, shuffle, forge, retry (seconds before each further try). Answers: hang
# (seconds before it acts), fail_after_success (acts, then answers 500), bad_signature, error (an
# answer instead of acting: {"errcode": 45011} or {"status": 429, "code": "FREQUENCY_LIMITED"}),
# each for the next `times` requests (None: all) whose path starts with `path`.
BEHAVIOUR: dict[str, Any] = {
    "duplicate": 0,
    "delay": 0,
    "drop": False,
    "shuffle": False,
    "forge": False,
    "retry": [1, 2, 4, 8, 15, 30, 60, 120],
    "hang": 0,
    "fail_after_success": False,
    "bad_signature": False,
    "error": None,
    "times": None,
    "path": "/",
    "refund_delay": 0.2,
    "refund_result": "SUCCESS",
    "clock_offset": 0,
}
_FAULTS = ("hang", "fail_after_success", "bad_signature", "error")


class ApiError(Exception):
    """A refusal of api.weixin.qq.com: HTTP 200 with an errcode."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(errmsg)
        self.errcode = errcode
        self.errmsg = errmsg


class PayError(Exception):
    """A refusal of api.mch.weixin.qq.com: an HTTP status and a code."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


class ControlError(Exception):
    """A control request that makes no sense; answered with 400."""


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    """Names in lower case."""
    body: bytes
    peer: str

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return {k: v[-1] for k, v in parse_qs(urlsplit(self.target).query).items()}

    def json(self) -> dict[str, Any]:
        """The body as an object; raises ValueError when it is anything else."""
        value = json.loads(self.body.decode("utf-8") or "{}")
        if not isinstance(value, dict):
            raise ValueError("not an object")
        return value


@dataclass(slots=True)
class Response:
    status: int
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


def json_response(value: Any, status: int = 200) -> Response:
    return Response(status, json.dumps(value, ensure_ascii=False).encode())


class World:
    """Accounts, state and time of one fake WeChat."""

    def __init__(self, data_dir: Path, clock: Callable[[], float] = time.time) -> None:
        self.accounts = Accounts(data_dir)
        self.store = Store(data_dir / "wechat.sqlite3")
        self.clock = clock
        self.wake: Callable[[], None] = lambda: None

    # Business time may be shifted by tests; schedules run on the real clock.
    def now(self) -> float:
        return self.clock() + self.behaviour()["clock_offset"]

    def behaviour(self) -> dict[str, Any]:
        return BEHAVIOUR | self.store.setting("behaviour", {})

    def behave(self, changes: dict[str, Any]) -> dict[str, Any]:
        unknown = set(changes) - set(BEHAVIOUR)
        if unknown:
            raise ControlError(f"unknown behaviour: {', '.join(sorted(unknown))}")
        with self.store.transaction():
            self.store.setting_put("behaviour", self.store.setting("behaviour", {}) | changes)
        self.wake()
        return self.behaviour()

    def faults(self, path: str) -> dict[str, Any]:
        """What goes wrong with this request; counts ``times`` down."""
        with self.store.transaction():
            behaviour = self.behaviour()
            healthy = {name: BEHAVIOUR[name] for name in _FAULTS}
            armed = any(behaviour[name] for name in _FAULTS)
            if not armed or behaviour["times"] == 0 or not path.startswith(behaviour["path"]):
                return healthy
            if behaviour["times"] is not None:
                self.behave({"times": behaviour["times"] - 1})
            return {name: behaviour[name] for name in _FAULTS}


def rfc3339(moment: float) -> str:
    return datetime.fromtimestamp(moment, CHINA).isoformat(timespec="seconds")


def rfc3339_parse(text: str) -> float:
    """Seconds since the epoch; raises ValueError without an offset or for nonsense."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("no offset")
    return moment.astimezone(UTC).timestamp()


def digits(n: int) -> str:
    return "".join(secrets.choice("0123456789") for _ in range(n))


def opaque(n: int) -> str:
    return secrets.token_urlsafe(n)[:n]
