"""Pricing: pure arithmetic over values. No ORM, no clock, no I/O.

A basket becomes priced lines in three steps. *Markdowns* say what a piece costs: each line takes
the lowest. *Promotions* follow, the best of each stacking group, one after the other on what is
left. Then *coupons*: each is measured on what promotions left, whatever other coupons take, and
of all that may be combined the cheapest choice is used (``best.py``).

Every discount is computed once over the lines in its scope and allocated to them to the fen, so
that line nets add up to the total. Lines and rules are worked on in a canonical order: how a
client lists them changes nothing. Discounts round down. The design is ADR 21; what a parcel costs
is a line that only coupons of kind freight take from (ADR 23).
"""

from mall.pricing.engine import price
from mall.pricing.refunds import allocate_tenders, discounts_back, refund_amount, refund_split
from mall.pricing.values import Discount, Freight, Gift, Hint, Item, Priced, Refusal, Rule

__all__ = [
    "Discount",
    "Freight",
    "Gift",
    "Hint",
    "Item",
    "Priced",
    "Refusal",
    "Rule",
    "allocate_tenders",
    "discounts_back",
    "price",
    "refund_amount",
    "refund_split",
]
