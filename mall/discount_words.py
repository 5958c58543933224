"""What people read about discounts that they do not get, or do not get yet."""

from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from config.kernel.money import yuan


def refusal_words(refusal: Mapping[str, Any]) -> str:
    """Why a coupon of ``refused_coupons`` is not used."""
    if refusal["reason"] == "threshold":
        return _("{missing} more, and it can be used").format(missing=_missing(refusal))
    if refusal["reason"] == "stacking" and refusal["instead"]:
        title = refusal["instead_title"]
        if refusal["instead_fen"] > refusal["worth_fen"]:
            return _("{title} saves more").format(title=title)
        return _("does not go with {title}").format(title=title)
    words = _REASONS.get(refusal["reason"])
    return words() if words else refusal["reason"]


def hint_words(hint: Mapping[str, Any]) -> str:
    """What a hint promises: so much more, and so much is off."""
    missing, value = _missing(hint), hint["value"]
    if hint["kind"] == "freight":
        return _("{missing} more, and delivery is free").format(missing=missing)
    if hint["method"] == "amount":
        return _("{missing} more for {amount} off").format(missing=missing, amount=yuan(value))
    if hint["method"] == "percent":
        whole, rest = divmod(value, 100)
        percent = f"{whole}.{rest:02d}" if rest else str(whole)
        return _("{missing} more for {percent} % off").format(missing=missing, percent=percent)
    return _("{missing} more for {title}").format(missing=missing, title=hint["title"])


def _missing(row: Mapping[str, Any]) -> str:
    pieces = row["missing_pieces"]
    if pieces:
        return _("{n} pcs").format(n=pieces)
    return yuan(row["missing_fen"])


_REASONS: dict[str, Callable[[], str]] = {
    "scope": lambda: _("nothing in the basket that it is for"),
    "stacking": lambda: _("does not go with a better discount"),
    "nothing": lambda: _("saves nothing on top"),
    "hours": lambda: _("not at this time"),
    "store": lambda: _("not valid at this store"),
    "budget": lambda: _("the budget of this coupon is used up"),
    "freight": lambda: _("there is no freight to save"),
}
