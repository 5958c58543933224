"""The two kinds of policy that guides obey, and which version of them held when.

``attribution``: who is credited. ``{"v": 1, "window_days": 7, "shares": {"opening": 6000,
"serving": 4000}}``, optionally ``cross_operator`` (default false: a guide earns at the own
employer only) and ``bind_on_touch`` (default true). Shares are basis points.

``commission_plan``: how much. ``{"v": 1, "default_rate_bp": 300, "rules": [{"when": <condition>,
"rate_bp": 500}], "maturity_days": 7}``. The first rule that holds gives the rate. The default is
for goods only: a stored-value card earns when a rule asks for it, because what is bought with
the card earns too.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel import conditions
from config.kernel.errors import DomainError
from config.kernel.models import PolicyVersion
from config.kernel.money import BASIS_POINTS
from config.kernel.policies import PolicyInvalid, register_kind
from guides.attribution import AttributionRules
from guides.states import GuideRole

ATTRIBUTION = "attribution"
PLAN = "commission_plan"
VERSION = 1
DEFAULT_RULE = -1
GOODS = "goods"


def attribution_rules(body: Mapping[str, Any]) -> AttributionRules:
    return AttributionRules(
        window=timedelta(days=body["window_days"]),
        shares=body["shares"],
        cross_operator=body.get("cross_operator", False),
        bind_on_touch=body.get("bind_on_touch", True),
    )


def plan_rate(body: Mapping[str, Any], facts: Mapping[str, Any]) -> tuple[int, int]:
    """(rate in basis points, index of the rule that gave it or ``DEFAULT_RULE``)."""
    for index, rule in enumerate(body["rules"]):
        if conditions.holds(rule["when"], facts):
            return rule["rate_bp"], index
    return (body["default_rate_bp"] if facts["line_kind"] == GOODS else 0), DEFAULT_RULE


def plan_asks_for(body: Mapping[str, Any], fact: str) -> bool:
    """Whether a rule looks at ``fact``: what nobody asks for need not be read."""
    return any(_mentions(rule["when"], fact) for rule in body["rules"])


def _mentions(node: Any, fact: str) -> bool:
    if isinstance(node, dict):
        return node.get("fact") == fact or any(_mentions(v, fact) for v in node.values())
    return isinstance(node, list) and any(_mentions(v, fact) for v in node)


class PolicyBook:
    """All versions of both kinds that held at some moment of a period; one statement."""

    def __init__(self, *, scopes: Iterable[str], earliest: datetime, latest: datetime) -> None:
        self.rows = list(
            PolicyVersion.objects.filter(
                Q(effective_to__isnull=True) | Q(effective_to__gt=earliest),
                kind__in=[ATTRIBUTION, PLAN],
                scope__in={*scopes, ""},
                published_at__isnull=False,
                effective_from__lte=latest,
            )
        )

    def at(self, *, kind: str, scope: str, moment: datetime) -> PolicyVersion | None:
        """The operator's version in force at ``moment``, else the group's, else None."""
        group = None
        for row in self.rows:
            if row.kind != kind or not _in_force(row, moment):
                continue
            if row.scope == scope:
                return row
            if row.scope == "":
                group = row
        return group


def _in_force(row: PolicyVersion, moment: datetime) -> bool:
    started = row.effective_from is not None and row.effective_from <= moment
    return started and (row.effective_to is None or row.effective_to > moment)


def _refuse(problem: str) -> None:
    raise PolicyInvalid(problem=problem)


def _is_int(value: Any, low: int, high: int) -> bool:
    return type(value) is int and low <= value <= high


def _check_keys(body: Any, needed: set[str], optional: set[str]) -> None:
    if not isinstance(body, dict):
        _refuse("it must be an object")
    if body.get("v") != VERSION:
        _refuse(f'it must have "v": {VERSION}')
    if not needed <= set(body) <= needed | optional:
        _refuse(f"it must have the keys {sorted(needed)} and may have {sorted(optional)}")


def attribution_validate(body: dict[str, Any]) -> None:
    """Raises PolicyInvalid unless ``body`` can be obeyed as kind ``attribution``."""
    _check_keys(body, {"v", "window_days", "shares"}, {"cross_operator", "bind_on_touch"})
    if not _is_int(body["window_days"], 1, 365):
        _refuse("window_days must be between 1 and 365")
    shares = body["shares"]
    if not isinstance(shares, dict) or set(shares) != set(GuideRole.values):
        _refuse(f"shares must name the roles {sorted(GuideRole.values)}")
    if not all(_is_int(share, 0, BASIS_POINTS) for share in shares.values()):
        _refuse("shares must be basis points")
    if sum(shares.values()) != BASIS_POINTS:
        _refuse(f"shares must add up to {BASIS_POINTS}")
    for name in ("cross_operator", "bind_on_touch"):
        if type(body.get(name, False)) is not bool:
            _refuse(f"{name} must be true or false")


def plan_validate(body: dict[str, Any]) -> None:
    """Raises PolicyInvalid unless ``body`` can be obeyed as kind ``commission_plan``."""
    _check_keys(body, {"v", "default_rate_bp", "rules", "maturity_days"}, set())
    if not _is_int(body["default_rate_bp"], 0, BASIS_POINTS):
        _refuse("default_rate_bp must be basis points")
    if not _is_int(body["maturity_days"], 0, 365):
        _refuse("maturity_days must be between 0 and 365")
    if not isinstance(body["rules"], list):
        _refuse("rules must be a list")
    for rule in body["rules"]:
        if not isinstance(rule, dict) or set(rule) != {"when", "rate_bp"}:
            _refuse('a rule must have the keys "when" and "rate_bp"')
        if not _is_int(rule["rate_bp"], 0, BASIS_POINTS):
            _refuse("rate_bp must be basis points")
        try:
            conditions.validate(rule["when"])
        except DomainError as error:
            _refuse(str(error))


def register() -> None:
    """Make both kinds and the facts of their conditions known; called once by ready()."""
    conditions.register_fact("category", "set", _("category"))
    conditions.register_fact("brand", "str", _("brand"))
    conditions.register_fact("product", "str", _("product"))
    conditions.register_fact("sku", "str", _("SKU"))
    conditions.register_fact("store", "str", _("store"))
    conditions.register_fact("operator", "str", _("operator"))
    conditions.register_fact("line_kind", "str", _("kind of line"))
    register_kind(ATTRIBUTION, attribution_validate)
    register_kind(PLAN, plan_validate)
