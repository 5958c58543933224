"""The books: accounts, transfers, holds. All value that a person owns moves through here.

Balance of an account = credits − debits. Money that comes in debits ``wechat:{mchid}`` and
credits what it was paid for. ``post`` is the only writer of transfers and of guarded balances.
"""

from stores.ledger.accounts import AccountSpec, accounts_ensure
from stores.ledger.holding import hold, unhold
from stores.ledger.posting import (
    Draft,
    DuplicateTransfer,
    InsufficientFunds,
    PeriodSealed,
    ReversalTooLarge,
    post,
)

__all__ = [
    "AccountSpec",
    "Draft",
    "DuplicateTransfer",
    "InsufficientFunds",
    "PeriodSealed",
    "ReversalTooLarge",
    "accounts_ensure",
    "hold",
    "post",
    "unhold",
]
