"""Events of coupons. Payloads carry ids and integers only."""

from dataclasses import dataclass
from typing import ClassVar

from config.kernel.events import EventBase


@dataclass(frozen=True, kw_only=True)
class CouponChanged(EventBase):
    """A coupon was claimed, locked, used, given back, or ran out.

    ``subject_id`` is the coupon's primary key; ``reference`` is what it was locked or used for.
    """

    kind: ClassVar[str] = "coupons.changed"
    subject_type: ClassVar[str] = "coupon"
    member_id: int
    template_id: int
    reference: str = ""
