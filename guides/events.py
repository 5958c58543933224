"""Events of the guides' world. Payloads carry ids only."""

from dataclasses import dataclass
from typing import ClassVar

from config.kernel.events import EventBase


@dataclass(frozen=True, kw_only=True)
class BindingOpened(EventBase):
    kind: ClassVar[str] = "guides.binding_opened"
    subject_type: ClassVar[str] = "binding"
    guide_id: int
    member_id: int


@dataclass(frozen=True, kw_only=True)
class CodeCreated(EventBase):
    kind: ClassVar[str] = "guides.code_created"
    subject_type: ClassVar[str] = "code"
    guide_id: int


@dataclass(frozen=True, kw_only=True)
class CouponHandedOut(EventBase):
    """A guide gave a customer of theirs a coupon."""

    kind: ClassVar[str] = "guides.coupon_handed_out"
    subject_type: ClassVar[str] = "coupon_handout"
    guide_id: int
    member_id: int
    coupon_id: int


@dataclass(frozen=True, kw_only=True)
class BasketSent(EventBase):
    """A guide prepared a basket; ``member_id`` is None when it is for whoever opens it."""

    kind: ClassVar[str] = "guides.basket_sent"
    subject_type: ClassVar[str] = "prepared_basket"
    guide_id: int
    member_id: int | None


@dataclass(frozen=True, kw_only=True)
class BasketOrdered(EventBase):
    kind: ClassVar[str] = "guides.basket_ordered"
    subject_type: ClassVar[str] = "prepared_basket"
    guide_id: int
    member_id: int


@dataclass(frozen=True, kw_only=True)
class BasketWithdrawn(EventBase):
    kind: ClassVar[str] = "guides.basket_withdrawn"
    subject_type: ClassVar[str] = "prepared_basket"
    guide_id: int
