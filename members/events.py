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
