"""docs/api/mall.postman_collection.json, made of docs/api/mall.http.

Write it anew with ``python -m tests.web.postman``.

One source for both: the requests stand in the HTTP file, this turns its variables and answers
into those of a Postman collection (v2.1).
"""

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "api"
SOURCE = FOLDER / "mall.http"
TARGET = FOLDER / "mall.postman_collection.json"
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"

_ANSWER = re.compile(r"\{\{(\w+)\.response\.body\.([\w.\[\]]+)\}\}")
_SAVE = (
    "const save = (name, value) => pm.collectionVariables.set("
    'name, typeof value === "string" ? value : JSON.stringify(value));'
)
_PASSED = 'pm.test("succeeds", () => pm.expect(pm.response.code).to.be.oneOf([200, 201{more}]));'


def collection() -> dict[str, Any]:
    """The document. What a later request takes from an answer becomes a collection variable."""
    text = SOURCE.read_text(encoding="utf-8")
    preamble, *blocks = re.split(r"^### ", text, flags=re.MULTILINE)
    constants = dict(re.findall(r"^@(\w+) = (.+)$", preamble, re.MULTILINE))
    # `@token = {{login.response.body.…}}` names what the answer to "login" holds.
    names = {
        (answer, path): name
        for name, answer, path in re.findall(
            r"^@(\w+) = \{\{(\w+)\.response\.body\.([\w.\[\]]+)\}\}$", text, re.MULTILINE
        )
    }
    for answer, path in _ANSWER.findall(text):
        names.setdefault((answer, path), "_".join([answer, *re.findall(r"\w+", path)]))
    return {
        "info": {
            "name": "Mall: one sale",
            "description": "From the login to the return of one unit. Send the requests from top "
            "to bottom; the sandbox that ./run starts plays WeChat.",
            "schema": SCHEMA,
        },
        "variable": [{"key": key, "value": value} for key, value in constants.items()],
        "item": [_item(block, names) for block in blocks],
    }


def _item(block: str, names: dict[tuple[str, str], str]) -> dict[str, Any]:
    head, _blank, body = block.strip().partition("\n\n")
    title, *lines = head.split("\n")
    name = next((x.removeprefix("# @name ") for x in lines if x.startswith("# @name ")), "")
    start = next(n for n, line in enumerate(lines) if re.match(r"[A-Z]+ \{\{host\}\}", line))
    method, address = _plain(lines[start], names).split(" ", 1)
    headers = [line.split(": ", 1) for line in lines[start + 1 :]]
    request: dict[str, Any] = {
        "method": method,
        "header": [{"key": key, "value": _plain(value, names)} for key, value in headers],
        "url": _url(address),
    }
    if body.strip():
        request["body"] = {
            "mode": "raw",
            "raw": _plain(body.strip(), names),
            "options": {"raw": {"language": "json"}},
        }
    saved = [
        f"save({json.dumps(variable)}, pm.response.json().{path});"
        for (answer, path), variable in names.items()
        if answer == name
    ]
    # allauth answers 401 to say that nobody is logged in any more.
    passed = _PASSED.replace("{more}", ", 401" if method == "DELETE" else "")
    script = [passed, *([_SAVE, *saved] if saved else [])]
    events = [{"listen": "test", "script": {"type": "text/javascript", "exec": script}}]
    return {"name": title, "event": events, "request": request}


def _plain(text: str, names: dict[tuple[str, str], str]) -> str:
    return _ANSWER.sub(lambda m: "{{" + names[m[1], m[2]] + "}}", text)


def _url(address: str) -> dict[str, Any]:
    path, _mark, query = address.removeprefix("{{host}}/").partition("?")
    url: dict[str, Any] = {"raw": address, "host": ["{{host}}"], "path": path.split("/")}
    if query:
        pairs = parse_qsl(urlsplit(f"?{query}").query)
        url["query"] = [{"key": key, "value": value} for key, value in pairs]
    return url


def text() -> str:
    return json.dumps(collection(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
