"""Events of members. Payloads carry ids, codes and integers only: no name, no phone, no openid."""

from dataclasses import dataclass
from typing import ClassVar

from config.kernel.events import EventBase


@dataclass(frozen=True, kw_only=True)
class MemberEvent(EventBase):
    """``subject_id`` is the member's primary key."""

    subject_type: ClassVar[str] = "member"


@dataclass(frozen=True, kw_only=True)
class MemberRegistered(MemberEvent):
    kind: ClassVar[str] = "members.registered"


@dataclass(frozen=True, kw_only=True)
class MemberIdentified(MemberEvent):
    """The outside's id of a kind (openid, unionid) now leads to the member."""

    kind: ClassVar[str] = "members.identified"
    id_kind: str


@dataclass(frozen=True, kw_only=True)
class PhoneBound(MemberEvent):
    kind: ClassVar[str] = "members.phone_bound"


@dataclass(frozen=True, kw_only=True)
class BirthdayChanged(MemberEvent):
    """It was entered or corrected; what it is stays with the member."""

    kind: ClassVar[str] = "members.birthday_changed"


@dataclass(frozen=True, kw_only=True)
class MemberBirthdayCame(MemberEvent):
    """The member's birthday of ``year``; ``policy_id`` is the version of "tiers" that says what is
    given for it, null where there is none."""

    kind: ClassVar[str] = "members.birthday"
    year: int
    policy_id: int | None


@dataclass(frozen=True, kw_only=True)
class MemberTagged(MemberEvent):
    kind: ClassVar[str] = "members.tagged"
    tag_id: int


@dataclass(frozen=True, kw_only=True)
class MemberUntagged(MemberEvent):
    kind: ClassVar[str] = "members.untagged"
    tag_id: int


@dataclass(frozen=True, kw_only=True)
class ConsentGiven(MemberEvent):
    kind: ClassVar[str] = "members.consent_given"
    consent: str
    version: str


@dataclass(frozen=True, kw_only=True)
class ConsentWithdrawn(MemberEvent):
    kind: ClassVar[str] = "members.consent_withdrawn"
    consent: str


@dataclass(frozen=True, kw_only=True)
class MessageChanged(EventBase):
    """``subject_id`` is the message's primary key."""

    kind: ClassVar[str] = "members.message_changed"
    subject_type: ClassVar[str] = "message"
    member_id: int


@dataclass(frozen=True, kw_only=True)
class CardChanged(EventBase):
    """A stored-value card was issued, frozen, thawed or closed. ``subject_id``: the card's key."""

    kind: ClassVar[str] = "members.card_changed"
    subject_type: ClassVar[str] = "card"
    member_id: int


@dataclass(frozen=True, kw_only=True)
class CardHoldChanged(EventBase):
    """Value was set aside, spent or given back. ``subject_id`` is the hold's primary key."""

    kind: ClassVar[str] = "members.card_hold_changed"
    subject_type: ClassVar[str] = "card_hold"
    card_id: int


@dataclass(frozen=True, kw_only=True)
class CardToppedUp(EventBase):
    """Value was paid onto a card. ``subject_id``: the card's key."""

    kind: ClassVar[str] = "members.card_topped_up"
    subject_type: ClassVar[str] = "card"
    lot_id: int
    principal_fen: int
    bonus_fen: int


@dataclass(frozen=True, kw_only=True)
class CardReplaced(EventBase):
    """A card has another number. ``subject_id``: the card's key."""

    kind: ClassVar[str] = "members.card_replaced"
    subject_type: ClassVar[str] = "card"
    replacement_id: int


@dataclass(frozen=True, kw_only=True)
class CardHolderChanged(EventBase):
    """A card belongs to another member. ``subject_id``: the card's key."""

    kind: ClassVar[str] = "members.card_holder_changed"
    subject_type: ClassVar[str] = "card"
    from_member_id: int
    to_member_id: int


@dataclass(frozen=True, kw_only=True)
class CardReactivated(EventBase):
    """An expired card lives again. ``subject_id``: the card's key."""

    kind: ClassVar[str] = "members.card_reactivated"
    subject_type: ClassVar[str] = "card"
    reactivation_id: int


@dataclass(frozen=True, kw_only=True)
class CardPaidBack(EventBase):
    """A closed card's principal is to be sent back; the higher app sends it. ``subject_id``: the
    card's key."""

    kind: ClassVar[str] = "members.card_paid_back"
    subject_type: ClassVar[str] = "card"
    payback_id: int
    amount_fen: int


@dataclass(frozen=True, kw_only=True)
class CardPaybackChanged(EventBase):
    """One part of a payback waits for its money, or has it. ``subject_id``: the line's key."""

    kind: ClassVar[str] = "members.card_payback_changed"
    subject_type: ClassVar[str] = "card_payback_line"
    payback_id: int


@dataclass(frozen=True, kw_only=True)
class CardPaybackRerouted(EventBase):
    """It could not go back the way it came, and goes by transfer. ``subject_id``: the line's
    key."""

    kind: ClassVar[str] = "members.card_payback_rerouted"
    subject_type: ClassVar[str] = "card_payback_line"
    payback_id: int


@dataclass(frozen=True, kw_only=True)
class CardAdjusted(EventBase):
    """Bonus was put on a card (above zero) or taken off it. ``subject_id``: the card's key."""

    kind: ClassVar[str] = "members.card_adjusted"
    subject_type: ClassVar[str] = "card"
    approval_id: int
    bonus_fen: int


