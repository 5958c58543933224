"""Columns for people: yuan instead of fen, coloured states, readable JSON.

A ModelAdmin of the house names plain fields; :func:`column` turns the name of an amount, a state
or a JSON document into a display function, in lists and on detail pages alike.
"""

import json
import re
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.contrib.admin.utils import get_fields_from_path
from django.core.exceptions import FieldDoesNotExist
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils.functional import lazy
from django.utils.html import format_html

from config.kernel.admin.codes import Say, sayer
from config.kernel.money import yuan

GOOD, BUSY, WARN, BAD, PLAIN = "success", "info", "warning", "danger", "default"

# One colour per meaning, whatever the machine: done, under way, wants somebody, went wrong.
STATE_COLOURS: dict[str, str] = {
    "active": GOOD,
    "captured": GOOD,
    "collected": GOOD,
    "completed": GOOD,
    "done": GOOD,
    "paid": GOOD,
    "sent": GOOD,
    "sold": GOOD,
    "used": GOOD,
    "accepted": GOOD,
    "approved": BUSY,
    "claimed": BUSY,
    "created": BUSY,
    "locked": BUSY,
    "open": BUSY,
    "pending": BUSY,
    "placed": BUSY,
    "preparing": BUSY,
    "ready": BUSY,
    "returned": BUSY,
    "sending": BUSY,
    "awaiting": WARN,
    "frozen": WARN,
    "lost": WARN,
    "offered": BUSY,
    "held": WARN,
    "requested": WARN,
    "failed": BAD,
    "refused": BAD,
    "revoked": BAD,
    "cancelled": PLAIN,
    "closed": PLAIN,
    "expired": PLAIN,
    "released": PLAIN,
}

Column = Callable[[Any], Any]


def _without_unit(label: Any) -> str:
    return re.sub(r"\s*[(（](fen|分)[)）]\s*$", "", str(label))


without_unit = lazy(_without_unit, str)


def value_at(row: Any, path: str) -> Any:
    """The value of ``path`` (``order__no``) on ``row``; None where a link is missing."""
    for name in path.split("__"):
        if row is None:
            return None
        row = getattr(row, name)
    return row


def _describe(function: Column, path: str, label: Any) -> Column:
    function.__name__ = path
    return admin.display(description=label, ordering=path)(function)


def yuan_column(path: str, label: Any) -> Column:
    """An amount of fen at ``path``, shown as "¥12.50"."""

    def show(row: Any) -> Any:
        fen = value_at(row, path)
        return None if fen is None else yuan(fen)

    return _describe(show, path, without_unit(label))


def state_column(path: str, label: Any) -> Column:
    """The state at ``path`` as a badge with its display name."""
    parent, _sep, name = path.rpartition("__")

    def show(row: Any) -> Any:
        owner = value_at(row, parent) if parent else row
        if owner is None:
            return None
        state = getattr(owner, name)
        return format_html(
            '<span class="mall-badge mall-badge-{}">{}</span>',
            STATE_COLOURS.get(state, PLAIN),
            getattr(owner, f"get_{name}_display")(),
        )

    return _describe(show, path, label)


def code_column(path: str, say: Say, label: Any) -> Column:
    """A code at ``path``, in words."""

    def show(row: Any) -> Any:
        value = value_at(row, path)
        return None if value is None else say(value)

    return _describe(show, path, label)


def json_column(path: str, label: Any) -> Column:
    def show(row: Any) -> Any:
        value = value_at(row, path)
        if value in (None, {}, []):
            return None
        text = json.dumps(value, ensure_ascii=False, indent=1, cls=DjangoJSONEncoder)
        return format_html('<pre class="mall-json">{}</pre>', text)

    return _describe(show, path, label)


def path_column(path: str, field: models.Field, label: Any) -> Column:
    """What stands at the end of ``path``, as the list of its own model would show it."""
    parent, _sep, name = path.rpartition("__")

    def show(row: Any) -> Any:
        owner = value_at(row, parent)
        if owner is None:
            return None
        return getattr(owner, f"get_{name}_display")() if field.choices else getattr(owner, name)

    described = _describe(show, path, label)
    return admin.display(boolean=isinstance(field, models.BooleanField))(described)


def _path_label(fields: list[Any]) -> Any:
    """What names a row (its number, its title) is called as the link that leads to it."""
    *_way, link, last = fields
    return (link if last.name in ("no", "code", "title", "name") else last).verbose_name


def column(model: type[models.Model], name: Any, *, form: bool = False) -> Any:
    """``name`` itself, or the display function that suits the field it names.

    In a ``form`` only fields of the model itself are turned; lists also know paths.
    """
    if not isinstance(name, str):
        return name
    try:
        fields = get_fields_from_path(model, name)
    except (FieldDoesNotExist, AttributeError):
        return name
    if form and "__" in name:
        return name
    field = fields[-1]
    label = getattr(field, "verbose_name", name)
    if name.endswith("_fen"):
        return yuan_column(name, label)
    if name.rpartition("__")[2] == "state" and getattr(field, "choices", None):
        return state_column(name, label)
    if isinstance(field, models.JSONField):
        return json_column(name, label)
    say = sayer(field) if isinstance(field, models.CharField) else None
    if say is not None:
        return code_column(name, say, label)
    if len(fields) > 1 and isinstance(field, models.Field):
        return path_column(name, field, _path_label(fields))
    return name


def column_name(shown: Any) -> str:
    """The name of the field that a column shows."""
    return shown if isinstance(shown, str) else shown.__name__
