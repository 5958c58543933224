"""The API reference says enough of every operation, and what it says is true."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from django.conf import settings
from django.test import Client
from django.utils.translation import get_language
from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

from config.apidocs import SchemaView, markdown
from config.kernel import refusals
from tests.web import postman

FOLDER = Path(settings.BASE_DIR) / "docs" / "api"
# Nothing comes back, or what is no JSON.
NO_EXAMPLE = {"me_consents_destroy", "me_cards_entries_csv", "me_card_statement_file"}


@pytest.fixture(scope="module")
def schema() -> dict[str, Any]:
    return SchemaGenerator().get_schema(public=True)


def operations(schema) -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (path, method, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
    ]


def examples(operation) -> list[tuple[str, Any, Any]]:
    """(where, schema, value) of each example of an operation."""
    found = []
    parts = {"request": operation.get("requestBody", {}), **operation["responses"]}
    for where, part in parts.items():
        media = part.get("content", {}).get("application/json", {})
        for example in media.get("examples", {}).values():
            found.append((where, media["schema"], example["value"]))
    return found


def test_the_schema_is_valid(schema):
    validate_schema(schema)


def test_the_schema_is_made_without_a_warning():
    """Two sets of choices under one name are told apart by a number unless they are named."""
    GENERATOR_STATS.reset()

    SchemaGenerator().get_schema(public=True)

    assert [*GENERATOR_STATS._warn_cache, *GENERATOR_STATS._error_cache] == []


def test_every_operation_has_words_and_an_example(schema):
    bare = []
    for path, method, operation in operations(schema):
        success = [w for w, _, _ in examples(operation) if w in ("200", "201")]
        name = operation["operationId"]
        if not operation.get("summary") or len(operation.get("description", "")) < 20:
            bare.append(f"{method} {path}: no words")
        if not success and name not in NO_EXAMPLE:
            bare.append(f"{method} {path}: no answer shown")
        if "requestBody" in operation and not any(
            w == "request" for w, _, _ in examples(operation)
        ):
            bare.append(f"{method} {path}: no request shown")
    assert bare == []
    assert len(operations(schema)) >= 30


def test_every_example_fits_its_schema(schema):
    wrong = []
    checked = 0
    for path, method, operation in operations(schema):
        for where, shape, value in examples(operation):
            checked += 1
            whole = {**shape, "components": schema["components"]}
            for error in jsonschema.Draft202012Validator(whole).iter_errors(value):
                wrong.append(f"{method} {path} {where}: {error.json_path} {error.message}")
    assert wrong == []
    assert checked > 60


def test_every_refusal_is_listed_under_its_status(schema):
    place = next(o for _p, _m, o in operations(schema) if o["operationId"] == "order_place")
    shown = place["responses"]["409"]["content"]["application/json"]["examples"]
    assert {"quote_changed", "out_of_stock", "idempotency_in_flight"} <= set(shown)
    assert shown["out_of_stock"]["value"]["errors"][0]["code"] == "out_of_stock"
    assert "idempotency_key_reused" in place["responses"]["422"]["description"]
    assert "| 409 | `quote_changed` |" in place["description"]
    assert "store_unknown" in place["responses"]["404"]["description"]


def test_an_unknown_code_cannot_be_listed():
    with pytest.raises(KeyError, match="no_such_code"):
        refusals.by_status(["out_of_stock", "no_such_code"])


def test_commands_that_move_value_ask_for_a_key(schema):
    keyed = {
        operation["operationId"]
        for _path, _method, operation in operations(schema)
        if any(p["name"] == "Idempotency-Key" for p in operation.get("parameters", []))
    }
    assert keyed == {
        "after_sale_request",
        "basket_order",
        "card_code_activate",
        "coupon_code_redeem",
        "coupon_gift_accept",
        "coupon_place_scan",
        "coupon_templates_claim_create",
        "gift_accept",
        "me_card_freeze",
        "me_card_lost",
        "me_coupon_gift_offer",
        "me_coupon_gift_take_back",
        "me_gift_offer",
        "me_gift_take_back",
        "coupon_templates_exchange_create",
        "order_cancel",
        "order_pay",
        "order_place",
        "order_received",
        "pos_card_sell",
        "pos_coupon_redeem",
        "pos_coupon_return",
        "pos_coupon_reverse",
        "pos_pay",
        "pos_refund",
        "pos_sale_void",
        "pos_scan",
        "pos_topup",
        "pos_void",
    }


def test_catalogue_reads_tell_of_their_etag(schema):
    tagged = {p for p, _m, o in operations(schema) if "304" in o["responses"]}
    assert tagged == {
        "/api/v1/categories",
        "/api/v1/products",
        "/api/v1/products/{code}",
        "/api/v1/products/{code}/reviews",
        "/api/v1/stores",
        "/api/v1/stores/{code}",
    }


# --- the pages


@pytest.mark.django_db
def test_the_reference_needs_nothing_from_outside():
    page = Client().get("/api/v1/docs/")
    assert page.status_code == 200
    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.content.decode())
    assert any("swagger-ui-bundle.js" in address for address in addresses)
    assert all(address.startswith("/") for address in addresses)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("language", "words"), [("zh-hans", "第一次小程序调用"), ("en", "Your first")]
)
def test_the_guide_speaks_the_language_of_the_request(language, words):
    page = Client().get("/api/v1/docs/first-call/", headers={"accept-language": language})
    assert f"<h1>{words}" in page.content.decode()


def test_the_guides_name_operations_that_exist(schema):
    paths = _patterns(schema)
    for name in ("first-call.md", "first-call.en.md"):
        text = (FOLDER / name).read_text(encoding="utf-8")
        called = re.findall(r"(GET|POST|PUT) (/api/v1/[^\s`?]+)", text)
        assert len(called) >= 8
        for method, address in called:
            assert _known(paths, method, address), f"{name}: {method} {address}"


def test_the_http_file_is_one_sale_of_operations_that_exist(schema):
    text = (FOLDER / "mall.http").read_text(encoding="utf-8")
    called = re.findall(r"^(GET|POST|PUT|DELETE) \{\{host\}\}(/[^\s?]+)", text, re.MULTILINE)
    ours = [(m, a) for m, a in called if not a.startswith("/sandbox/")]
    paths = _patterns(schema)
    # allauth's own, beside the login.
    outside = {("DELETE", "/_allauth/app/v1/auth/session")}
    assert [c for c in ours if not _known(paths, *c) and c not in outside] == []
    order = [a for _m, a in called]
    steps = ["/_allauth/app/v1/auth/provider/token", "/api/v1/cart"]
    steps += ["/api/v1/orders/{{no}}/pay", "/api/v1/orders/{{no}}/after-sales", "/api/v1/me/gifts"]
    assert [order.index(step) for step in steps] == sorted(order.index(step) for step in steps)


@pytest.mark.django_db
def test_the_http_file_is_served():
    answer = Client().get("/api/v1/docs/mall.http")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.content.decode() == (FOLDER / "mall.http").read_text(encoding="utf-8")


def _patterns(schema) -> set[tuple[str, str]]:
    return {
        (method.upper(), re.sub(r"\{\w+\}", "[^/]+", path))
        for path, method, _operation in operations(schema)
    }


def _known(paths: set[tuple[str, str]], method: str, address: str) -> bool:
    plain = re.sub(r"\{\{[^}]+\}\}", "x", address)
    return any(m == method and re.fullmatch(shape, plain) for m, shape in paths)


def test_the_postman_collection_is_current():
    assert postman.TARGET.read_text(encoding="utf-8") == postman.text(), (
        "python -m tests.web.postman"
    )


def test_the_postman_collection_names_operations_that_exist(schema):
    paths = _patterns(schema)
    items = postman.collection()["item"]
    assert len(items) >= 25
    unknown = []
    for item in items:
        method, url = item["request"]["method"], item["request"]["url"]
        address = "/" + "/".join(url["path"])
        ours = address.startswith("/api/v1/") or address == "/_allauth/app/v1/auth/provider/token"
        if ours and not _known(paths, method, address):
            unknown.append((method, address))
    assert unknown == []


def test_every_variable_of_the_postman_collection_is_set_before_it_is_used():
    collection = postman.collection()
    known = {"$guid"} | {variable["key"] for variable in collection["variable"]}
    for item in collection["item"]:
        used = set(re.findall(r"\{\{([^}]+)\}\}", json.dumps(item["request"])))
        assert used <= known, item["name"]
        script = "\n".join(item["event"][0]["script"]["exec"])
        known |= set(re.findall(r'^save\("(\w+)"', script, re.MULTILINE))


@pytest.mark.django_db
def test_the_postman_collection_is_served():
    answer = Client().get("/api/v1/docs/mall.postman_collection.json")
    assert answer["Content-Type"] == "application/json"
    assert answer.content.decode() == postman.TARGET.read_text(encoding="utf-8")


def test_markdown_never_lets_markup_through():
    text = "# A <b>\n\n[x](/y) `a<b` **c**\n\n- one\n- two\n"
    text += "\n| a | b |\n|---|---|\n| 1 | <i> |\n\n```\n<s>\n```"
    assert markdown(text) == (
        "<h1>A &lt;b&gt;</h1>\n"
        '<p><a href="/y">x</a> <code>a&lt;b</code> <strong>c</strong></p>\n'
        "<ul><li>one</li><li>two</li></ul>\n"
        '<div class="scroll" tabindex="0"><table class="plain"><thead><tr><th>a</th><th>b</th></tr>'
        "</thead><tbody><tr><td>1</td><td>&lt;i&gt;</td></tr></tbody></table></div>\n"
        '<pre tabindex="0"><code>&lt;s&gt;\n</code></pre>'
    )
    assert "href" not in markdown("[x](javascript:alert)")


# --- the document as it is served --------------------------------------------------------------


@pytest.fixture
def made(monkeypatch) -> list[str]:
    """The languages in which the document was made, with nothing made before."""
    languages: list[str] = []
    generate = SchemaGenerator.get_schema

    def noted(self, **how):
        languages.append(get_language())
        return generate(self, **how)

    monkeypatch.setattr(SchemaView, "_made", {})
    monkeypatch.setattr(SchemaGenerator, "get_schema", noted)
    return languages


def served(query="format=json", **headers):
    return Client().get(f"/api/v1/schema/?{query}", headers=headers)


def test_the_document_is_made_once_per_language_and_format(made, schema, db):
    first, again = served(), served()
    english = served(**{"Accept-Language": "en"})
    asked, strange = served("format=json&lang=en"), served("format=json&lang=xx&version=9")
    yaml = served("")

    assert made == ["zh-hans", "en", "zh-hans"]
    assert json.loads(first.content)["paths"].keys() == schema["paths"].keys()
    assert first.content == again.content == strange.content
    assert english.content == asked.content != first.content
    assert yaml["Content-Type"].startswith("application/vnd.oai.openapi")
    assert yaml.content.startswith(b"openapi: 3.1.0")


def test_who_has_the_document_is_told_so(made, db):
    first = served()
    again = served(**{"If-None-Match": first["ETag"]})

    assert (first["Cache-Control"], again.status_code, again.content) == ("no-cache", 304, b"")
    assert served(**{"If-None-Match": '"another"'}).status_code == 200
