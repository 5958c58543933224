"""A plain HTTP client for journeys: no Django in here, only what the public can reach."""

import re
import time
import uuid
from collections.abc import Callable
from html import unescape
from typing import Any, TypeVar

import httpx

T = TypeVar("T")


class JourneyFailed(Exception):
    """A step did not do what it should; the text says what was seen."""


def expect(condition: object, seen: str) -> None:
    if not condition:
        raise JourneyFailed(seen)


def eventually(look: Callable[[], T | None], what: str, seconds: float = 20) -> T:
    """Repeat ``look`` until it returns something: reactions come after the relay ran."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise JourneyFailed(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.1)


class Api:
    """The mini-program's side: JSON, a session token, idempotency keys."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=15, trust_env=False)
        self.token = ""

    def request(self, method: str, path: str, *, ok: tuple[int, ...] = (200, 201), **kwargs) -> Any:
        headers = kwargs.pop("headers", {})
        if self.token:
            headers["X-Session-Token"] = self.token
        answer = self.http.request(method, path, headers=headers, **kwargs)
        expect(
            answer.status_code in ok,
            f"{method} {path} answered {answer.status_code}: {answer.text[:500]}",
        )
        return answer.json() if answer.content else None

    def get(self, path: str, **params: Any) -> Any:
        return self.request("GET", f"/api/v1/{path}", params=params)

    def command(self, path: str, data: dict | None = None, *, key: str = "", ok=(200, 201)) -> Any:
        headers = {"Idempotency-Key": key or uuid.uuid4().hex}
        return self.request("POST", f"/api/v1/{path}", json=data or {}, headers=headers, ok=ok)

    def login(self, appid: str, js_code: str) -> None:
        """Mini-program code → session token, through allauth's headless app client."""
        body = {
            "provider": "weixin_miniprogram",
            "process": "login",
            "token": {"client_id": appid, "access_token": js_code},
        }
        answer = self.request("POST", "/_allauth/app/v1/auth/provider/token", json=body)
        self.token = answer["meta"]["session_token"]


class Browser:
    """A signed-in person on server-rendered pages: cookies, CSRF, forms."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=15, trust_env=False, follow_redirects=True)
        self.page = ""

    def open(self, path: str, **params: Any) -> str:
        answer = self.http.get(path, params=params)
        expect(answer.status_code == 200, f"GET {path} answered {answer.status_code}")
        self.page = answer.text
        return self.page

    def submit(self, path: str, ok: tuple[int, ...] = (200,), **fields: Any) -> str:
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', self.page)
        expect(token, f"no form on the page before {path}")
        assert token is not None
        data = {"csrfmiddlewaretoken": token[1], **fields}
        answer = self.http.post(
            path, data=data, headers={"Referer": str(self.http.base_url) + path}
        )
        expect(
            answer.status_code in ok,
            f"POST {path} answered {answer.status_code}: {text_of(answer.text)[:300]}",
        )
        self.page = answer.text
        return self.page

    def sign_in(self, next_path: str, username: str, password: str) -> None:
        page = self.open(next_path)
        expect('name="login"' in page, f"{next_path} did not lead to a login page")
        self.submit(
            f"/accounts/login/?next={next_path}",
            login=username,
            password=password,
            next=next_path,
        )
        expect('name="password"' not in self.page, f"{username} could not sign in")


class Wechat:
    """The person's phone: what a shopper does inside WeChat, played by the fake server."""

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=url, timeout=15, trust_env=False)

    def post(self, what: str, /, **body: Any) -> Any:
        answer = self.http.post(f"/_control/{what}", json=body)
        expect(answer.status_code == 200, f"fake WeChat {what}: {answer.text[:300]}")
        return answer.json()

    def list(self, what: str, /, **where: Any) -> list[dict[str, Any]]:
        answer = self.http.get(f"/_control/{what}", params=where)
        expect(answer.status_code == 200, f"fake WeChat {what}: {answer.text[:300]}")
        return answer.json()


def text_of(page: str) -> str:
    """The words a person sees on a page, one space between them."""
    body = re.sub(r"(?s)<(script|style).*?</\1>|<[^>]+>", " ", page)
    return re.sub(r"\s+", " ", unescape(body)).strip()


def yuan(fen: int) -> str:
    """How pages show an amount."""
    sign = "-" if fen < 0 else ""
    return f"{sign}¥{abs(fen) // 100:,}.{abs(fen) % 100:02d}"
