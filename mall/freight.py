"""What sending a parcel costs, and where to: the body of a "freight" policy, per operator.

A body is {"v": 1, "confirm_days": n, "zones": [zone, …], "not_to": [prefix, …]}. A zone has
"regions", a list of the first two, four or six digits of adcodes (none: everywhere else),
"fee_fen", and where it applies "first_pieces" with "more_fen" for each piece beyond, and
"free_from_fen" of goods. The longest prefix decides.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _

from config.kernel.errors import Conflict
from config.kernel.policies import PolicyInvalid, policy_at, register_kind
from mall.pricing import Freight

KIND = "freight"
DEFAULT_CONFIRM_DAYS = 10
MOST_DAYS = 60
MOST_FEE_FEN = 100_000
MOST_MORE_FEN = 10_000
MOST_PIECES = 999
MOST_FREE_FROM_FEN = 10_000_000
MOST_ZONES = 40
# The beginning of an adcode; its first two digits are a province's, a region's or a city's under
# the government (GB/T 2260).
PREFIX = re.compile(r"(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[12])([0-9]{2}){0,2}")


class DeliveryNotOffered(Conflict):
    """The seller has no policy of freight."""

    code = "delivery_not_offered"
    message = _("This store does not send orders. Collect them there.")


class RegionNotServed(Conflict):
    code = "region_not_served"
    message = _("Nothing is sent to this region.")


@dataclass(frozen=True, slots=True)
class FreightRules:
    """``zones`` by the beginning of an adcode ("" for everywhere else); None: not sent there."""

    zones: Mapping[str, Mapping[str, Any] | None]

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> "FreightRules":
        zones: dict[str, Mapping[str, Any] | None] = dict.fromkeys(body["not_to"])
        for zone in body["zones"]:
            zones |= dict.fromkeys(zone["regions"] or [""], zone)
        return cls(zones)

    def to(self, adcode: str, *, pieces: int) -> Freight:
        """What a parcel of so many pieces to ``adcode`` costs. Raises RegionNotServed."""
        if not PREFIX.fullmatch(adcode):
            raise RegionNotServed(region=adcode)
        prefixes = (adcode[:digits] for digits in (6, 4, 2, 0))
        zone = next((self.zones[x] for x in prefixes if x in self.zones), None)
        if zone is None:
            raise RegionNotServed(region=adcode)
        return _freight(zone, pieces)

    def dearest(self, *, pieces: int) -> Freight:
        """What a parcel of so many pieces costs where it costs most."""
        parcels = [_freight(zone, pieces) for zone in self.zones.values() if zone is not None]
        return max(parcels, key=lambda parcel: parcel.costs(0))


def _freight(zone: Mapping[str, Any], pieces: int) -> Freight:
    return Freight(
        fee_fen=zone["fee_fen"],
        pieces=pieces,
        first_pieces=zone.get("first_pieces", 0),
        more_fen=zone.get("more_fen", 0),
        free_from_fen=zone.get("free_from_fen"),
    )


def freight_rules(*, operator_code: str, now: datetime) -> FreightRules:
    """Those in force for the operator. One statement. Raises DeliveryNotOffered without any."""
    policy = policy_at(kind=KIND, moment=now, scope=operator_code)
    if policy is None:
        raise DeliveryNotOffered()
    return FreightRules.read(policy.body)


def delivered_after(*, operator_code: str, now: datetime) -> timedelta:
    """How long after it was shipped a parcel counts as delivered, by the rules of the day it was
    shipped. One statement."""
    policy = policy_at(kind=KIND, moment=now, scope=operator_code)
    days = policy.body["confirm_days"] if policy else DEFAULT_CONFIRM_DAYS
    return timedelta(days=days)


def validate(body: dict[str, Any]) -> None:
    """Raise PolicyInvalid unless it is as this module says, each prefix in it once."""
    wanted = {"v", "confirm_days", "zones", "not_to"}
    if not isinstance(body, dict) or set(body) != wanted or body["v"] != 1:
        raise PolicyInvalid(problem='it has "v": 1, "confirm_days", "zones" and "not_to"')
    _whole("confirm_days", body["confirm_days"], 1, MOST_DAYS)
    zones = body["zones"]
    if not isinstance(zones, list) or not 0 < len(zones) <= MOST_ZONES:
        raise PolicyInvalid(problem=f"zones is a list of 1 to {MOST_ZONES}")
    prefixes = _prefixes(body["not_to"])
    for zone in zones:
        _zone(zone)
        prefixes += _prefixes(zone["regions"]) or [""]
    if len(set(prefixes)) != len(prefixes):
        raise PolicyInvalid(problem="each region stands once, and one zone at most has none")


def _zone(zone: Any) -> None:
    optional = {"first_pieces", "more_fen", "free_from_fen"}
    if not isinstance(zone, dict) or set(zone) - optional != {"regions", "fee_fen"}:
        raise PolicyInvalid(problem='a zone has "regions" and "fee_fen"')
    _whole("fee_fen", zone["fee_fen"], 0, MOST_FEE_FEN)
    if ("first_pieces" in zone) != ("more_fen" in zone):
        raise PolicyInvalid(problem="first_pieces and more_fen go together")
    if "more_fen" in zone:
        _whole("first_pieces", zone["first_pieces"], 1, MOST_PIECES)
        _whole("more_fen", zone["more_fen"], 1, MOST_MORE_FEN)
    if "free_from_fen" in zone:
        _whole("free_from_fen", zone["free_from_fen"], 1, MOST_FREE_FROM_FEN)


def _whole(name: str, value: Any, least: int, most: int) -> None:
    if type(value) is not int or not least <= value <= most:
        raise PolicyInvalid(problem=f"{name} is a whole number from {least} to {most}")


def _prefixes(regions: Any) -> list[str]:
    if not isinstance(regions, list) or not all(
        isinstance(x, str) and PREFIX.fullmatch(x) for x in regions
    ):
        raise PolicyInvalid(problem="regions are the first 2, 4 or 6 digits of adcodes")
    return list(regions)


def register() -> None:
    register_kind(KIND, validate)
