"""A discount that is being designed: which fields each step says, as JSON and as a row.

Templates of coupons and promotions are designed alike. A draft keeps what was said so far as
JSON; :func:`row_of` makes of it the row that it would be, without writing it.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from coupons.models import Template
from coupons.states import CouponKind
from mall.models import Promotion

TEMPLATE, PROMOTION = "template", "promotion"
MODELS: dict[str, type[models.Model]] = {TEMPLATE: Template, PROMOTION: Promotion}
STEPS = ("worth", "where", "when")

_WORTH = (
    *("operator", "code", "name", "kind", "value", "threshold_fen", "threshold_pieces"),
    *("steps", "span", "pieces", "times", "max_discount_fen"),
)
_STACKING = ("stacking_group", "excludes", "priority", "weekdays", "hours")
FIELDS: dict[str, dict[str, tuple[str, ...]]] = {
    TEMPLATE: {
        "worth": _WORTH,
        "where": ("scope", "claim_for", "channels", "other_operators"),
        "when": (
            *("claim_from", "claim_until", "valid_until", "valid_days"),
            *("quota", "per_member", "per_day", "budget_fen", "points_price", "public"),
            *("gift_days", "slots_ready", "planned_per_hour", "judge_claims"),
            *("on_refund", "sponsor_shares"),
            *_STACKING,
        ),
    },
    PROMOTION: {
        "worth": (*_WORTH, "skus"),
        "where": ("scope", "channels"),
        "when": ("starts_at", "ends_at", *_STACKING),
    },
}
# What tells one row from another: never copied from it.
OWN = ("code", "name")


def fields_of(kind: str) -> tuple[str, ...]:
    return tuple(name for step in STEPS for name in FIELDS[kind][step])


def values_of(row: models.Model, kind: str) -> dict[str, Any]:
    """What a row says, as a draft keeps it."""
    found = {}
    for name in fields_of(kind):
        value = getattr(row, f"{name}_id" if name == "operator" else name)
        found[name] = value.isoformat() if isinstance(value, datetime) else value
    return found


def version_of(values: Mapping[str, Any]) -> str:
    """What a draft of a row has seen of it, to be compared when it is published."""
    text = json.dumps(dict(values), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def row_of(kind: str, values: Mapping[str, Any], row: Any = None) -> Any:
    """``row`` (a new one without) with what the draft says. Nothing is written."""
    row = MODELS[kind]() if row is None else row
    for name in fields_of(kind):
        if name in values:
            field: Any = MODELS[kind]._meta.get_field(name)
            attribute = f"{name}_id" if name == "operator" else name
            value = values[name]
            setattr(row, attribute, field.to_python(value) if name != "operator" else value)
    return row


def problems(kind: str, row: Any) -> dict[str, list[str]]:
    """Step → what is wrong with it; empty for a row that may be published."""
    errors: dict[str, list[Any]] = {}
    try:
        row.full_clean()
    except ValidationError as error:
        errors = error.message_dict
    if kind == TEMPLATE and not errors and exposure_fen(row) is None:
        errors["budget_fen"] = [
            _("Say a budget, or how much one takes off at most: what it may cost is not limited.")
        ]
    found: dict[str, list[str]] = {}
    for name, texts in errors.items():
        step = next((s for s in STEPS if name in FIELDS[kind][s]), "worth")
        field = None if name == "__all__" else MODELS[kind]._meta.get_field(name)
        label = f"{field.verbose_name}: " if isinstance(field, models.Field) else ""
        found.setdefault(step, []).extend(f"{label}{text}" for text in texts)
    return found


def exposure_fen(row: Template) -> int | None:
    """What all coupons of a template may cost together, in fen; None where nothing limits it."""
    if row.kind == CouponKind.FREIGHT:
        return 0
    worth = row.max_discount_fen
    if row.kind == CouponKind.AMOUNT and row.span == "order":
        most = max([row.value, *(value for _threshold, value in row.steps)])
        worth = most if worth is None else min(worth, most)
    bounds = [bound for bound in (row.budget_fen,) if bound is not None]
    if worth is not None:
        bounds.append(worth * row.quota)
    return min(bounds, default=None)
