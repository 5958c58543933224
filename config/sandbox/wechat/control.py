"""The control API: what shoppers do on their phones, and what goes wrong when.

Every call is ``/_control/<name>`` with a JSON body (POST) or query (GET), from loopback only.
"""

import json
import re
import secrets
from collections.abc import Callable
from typing import Any

from . import callbacks, pay
from .callbacks import Dispatcher
from .world import ControlError, Request, Response, World, digits, json_response, opaque

_LISTS = {
    "users": "SELECT * FROM wechat_user ORDER BY name",
    "orders": "SELECT * FROM trade ORDER BY created_at",
    "refunds": "SELECT * FROM refund ORDER BY created_at",
    "messages": "SELECT * FROM message ORDER BY id",
    "codes": "SELECT id, appid, scene, page, made_at,"
    " '/_control/codes/' || id || '.png' AS png FROM wxacode ORDER BY id",
    "shipping": "SELECT * FROM shipping ORDER BY uploaded_at",
    "callbacks": "SELECT * FROM callback ORDER BY created_at",
    "deliveries": "SELECT * FROM delivery ORDER BY id",
}
_JSON_COLUMNS = ("data", "body", "resource", "request")
_PHONE = re.compile(r"\+\d{8,15}")


def handle(world: World, dispatcher: Dispatcher, request: Request) -> Response:
    name = request.path.removeprefix("/_control/")
    png = re.fullmatch(r"codes/(\d+)\.png", name)
    if png and request.method == "GET":
        row = world.store.row("SELECT png FROM wxacode WHERE id = ?", int(png[1]))
        return Response(200, row["png"], "image/png") if row else Response(404)
    if request.method == "GET":
        if name == "behaviour":
            return json_response(world.behaviour())
        if name in _LISTS:
            return json_response(listed(world, name, request.query))
    if request.method == "DELETE" and name == "behaviour":
        world.store.setting_put("behaviour", {})
        return json_response(world.behaviour())
    if request.method == "POST":
        try:
            return json_response(command(world, dispatcher, name, request.json()))
        except ValueError as error:
            raise ControlError(f"the body is not JSON: {error}") from None
    raise ControlError(f"there is no {request.method} {request.path}")


def listed(world: World, name: str, where: dict[str, str]) -> list[dict[str, Any]]:
    """Rows of a list whose columns equal ``where``, JSON columns decoded."""
    rows = world.store.rows(_LISTS[name])
    if name == "users":
        rows = [user_document(world, row["name"]) for row in rows]
    for row in rows:
        for column in _JSON_COLUMNS:
            if isinstance(row.get(column), str):
                row[column] = json.loads(row[column])
    return [row for row in rows if all(str(row.get(k)) == v for k, v in where.items())]


def command(world: World, dispatcher: Dispatcher, name: str, body: dict[str, Any]) -> Any:
    """Carry out one POST; also the entry for tests that hold the server in hand."""
    if name == "drain":
        return {"open": dispatcher.drain(float(body.get("seconds", 10)))}
    if name == "forge":
        found = _callback(world, body.get("reference"))
        kinds = [body["kind"]] if "kind" in body else list(callbacks.FORGERIES)
        return {kind: dispatcher.forge(found, kind) for kind in kinds}
    if name not in _COMMANDS:
        raise ControlError(f"there is no POST /_control/{name}")
    return _COMMANDS[name](world, body)


def user_document(world: World, name: str) -> dict[str, Any]:
    user = world.store.row("SELECT * FROM wechat_user WHERE name = ?", name)
    if user is None:
        raise ControlError(f"there is no user {name}")
    openids = world.store.rows("SELECT appid, openid FROM openid WHERE user = ?", name)
    return user | {"openids": {row["appid"]: row["openid"] for row in openids}}


