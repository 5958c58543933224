"""The parcel in a quote: what it costs to where, and its place among the lines.

Pricing gives the fee as the last of the lines it priced; gifts and the points shop's lines come
between, because points pay for goods and not for freight.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils.translation import override

from mall.freight import freight_rules
from mall.offers import Offers
from mall.pricing import Discount, Freight, Item, Priced
from mall.states import LineKind

if TYPE_CHECKING:
    from mall.services.quote import Basket

# What stands in the place of a code on the line.
CODE = "freight"


@dataclass(frozen=True, slots=True)
class Parcel:
    """The fee, what is left of it, and what each discount of the quote takes off it."""

    fee_fen: int
    net_fen: int
    off: tuple[int, ...]


def freight_of(basket: "Basket", shelf: Offers, pieces: int, now: datetime) -> Freight | None:
    """What sending ``pieces`` costs; None where they are collected. One statement, none for a
    pickup. Raises DeliveryNotOffered, RegionNotServed."""
    if not basket.region:
        return None
    return freight_rules(operator_code=shelf.operator_code, now=now).to(
        basket.region, pieces=pieces
    )


def parcel_apart(priced: Priced) -> tuple[Priced, Parcel | None]:
    """The goods of ``priced`` alone, and the parcel if something is paid for it."""
    if not priced.items or not priced.items[-1].is_freight:
        return priced, None
    parcel = Parcel(
        fee_fen=priced.items[-1].gross_fen,
        net_fen=priced.nets[-1],
        off=tuple(d.amounts[-1] for d in priced.discounts),
    )
    goods = replace(
        priced,
        items=priced.items[:-1],
        nets=priced.nets[:-1],
        prices=priced.prices[:-1],
        discounts=tuple(Discount(d.rule, d.amounts[:-1]) for d in priced.discounts),
    )
    return goods, parcel


def with_parcel(priced: Priced, parcel: Parcel | None) -> Priced:
    """The parcel as one more line. Discounts that came since take nothing off it."""
    if parcel is None:
        return priced
    off = (*parcel.off, *[0] * (len(priced.discounts) - len(parcel.off)))
    return replace(
        priced,
        items=(*priced.items, Item(CODE, 1, parcel.fee_fen, {}, is_freight=True)),
        nets=(*priced.nets, parcel.net_fen),
        prices=(*priced.prices, parcel.fee_fen),
        discounts=tuple(
            Discount(d.rule, (*d.amounts, off))
            for d, off in zip(priced.discounts, off, strict=True)
        ),
    )


def parcel_title() -> str:
    """As the order keeps it: the same whatever language the member reads."""
    with override(settings.LANGUAGE_CODE):
        return str(LineKind.FREIGHT.label)
