"""What a claim made, as its guard tells services and they their callers."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ClaimedCoupon:
    """What a claim made, without reading it again."""

    pk: int
    no: str
    valid_from: datetime
    valid_until: datetime
