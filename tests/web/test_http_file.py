"""docs/api/mall.http is sent, request by request, to a running mall: every step succeeds."""

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.conf import settings

from coupons.models import Coupon
from coupons.services.code_pool import code_pool_create
from mall.models import AfterSale, Order
from members.models import Card
from tests.factories import make_template, moment, publish_policy
from tests.factories.orders import FREIGHT
from tests.mall.discounted import POINTS

FILE = Path(settings.BASE_DIR) / "docs" / "api" / "mall.http"

pytestmark = pytest.mark.django_db(transaction=True)


class Editor:
    """As much of an editor's HTTP client as the file uses: variables, named answers, headers."""

    def __init__(self, host: str) -> None:
        self.http = httpx.Client(timeout=15, trust_env=False)
        self.variables: dict[str, str] = {"host": host}
        self.answers: dict[str, Any] = {}

    def _value(self, match: re.Match[str]) -> str:
        name = match[1]
        if name == "$guid":
            return str(uuid.uuid4())
        if name in self.variables:
            return self.variables[name]
        answer, _, path = name.partition(".response.body.")
        value = self.answers[answer]
        for step in re.findall(r"[^.\[\]]+", path):
            value = value[int(step)] if step.isdigit() else value[step]
        return value if isinstance(value, str) else json.dumps(value)

    def fill(self, text: str) -> str:
        return re.sub(r"\{\{([^}]+)\}\}", self._value, text)

    def send(self, block: str) -> httpx.Response | None:
        head, _, body = block.strip().partition("\n\n")
        name, line, headers = "", "", {}
        for text in head.split("\n"):
            if text.startswith("# @name "):
                name = text.removeprefix("# @name ")
            elif text.startswith("@"):
                variable, value = text[1:].split(" = ", 1)
                if variable != "host":
                    self.variables[variable] = self.fill(value)
            elif re.match(r"(GET|POST|PUT|DELETE) ", text):
                line = self.fill(text)
            elif line and ": " in text:
                key, value = text.split(": ", 1)
                headers[key] = self.fill(value)
        if not line:
            return None
        method, address = line.split(" ", 1)
        content = self.fill(body).encode() if body.strip() else None
        answer = self.http.request(method, address, headers=headers, content=content)
        if name:
            self.answers[name] = answer.json()
        return answer

    def send_all(self, text: str) -> Iterator[httpx.Response]:
        """Each request of a file, its answer as it comes."""
        preamble, *blocks = re.split(r"^###.*\n", text, flags=re.MULTILINE)
        self.send(re.sub(r"^#.*\n", "", preamble, flags=re.MULTILINE))
        for block in blocks:
            answer = self.send(block)
            assert answer is not None, block
            yield answer
        self.http.close()


def with_values(text: str, **values: str) -> str:
    """A file whose variables are set, as who tries it sets them: each of ``values`` stands once."""
    for name, value in values.items():
        text, changed = re.subn(rf"^@{name} = .*$", f"@{name} = {value}", text, flags=re.MULTILINE)
        assert changed == 1
    return text


def test_the_file_is_one_whole_sale(shop):
    publish_policy(kind="points", body=POINTS)
    publish_policy(kind="freight", body=FREIGHT)
    make_template(code="points-15", value=1_500, points_price=300)
    code_pool_create(
        template_id=make_template(public=False, gift_days=7).pk,
        name="公众号推文",
        shared_code="HAOYOU10",
        now=moment(),
    )
    editor = Editor(shop.url)
    sent = []
    for answer in editor.send_all(FILE.read_text(encoding="utf-8")):
        path = answer.request.url.path
        # The last one logs out: allauth answers 401 to say that nobody is logged in any more.
        expected = (401,) if path.endswith("/auth/session") else (200, 201)
        assert answer.status_code in expected, f"{path}: {answer.text[:300]}"
        sent.append(path)
        if path == "/sandbox/pay":
            shop.fake.drain()
    assert len(sent) >= 25
    states = [o.state for o in Order.objects.order_by("pk")]
    assert len(states) == 3 and states[1] == "cancelled"
    assert {states[0], states[2]} <= {"paid", "completed"}
    # The friend has the card, frozen, and the coupon that was given.
    card = Card.objects.get()
    assert (card.state, card.member_id) == ("frozen", Coupon.objects.get(source="code").member_id)
    assert Coupon.objects.filter(source="points").count() == 1
    assert AfterSale.objects.get().lines.get().quantity == 1
