from members.models.card import Card, CardHold, CardHoldLine, CardLot, CardProduct
from members.models.member import Consent, ExternalId, Member, Tier
from members.models.message import Message
from members.models.points import PointLot

__all__ = [
    "Card",
    "CardHold",
    "CardHoldLine",
    "CardLot",
    "CardProduct",
    "Consent",
    "ExternalId",
    "Member",
    "Message",
    "PointLot",
    "Tier",
]
