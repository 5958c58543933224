"""What differs between the quote that was shown and the one of now: as data, and in words."""

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from config.kernel.money import yuan

_COMPARED = (
    *("gross_fen", "discount_fen", "freight_fen", "total_fen"),
    *("points", "points_fen", "card_fen", "to_pay_fen"),
)

Changes = list[dict[str, Any]]


def quote_difference(old: dict[str, Any] | None, new: dict[str, Any]) -> Changes:
    """What changed between two quotes, as (what, before, now): sums, ``price:`` with a SKU,
    ``discount:`` with a promotion or coupon, ``gift:`` with a SKU (pieces); ``before`` or ``now``
    is None where there is none. Of a quote that was forgotten only the sums, before None."""
    changes = []
    for field in _COMPARED:
        before = old.get(field) if old else None
        if before != new[field]:
            changes.append({"what": field, "before": before, "now": new[field]})
    if old is None:
        return changes
    for kind, values in (("price", _prices), ("discount", _discounts), ("gift", _gifts)):
        was, now = values(old), values(new)
        # Lines that are not in the new one are not bought any more: they have no price.
        keys = now if kind == "price" else {**was, **now}
        changes += [
            {"what": f"{kind}:{key[0]}", "before": was.get(key), "now": now.get(key)}
            for key in keys
            if was.get(key) != now.get(key)
        ]
    return changes


def difference_words(
    changes: Changes, old: dict[str, Any] | None, new: dict[str, Any]
) -> list[str]:
    """What shoppers read of ``changes``, the reason first: what is another, then what is to pay."""
    names = {**_names(old or new), **_names(new)}
    said = []
    for change in changes:
        what, before, now = change["what"], change["before"], change["now"]
        kind, _colon, key = what.partition(":")
        words = _WORDS.get(kind)
        if words is not None and old is not None:
            said.append((kind in _SUMS, words(names.get((kind, key), key), before, now)))
    said.sort(key=lambda one: one[0])
    if old is None:
        return [_("To pay now: {amount}").format(amount=yuan(new["to_pay_fen"]))]
    return [text for _is_sum, text in said]


def _prices(quote: dict[str, Any]) -> dict[tuple[str, str], int]:
    # A SKU may be bought for money and, beside it, for points.
    return {
        (line["code"], line.get("points_offer", "")): line["unit_price_fen"]
        for line in quote["lines"]
        if not line.get("is_gift")
    }


def _discounts(quote: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {(d["reference"], d["kind"]): d["amount_fen"] for d in quote["discounts"]}


def _gifts(quote: dict[str, Any]) -> dict[tuple[str, str], int]:
    return {
        (gift["sku"], gift["promotion"]): gift["quantity"]
        for gift in quote.get("gifts", ())
        if gift["given"]
    }


def _names(quote: dict[str, Any]) -> dict[tuple[str, str], str]:
    names = {("price", line["code"]): line["title"] for line in quote["lines"]}
    names |= {("discount", d["reference"]): d["title"] for d in quote["discounts"]}
    return names | {("gift", gift["sku"]): gift["title"] for gift in quote.get("gifts", ())}


def _price(name: str, before: int | None, now: int | None) -> str:
    if before is None:
        return _("{name} costs {now}").format(name=name, now=yuan(now or 0))
    return _amounts(_("{name} costs {now} instead of {before}"), name, before, now)


def _discount(name: str, before: int | None, now: int | None) -> str:
    if now is None:
        return _("{name} no longer applies").format(name=name)
    if before is None:
        return _("{name} takes {now} off").format(name=name, now=yuan(now))
    return _amounts(_("{name} takes {now} off instead of {before}"), name, before, now)


def _gift(name: str, before: int | None, now: int | None) -> str:
    if now is None:
        return _("The gift of {name} is not given any more").format(name=name)
    return _("The gift of {name}: {n} pcs").format(name=name, n=now)


def _amounts(text: str, name: str, before: int | None, now: int | None) -> str:
    return text.format(name=name, before=yuan(before or 0), now=yuan(now or 0))


def _sum(text: Callable[[], str]) -> Callable[[str, int | None, int | None], str]:
    return lambda name, before, now: _amounts(text(), name, before, now)


def _points(name: str, before: int | None, now: int | None) -> str:
    return _("{now} points instead of {before}").format(before=before, now=now)


_SUMS = {
    "freight_fen": _sum(lambda: _("Delivery costs {now} instead of {before}")),
    "points": _points,
    "card_fen": _sum(lambda: _("The card pays {now} instead of {before}")),
    "to_pay_fen": _sum(lambda: _("To pay: {now} instead of {before}")),
}
_WORDS = {"price": _price, "discount": _discount, "gift": _gift, **_SUMS}