@dataclass(frozen=True, kw_only=True)
class CardPurchaseVoided(EventBase):
    """A purchase that nothing was spent of was undone. ``subject_id``: the card's key."""

    kind: ClassVar[str] = "members.card_purchase_voided"
    subject_type: ClassVar[str] = "card"
    lot_id: int
    principal_fen: int


@dataclass(frozen=True, kw_only=True)
class CardGiftChanged(EventBase):
    """A gift was offered, accepted, taken back, or nobody came. ``subject_id``: the gift's key."""

    kind: ClassVar[str] = "members.card_gift_changed"
    subject_type: ClassVar[str] = "card_gift"
    card_id: int


@dataclass(frozen=True, kw_only=True)
class CardBatchSold(EventBase):
    """Cards were sold together, to be activated by code. ``subject_id``: the batch's key."""

    kind: ClassVar[str] = "members.card_batch_sold"
    subject_type: ClassVar[str] = "card_batch"
    count: int
    principal_fen: int


@dataclass(frozen=True, kw_only=True)
class CardBatchVoided(EventBase):
    """The codes of a batch that were left are void. ``subject_id``: the batch's key."""

    kind: ClassVar[str] = "members.card_batch_voided"
    subject_type: ClassVar[str] = "card_batch"
    count: int
    amount_fen: int


@dataclass(frozen=True, kw_only=True)
class CardBatchPaidOut(EventBase):
    """What was left of a void batch went to its buyer. ``subject_id``: the batch's key."""

    kind: ClassVar[str] = "members.card_batch_paid_out"
    subject_type: ClassVar[str] = "card_batch"
    amount_fen: int


@dataclass(frozen=True, kw_only=True)
class CardActivationChanged(EventBase):
    """A code was made, used or voided. ``subject_id``: the activation's key."""

    kind: ClassVar[str] = "members.card_activation_changed"
    subject_type: ClassVar[str] = "card_activation"
    batch_id: int


@dataclass(frozen=True, kw_only=True)
class TopUpOfferTaken(EventBase):
    """``subject_id``: the key of the use."""

    kind: ClassVar[str] = "members.topup_offer_taken"
    subject_type: ClassVar[str] = "topup_offer_use"
    offer_id: int
    member_id: int


@dataclass(frozen=True, kw_only=True)
class TopUpOfferReturned(EventBase):
    """``subject_id``: the key of the use."""

    kind: ClassVar[str] = "members.topup_offer_returned"
    subject_type: ClassVar[str] = "topup_offer_use"
    offer_id: int
    member_id: int


@dataclass(frozen=True, kw_only=True)
class CardIdentityRecorded(EventBase):
    """``subject_id``: the key of the entry in the register."""

    kind: ClassVar[str] = "members.card_identity_recorded"
    subject_type: ClassVar[str] = "card_identity"


@dataclass(frozen=True, kw_only=True)
class CardIdentityRevealed(EventBase):
    """Somebody looked at an entry in the clear. ``subject_id``: its key."""

    kind: ClassVar[str] = "members.card_identity_revealed"
    subject_type: ClassVar[str] = "card_identity"


@dataclass(frozen=True, kw_only=True)
class CardIdentityErased(EventBase):
    """The law no longer wants it. ``subject_id``: the key of the entry."""

    kind: ClassVar[str] = "members.card_identity_erased"
    subject_type: ClassVar[str] = "card_identity"


@dataclass(frozen=True, kw_only=True)
class CardAlertSettled(EventBase):
    """Somebody looked at an alert. ``subject_id``: its key."""

    kind: ClassVar[str] = "members.card_alert_settled"
    subject_type: ClassVar[str] = "card_alert"


@dataclass(frozen=True, kw_only=True)
class PointHoldChanged(EventBase):
    """Points were set aside, spent or given back. ``subject_id`` is the hold's primary key."""

    kind: ClassVar[str] = "members.point_hold_changed"
    subject_type: ClassVar[str] = "point_hold"
    member_id: int
    points: int


@dataclass(frozen=True, kw_only=True)
class PointsReturned(EventBase):
    """Points that had been spent were given back. ``subject_id`` is the hold's primary key."""

    kind: ClassVar[str] = "members.points_returned"
    subject_type: ClassVar[str] = "point_hold"
    member_id: int
    points: int


@dataclass(frozen=True, kw_only=True)
class PointsAdjusted(EventBase):
    """Points were given (above zero) or taken by a decision. ``subject_id``: the member's key."""

    kind: ClassVar[str] = "members.points_adjusted"
    subject_type: ClassVar[str] = "member"
    approval_id: int
    points: int


@dataclass(frozen=True, kw_only=True)
class MembershipGranted(EventBase):
    """Membership was paid for, or renewed. ``subject_id``: the membership's key."""

    kind: ClassVar[str] = "members.membership_granted"
    subject_type: ClassVar[str] = "membership"
    member_id: int
    plan_id: int


@dataclass(frozen=True, kw_only=True)
class MembershipRefunded(EventBase):
    """A membership ended before its time. ``subject_id``: its key."""

    kind: ClassVar[str] = "members.membership_refunded"
    subject_type: ClassVar[str] = "membership"
    member_id: int
    plan_id: int
    refunded_fen: int


@dataclass(frozen=True, kw_only=True)
class MemberTierChanged(MemberEvent):
    """A member is in another tier, or in the same one for another period. ``cause`` is one of
    ``states.TierCause``; ``policy_id`` the version of the rules; tiers are null where there is
    none."""

    kind: ClassVar[str] = "members.tier_changed"
    period_id: int
    cause: str
    policy_id: int
    from_tier_id: int | None
    tier_id: int | None
