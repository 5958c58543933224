"""Nothing that a client can send is an error of ours, and what is refused changes nothing.

Walks the OpenAPI document: every operation is called rightly once, and then wrongly in every way
that ``odd`` knows. ``HYPOTHESIS_PROFILE=nightly`` sends fifteen times as much.
"""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import override_settings
from drf_spectacular.generators import SchemaGenerator
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from config.kernel import audit
from config.kernel.throttles import CallerThrottle
from coupons import code_guesses
from mall import pos_guesses
from tests.factories import MallClient
from tests.fuzz import odd, world
from tests.fuzz.digest import contents, difference

pytestmark = pytest.mark.django_db
NIGHTLY = settings.get_current_profile_name() == "nightly"
EXAMPLES = 150 if NIGHTLY else 10
# What WeChat signs is refused in its own words; what allauth answers has tests of its own.
OF_WECHAT = {"wechat_payment_notify", "wechat_refund_notify"}
NOT_OURS = {"login"}
TYPES = {"client_error", "validation_error"}


def operations() -> dict[str, SimpleNamespace]:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    return {
        operation["operationId"]: SimpleNamespace(
            id=operation["operationId"],
            path=path,
            method=method,
            parameters=operation.get("parameters", []),
            responses=operation["responses"],
            fields=fields_of(schema, operation),
            idempotent=any(p["name"] == "Idempotency-Key" for p in operation.get("parameters", [])),
        )
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if operation["operationId"] not in NOT_OURS
    }


def fields_of(schema: dict[str, Any], operation: dict[str, Any]) -> list[str]:
    """All names that its body may have, nested ones included."""
    found: set[str] = set()

    def walk(shape: Any, depth: int = 0) -> None:
        if depth > 12:
            return
        if isinstance(shape, dict):
            if "$ref" in shape:
                walk(schema["components"]["schemas"][shape["$ref"].rsplit("/", 1)[1]], depth + 1)
            found.update(shape.get("properties", {}))
            for part in shape.values():
                walk(part, depth + 1)
        elif isinstance(shape, list):
            for part in shape:
                walk(part, depth + 1)

    walk(operation.get("requestBody", {}).get("content", {}).get("application/json", {}))
    return sorted(found)


OPERATIONS = operations()


@contextmanager
def undone() -> Iterator[None]:
    """What happens within is rolled back; as a test's own transaction, it does not count as one
    that must not wait for a network."""
    block = transaction.atomic()
    block._from_testcase = True  # type: ignore[attr-defined]  # Django's mark
    with block:
        yield
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def mall(django_db_setup, django_db_blocker, fake_wechat_server) -> Iterator[SimpleNamespace]:
    """One mall for all of them; each call is undone."""
    patch = pytest.MonkeyPatch()
    # That callers are slowed down is tested where it is decided.
    patch.setattr(CallerThrottle, "THROTTLE_RATES", {})
    patch.setattr(pos_guesses, "MOST", 10**9)
    patch.setattr(code_guesses, "MOST", 10**9)
    logging.disable(logging.WARNING)
    given = {"WECHAT": fake_wechat_server.config, "GATEWAY_SLOTS": 16}
    fake_wechat_server.post("reset")
    with override_settings(**given), django_db_blocker.unblock(), undone():
        built = world.build(fake_wechat_server)
        built.calls, built.contents = world.calls(built), contents()
        yield built
    logging.disable(logging.NOTSET)
    patch.undo()


def address(operation: SimpleNamespace, path: dict[str, str], query: dict[str, str]) -> str:
    found = operation.path
    for name, value in path.items():
        found = found.replace(f"{{{name}}}", quote(value, safe=""))
    asked = "&".join(f"{quote(n)}={quote(v, safe='')}" for n, v in query.items())
    return f"{found}?{asked}" if asked else found


def send(client: MallClient, operation: SimpleNamespace, where: str, body: Any, **headers: str):
    """``body`` as JSON; bytes as they are."""
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    kind = headers.pop("content_type", "application/json")
    if operation.idempotent:
        headers.setdefault("Idempotency-Key", f"fuzz-{uuid4()}")
    if operation.method == "get":
        return client.get(where, headers=headers)
    return client.generic(operation.method.upper(), where, raw, content_type=kind, headers=headers)


def rightly(mall: SimpleNamespace, operation: SimpleNamespace, **headers: str):
    call = mall.calls.get(operation.id, world.Call())
    where = address(operation, call.path, call.query)
    body = call.sent()
    return body, send(client(mall, operation), operation, where, body or {}, **headers)


def client(mall: SimpleNamespace, operation: SimpleNamespace) -> MallClient:
    return world.client_of(mall, operation.path)