def _users(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """Create a person with one openid per mini-program; a known name is returned as it is."""
    name = str(body.get("name") or f"user-{secrets.token_hex(4)}")
    phone = str(body.get("phone") or f"+86199{digits(8)}")
    if not _PHONE.fullmatch(phone):
        raise ControlError("phone is E.164, such as +8613800138000")
    with world.store.transaction() as db:
        created = db.execute(
            "INSERT OR IGNORE INTO wechat_user VALUES (?, ?, ?)",
            (name, str(body.get("unionid") or f"o{opaque(27)}"), phone),
        )
        for appid in world.accounts.config["miniprograms"] if created.rowcount else ():
            db.execute("INSERT INTO openid VALUES (?, ?, ?)", (f"o{opaque(27)}", appid, name))
        if "phone" in body:
            db.execute("UPDATE wechat_user SET phone = ? WHERE name = ?", (phone, name))
    return user_document(world, name)


def _code(world: World, kind: str, body: dict[str, Any]) -> str:
    user = user_document(world, str(body.get("user")))
    appid = str(body.get("appid") or next(iter(user["openids"])))
    if appid not in user["openids"]:
        raise ControlError(f"there is no mini-program {appid}")
    if kind == "auth":
        # WeChat's payment codes: 18 digits that start with 10 to 15.
        code, detail = f"1{secrets.randbelow(6)}{digits(16)}", "password"
        detail = detail if body.get("password") else ""
    else:
        code, detail = f"0{opaque(31)}", "blocked" if body.get("blocked") else ""
    lifetime = 60 if kind == "auth" else float(body.get("seconds", 300))
    with world.store.transaction() as db:
        db.execute(
            "INSERT INTO code VALUES (?, ?, ?, ?, ?, 0, ?)",
            (code, kind, appid, user["name"], world.now() + lifetime, detail),
        )
    return code


def _subscribe(world: World, body: dict[str, Any]) -> dict[str, Any]:
    """The shopper accepts the prompt for a template ``n`` times (refuses it: n = 0)."""
    user = user_document(world, str(body.get("user")))
    templates = world.accounts.config["templates"]
    template = str(body.get("template") or "")
    template = templates.get(template, template)
    if template not in templates.values():
        raise ControlError(f"templates are {', '.join(templates)}")
    appid = str(body.get("appid") or next(iter(user["openids"])))
    openid, n = user["openids"].get(appid), int(body.get("n", 1))
    with world.store.transaction() as db:
        db.execute(
            "INSERT INTO credit VALUES (?, ?, ?) ON CONFLICT DO UPDATE"
            " SET n = CASE WHEN excluded.n = 0 THEN 0 ELSE n + excluded.n END",
            (openid, template, n),
        )
    return {"openid": openid, "template_id": template}


def _pay(world: World, body: dict[str, Any]) -> dict[str, Any]:
    out_trade_no = str(body.get("out_trade_no"))
    mchid = body.get("mchid")
    if mchid is None:
        rows = world.store.rows("SELECT mchid FROM trade WHERE out_trade_no = ?", out_trade_no)
        if len(rows) != 1:
            raise ControlError(f"{len(rows)} merchants have the order {out_trade_no}: say mchid")
        mchid = rows[0]["mchid"]
    return pay.pay(world, out_trade_no=out_trade_no, mchid=mchid, user=body.get("user"))


def _redeliver(world: World, body: dict[str, Any]) -> dict[str, Any]:
    return {"queued": callbacks.redeliver(world, reference=body.get("reference"))}


def _reset(world: World, body: dict[str, Any]) -> dict[str, Any]:
    world.store.clear()
    return {}


def _callback(world: World, reference: Any) -> dict[str, Any]:
    row = world.store.row(
        "SELECT * FROM callback WHERE reference = ? ORDER BY created_at DESC LIMIT 1", reference
    )
    if row is None:
        raise ControlError("reference names no order or refund that has had a callback")
    return row


_COMMANDS: dict[str, Callable[[World, dict[str, Any]], Any]] = {
    "users": _users,
    "js_code": lambda world, body: {"js_code": _code(world, "login", body)},
    "phone_code": lambda world, body: {"code": _code(world, "phone", body)},
    "auth_code": lambda world, body: {"auth_code": _code(world, "auth", body)},
    "subscribe": _subscribe,
    "pay": _pay,
    "request_payment": pay.request_payment,
    "behaviour": lambda world, body: world.behave(body),
    "redeliver": _redeliver,
    "reset": _reset,
}
