from members.models.card import Card, CardHold, CardHoldLine, CardLot, CardProduct
from members.models.card_batch import CardActivation, CardBatch
from members.models.card_identity import CardIdentity
from members.models.card_life import (
    CardAlert,
    CardGift,
    CardPayback,
    CardPaybackLine,
    CardReactivation,
    CardReplacement,
)
from members.models.card_offer import TopUpOffer, TopUpOfferUse
from members.models.member import Consent, ExternalId, Member, MemberBirthday, Tier
from members.models.member_code import MemberCode
from members.models.membership import Membership, MembershipPlan
from members.models.message import Message
from members.models.points import PointHold, PointHoldLine, PointLot
from members.models.tag import MemberTag, Tag
from members.models.tier import GrowthEntry, MemberTier

__all__ = [
    "Card",
    "CardActivation",
    "CardAlert",
    "CardBatch",
    "CardGift",
    "CardHold",
    "CardHoldLine",
    "CardIdentity",
    "CardLot",
    "CardPayback",
    "CardPaybackLine",
    "CardProduct",
    "CardReactivation",
    "CardReplacement",
    "Consent",
    "ExternalId",
    "GrowthEntry",
    "Member",
    "MemberBirthday",
    "MemberCode",
    "MemberTag",
    "MemberTier",
    "Membership",
    "MembershipPlan",
    "Message",
    "PointHold",
    "PointHoldLine",
    "PointLot",
    "Tag",
    "Tier",
    "TopUpOffer",
    "TopUpOfferUse",
]