def of_house(answer: Any, operation: SimpleNamespace) -> None:
    """A refusal in the one shape that clients read, with a code that stays."""
    assert 400 <= answer.status_code < 500, answer.content[:500]
    assert answer.headers["Content-Type"].startswith("application/json")
    document = answer.json()
    if operation.id in OF_WECHAT and "message" in document:
        assert document["code"] == "FAIL"
        return
    assert set(document) <= {"type", "errors", "extra"}
    assert document["type"] in TYPES
    assert document["errors"]
    for error in document["errors"]:
        assert set(error) == {"code", "detail", "attr"}
        assert re.fullmatch(r"[a-z][a-z0-9_]{1,60}", error["code"])
        assert error["detail"]
    said = answer.content.decode().lower()
    assert not any(word in said for word in ("traceback", "psycopg", "select ", "constraint"))


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_called_rightly_succeeds(mall, name):
    """Else what is refused below would be refused because of what the test's mall lacks."""
    _body, answer = rightly(mall, OPERATIONS[name])

    if name in OF_WECHAT:
        of_house(answer, OPERATIONS[name])
    else:
        assert answer.status_code in (200, 201, 204), answer.content.decode()
        assert str(answer.status_code) in OPERATIONS[name].responses


# Nothing of it is left to be audited; the last test does so once for all.
@pytest.mark.corrupts
@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_operation_called_wrongly_is_refused_and_changes_nothing(mall, name):
    operation = OPERATIONS[name]
    call = mall.calls.get(name, world.Call())

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink) if NIGHTLY else (Phase.generate,),
    )
    @given(st.data())
    def run(data: st.DataObject) -> None:
        with undone():
            body = call.sent()
            before = contents() if callable(call.body) else mall.contents
            answer = wrongly(data, mall, operation, call, body)
            note(f"{answer.status_code} {getattr(answer, 'content', b'')[:300]!r}")
            if answer.status_code >= 400:
                of_house(answer, operation)
                assert difference(before, contents()) == []

    run()


def wrongly(
    data: st.DataObject,
    mall: SimpleNamespace,
    operation: SimpleNamespace,
    call: world.Call,
    body: Any,
) -> Any:
    """The call with something wrong in it: drawn from what there is to be wrong."""
    headers = {"Accept-Language": data.draw(st.sampled_from(["en", "zh-hans", "xx-\x7f"]))}
    path, query = dict(call.path), dict(call.query)
    parts = ["body"] * 4 if body is not None else []
    asked = [p["name"] for p in operation.parameters if p["in"] == "query"]
    parts += ["path"] * bool(path) + ["query"] * 3 * bool(asked)
    if operation.method != "get":
        parts += ["raw"] + ["key"] * operation.idempotent
    sender = client(mall, operation)
    part = data.draw(st.sampled_from([*parts, "caller"]))
    if part == "path":
        path[data.draw(st.sampled_from(sorted(path)))] = data.draw(odd.words)
    elif part == "query":
        for name in data.draw(st.lists(st.sampled_from(asked), min_size=1, max_size=3)):
            query[name] = data.draw(odd.words | st.sampled_from(["\x00", "a" * 1_500]))
    elif part == "body":
        body = data.draw(odd.bodies(body, operation.fields))
    elif part == "raw":
        body = data.draw(st.sampled_from(odd.RAW_BODIES))
        headers["content_type"] = data.draw(
            st.sampled_from(("application/json", *odd.CONTENT_TYPES))
        )
    elif part == "key":
        headers["Idempotency-Key"] = data.draw(st.sampled_from(odd.KEYS))
    else:
        sender = data.draw(st.sampled_from([MallClient(), mall.client, mall.till]))
        headers |= data.draw(strangers)
    where = address(operation, path, query)
    note(f"{operation.method} {where} {str(body)[:500]} {headers}")
    return send(sender, operation, where, {} if body is None else body, **headers)


strangers = st.fixed_dictionaries(
    {},
    optional={
        "X-Cashier": st.sampled_from(["", "x" * 99, "０００７", "a b"]),
        "X-Device-Id": st.sampled_from(["", "x" * 9_000, "设备"]),
        "X-Session-Token": st.sampled_from(["", "x", "x" * 9_000, "令牌", "a\x00"]),
        "Authorization": st.sampled_from(["Terminal", "Terminal x.y", "Terminal 终.端", "x"]),
    },
)


@pytest.mark.parametrize("name", sorted(n for n, o in OPERATIONS.items() if o.idempotent))
def test_a_key_answers_alike_and_takes_no_other_body(mall, name):
    operation = OPERATIONS[name]
    key = {"Idempotency-Key": "fuzz-replayed-key"}
    call = mall.calls.get(name, world.Call())
    where, body = address(operation, call.path, call.query), call.sent() or {}
    first = send(client(mall, operation), operation, where, body, **key)
    before = contents()

    again = send(client(mall, operation), operation, where, body, **key)
    other = send(client(mall, operation), operation, where, {**body, "reason": "other"}, **key)

    assert again.status_code == first.status_code
    assert kept(again) == kept(first)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert other.status_code == 422
    assert other.json()["errors"][0]["code"] == "idempotency_key_reused"
    assert difference(before, contents()) == []


def kept(answer: Any) -> dict[str, Any]:
    """Without what is signed anew for a phone that asks again."""
    return {name: value for name, value in answer.json().items() if name != "params"}


def test_what_was_undone_left_a_sound_mall(mall):
    assert [f.line.code for f in audit.run() if f.violations] == []
