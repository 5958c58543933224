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


@dataclass(frozen=True, kw_only=True)
class CouponTicketChanged(EventBase):
    """Coupons were redeemed in a store, or what they were redeemed for came back, in part
    (``return_id``) or as a whole."""

    kind: ClassVar[str] = "coupons.ticket_changed"
    subject_type: ClassVar[str] = "coupon_ticket"
    member_id: int
    return_id: int = 0


@dataclass(frozen=True, kw_only=True)
class CouponGiftChanged(EventBase):
    """A coupon was offered to a friend, accepted, taken back, or nobody came."""

    kind: ClassVar[str] = "coupons.gift_changed"
    subject_type: ClassVar[str] = "coupon_gift"
    coupon_id: int


@dataclass(frozen=True, kw_only=True)
class TemplateStopped(EventBase):
    """Nobody gets a coupon of the template any more; with ``use``, nobody uses one either."""

    kind: ClassVar[str] = "coupons.template_stopped"
    subject_type: ClassVar[str] = "coupons.template"
    use: bool


@dataclass(frozen=True, kw_only=True)
class TemplateResumed(EventBase):
    """A template that had been stopped goes on."""

    kind: ClassVar[str] = "coupons.template_resumed"
    subject_type: ClassVar[str] = "coupons.template"


@dataclass(frozen=True, kw_only=True)
class CodePoolStopped(EventBase):
    """No code of the pool can be redeemed any more."""

    kind: ClassVar[str] = "coupons.pool_stopped"
    subject_type: ClassVar[str] = "coupons.codepool"


@dataclass(frozen=True, kw_only=True)
class ClaimChallengePassed(EventBase):
    """A member whose claim was challenged showed a fresh login code of their own."""

    kind: ClassVar[str] = "coupons.challenge_passed"
    subject_type: ClassVar[str] = "coupons.claimdecision"


@dataclass(frozen=True, kw_only=True)
class QuotaAlertSettled(EventBase):
    """Somebody said what an alert was."""

    kind: ClassVar[str] = "coupons.quota_alert_settled"
    subject_type: ClassVar[str] = "coupons.quotaalert"
