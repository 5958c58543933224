"""The ledger accounts an operator's sales go through. None of them is guarded or hot."""

from dataclasses import dataclass

from mall.states import TenderKind
from stores.ledger import AccountSpec, accounts_ensure


@dataclass(frozen=True, slots=True)
class Books:
    """Account ids. ``wechat``: money the gateway holds for the merchant (a debit balance);
    ``sales_wechat``: sales it paid for; ``suspense``: money for orders that had ended."""

    wechat: int
    sales_wechat: int
    suspense: int


def books(operator_code: str, operator_id: int, mchid: str) -> Books:
    """The accounts of an operator and its merchant id, made on first use."""
    codes = (
        f"wechat:{mchid}",
        f"sales.wechat:{operator_code}",
        f"suspense:{operator_code}",
    )
    ids = accounts_ensure([AccountSpec(code, operator_id=operator_id) for code in codes])
    return Books(*(ids[code] for code in codes))


@dataclass(frozen=True, slots=True)
class PointsBooks:
    """Account ids, of fen. ``cost``: what the operator bears of sales that points paid;
    ``sales``: those sales."""

    cost: int
    sales: int


def points_books(operator_code: str, operator_id: int) -> PointsBooks:
    codes = (f"cost.points:{operator_code}", f"sales.points:{operator_code}")
    ids = accounts_ensure([AccountSpec(code, operator_id=operator_id) for code in codes])
    return PointsBooks(*(ids[code] for code in codes))


def takings(*, way: str, operator_code: str, operator_id: int, store_code: str) -> int:
    """The account of money that was taken for an operator without the gateway: cash lies in a
    store, whatever a bank moves (``way``: bank_card, transfer) is on the operator's account."""
    by_cash = way == TenderKind.CASH
    code = f"cash:{operator_code}:{store_code}" if by_cash else f"bank:{operator_code}"
    return accounts_ensure([AccountSpec(code, operator_id=operator_id)])[code]
