from stores.models.ledger import Account, Seal, Transfer
from stores.models.organisation import Assignment, Operator, Region, Store
from stores.models.pickup import Pickup
from stores.models.terminal import Terminal

__all__ = [
    "Account",
    "Assignment",
    "Operator",
    "Pickup",
    "Region",
    "Seal",
    "Store",
    "Terminal",
    "Transfer",
]
