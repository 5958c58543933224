"""What a discount is, in words: of a template or a promotion, written or only designed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from config.kernel.conditions import explain
from config.kernel.money import yuan
from coupons.bearers import PLATFORM
from coupons.states import Channel
from coupons.terms import hours_are_overnight
from mall.pricing import Rule

_DAYS = {
    1: lambda: _("Monday"),
    2: lambda: _("Tuesday"),
    3: lambda: _("Wednesday"),
    4: lambda: _("Thursday"),
    5: lambda: _("Friday"),
    6: lambda: _("Saturday"),
    7: lambda: _("Sunday"),
}


def percent_words(basis_points: int) -> str:
    whole, rest = divmod(basis_points, 100)
    return f"{whole}.{rest:02d} %".replace(".00 ", " ") if rest else f"{whole} %"


def discount_words(row: Any, names: Mapping[str, str] | None = None) -> list[str]:
    """One sentence for each thing that it says; ``names`` are those of the codes in its scope."""
    lines = [_worth(row), *_limits(row)]
    scope = explain(named(row.scope, names or {})) if row.scope else _("everything")
    lines.append(_("For: {rule}.").format(rule=scope))
    if getattr(row, "claim_for", None):
        lines.append(
            _("Who may have one: {rule}.").format(rule=explain(named(row.claim_for, names or {})))
        )
    channels = [str(label) for value, label in Channel.choices if value in row.channels]
    lines.append(_("Used in: {channels}.").format(channels=", ".join(channels) or "–"))
    lines += _times(row)
    if hasattr(row, "quota"):
        lines += _coupon(row, names or {})
    stacking = _("One discount of the group “{group}” per order.").format(group=row.stacking_group)
    if row.excludes:
        groups = ", ".join(row.excludes)
        stacking += " " + _("Does not go with: {groups}.").format(groups=groups)
    return [*lines, stacking]


def rule_words(rule: Rule) -> str:
    """What a promotion or coupon that works gives, and from what on."""
    if rule.method == "price" and rule.skus:
        return _("a price of its own")
    return _worth(replace(rule, kind=rule.method))


def named(condition: Any, names: Mapping[str, str]) -> Any:
    """``condition`` with the names of things beside their codes, to be told and not evaluated."""
    if isinstance(condition, list):
        return [named(part, names) for part in condition]
    if not isinstance(condition, Mapping):
        return condition
    if "fact" not in condition:
        return {key: named(value, names) for key, value in condition.items()}

    def say(value: Any) -> Any:
        name = names.get(f"{condition['fact']}:{value}")
        return f"{name} ({value})" if name else value

    value = condition["value"]
    said = [say(v) for v in value] if isinstance(value, list) else say(value)
    return {**condition, "value": said}


def _from(row: Any, threshold: int) -> str:
    if not threshold:
        return ""
    if row.threshold_pieces:
        return _("from {n} pieces on: ").format(n=threshold)
    return _("from {amount} on: ").format(amount=yuan(threshold))


def _worth(row: Any) -> str:
    off = {
        "amount": lambda value: _("{amount} off").format(amount=yuan(value)),
        "percent": lambda value: _("{percent} off").format(percent=percent_words(value)),
        "price": lambda value: _("{amount} a piece").format(amount=yuan(value)),
        "exchange": lambda value: _("a piece for {amount}").format(amount=yuan(value)),
        "nth": lambda value: _("{percent} off every piece no. {n}").format(
            percent=percent_words(value), n=row.pieces
        ),
        "multi": lambda value: _("{n} pieces for {amount}").format(
            n=row.pieces, amount=yuan(value)
        ),
        "bundle": lambda value: _("together for {amount}: {what}").format(
            amount=yuan(value), what=_skus(row, pieces=True)
        ),
        "gift": lambda value: _("a gift: {what}").format(what=_skus(row, pieces=True)),
        "freight": lambda value: _("no freight"),
    }[row.kind]
    if row.kind == "price" and getattr(row, "skus", None):
        said = _("prices of their own: {what}").format(what=_skus(row, pieces=False))
        return _from(row, row.threshold_pieces or row.threshold_fen) + said
    least = row.threshold_pieces or row.threshold_fen
    return "; ".join(
        _from(row, threshold) + off(value) for threshold, value in [(least, row.value), *row.steps]
    )


def _skus(row: Any, *, pieces: bool) -> str:
    return ", ".join(
        f"{code} × {n}" if pieces else f"{code} {yuan(n)}" for code, n in row.skus.items()
    )


def _limits(row: Any) -> list[str]:
    found = []
    if row.span == "line":
        found.append(_("Of each line by itself."))
    if row.max_discount_fen is not None:
        found.append(_("At most {amount} of an order.").format(amount=yuan(row.max_discount_fen)))
    if row.times is not None:
        found.append(_("At most {n} times in an order.").format(n=row.times))
    return found


def _moment(at: Any) -> str:
    return date_format(localtime(at), "Y-m-d H:i") if at else "…"


def _times(row: Any) -> list[str]:
    if hasattr(row, "quota"):
        found = [
            _("Claimed from {start} to {end}.").format(
                start=_moment(row.claim_from), end=_moment(row.claim_until)
            )
        ]
        if row.valid_days:
            found.append(_("Valid for {n} days after the claim.").format(n=row.valid_days))
        if row.valid_until:
            found.append(_("Valid until {end}.").format(end=_moment(row.valid_until)))
    else:
        found = [
            _("Runs from {start} to {end}.").format(
                start=_moment(row.starts_at), end=_moment(row.ends_at)
            )
        ]
    if row.weekdays:
        days = ", ".join(_DAYS[day]() for day in sorted(row.weekdays))
        found.append(_("Only on: {days}.").format(days=days))
    if row.hours:
        hours = ", ".join(map(_hours, row.hours))
        found.append(_("Only at: {hours}.").format(hours=hours))
    return found


def _hours(pair: Sequence[str]) -> str:
    start, end = pair
    if hours_are_overnight(pair):
        return _("{start}–{end} the next day").format(start=start, end=end)
    return f"{start}–{end}"


def _bearer(bearer: str, names: Mapping[str, str]) -> str:
    return _("the platform") if bearer == PLATFORM else names.get(bearer, bearer)


def _coupon(row: Any, names: Mapping[str, str]) -> list[str]:
    found = [
        _("{quota} in all, {each} for each member.").format(quota=row.quota, each=row.per_member)
    ]
    if row.budget_fen is not None:
        found.append(_("They may cost {amount} together.").format(amount=yuan(row.budget_fen)))
    if row.points_price:
        found.append(_("Costs {points} points.").format(points=row.points_price))
    shares = ", ".join(
        f"{_bearer(bearer, names)} {percent_words(share)}"
        for bearer, share in row.sponsor_shares.items()
    )
    found.append(_("Borne by: {who}.").format(who=shares or row.operator.name))
    return found
