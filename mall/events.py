"""Events of the mall. Payloads carry ids and integers only."""

from dataclasses import dataclass
from typing import ClassVar

from config.kernel.events import EventBase


@dataclass(frozen=True, kw_only=True)
class OrderEvent(EventBase):
    """``subject_id`` is the order's primary key."""

    subject_type: ClassVar[str] = "order"
    member_id: int


@dataclass(frozen=True, kw_only=True)
class OrderPlaced(OrderEvent):
    kind: ClassVar[str] = "mall.order_placed"


@dataclass(frozen=True, kw_only=True)
class OrderPaid(OrderEvent):
    kind: ClassVar[str] = "mall.order_paid"


@dataclass(frozen=True, kw_only=True)
class OrderCompleted(OrderEvent):
    kind: ClassVar[str] = "mall.order_completed"


@dataclass(frozen=True, kw_only=True)
class OrderClosed(OrderEvent):
    """The after-sale window is over: commission matures."""

    kind: ClassVar[str] = "mall.order_closed"


@dataclass(frozen=True, kw_only=True)
class OrderCancelled(OrderEvent):
    kind: ClassVar[str] = "mall.order_cancelled"


@dataclass(frozen=True, kw_only=True)
class OrderExpired(OrderEvent):
    kind: ClassVar[str] = "mall.order_expired"


@dataclass(frozen=True, kw_only=True)
class OrderRefunded(OrderEvent):
    """Units of the order were given back; what is left is on its lines. No change of state. No
    after-sale where a sale in a store was undone."""

    kind: ClassVar[str] = "mall.order_refunded"
    after_sale_id: int | None


@dataclass(frozen=True, kw_only=True)
class PaymentChanged(EventBase):
    kind: ClassVar[str] = "mall.payment_changed"
    subject_type: ClassVar[str] = "payment"
    order_id: int


@dataclass(frozen=True, kw_only=True)
class RefundChanged(EventBase):
    kind: ClassVar[str] = "mall.refund_changed"
    subject_type: ClassVar[str] = "refund"
    order_id: int


@dataclass(frozen=True, kw_only=True)
class RefundDone(EventBase):
    """The gateway confirmed: the member can be told."""

    kind: ClassVar[str] = "mall.refund_done"
    subject_type: ClassVar[str] = "refund"
    order_id: int


@dataclass(frozen=True, kw_only=True)
class AfterSaleChanged(EventBase):
    kind: ClassVar[str] = "mall.after_sale_changed"
    subject_type: ClassVar[str] = "after_sale"
    order_id: int


@dataclass(frozen=True, kw_only=True)
class FulfilmentChanged(EventBase):
    kind: ClassVar[str] = "mall.fulfilment_changed"
    subject_type: ClassVar[str] = "fulfilment"
    order_id: int


@dataclass(frozen=True, kw_only=True)
class CatalogueChanged(EventBase):
    """What shoppers are shown is no longer what it was. ``subject_id`` is the row that changed,
    of the table ``cause``; of many at once one is named, of an import its batch."""

    kind: ClassVar[str] = "mall.catalogue_changed"
    subject_type: ClassVar[str] = "catalogue"
    cause: str


@dataclass(frozen=True, kw_only=True)
class PosTicketEvent(EventBase):
    """``subject_id`` is the primary key of the till's ticket. Its member is None where a void
    closed the number of a ticket that was never paid."""

    subject_type: ClassVar[str] = "pos_ticket"
    member_id: int | None


@dataclass(frozen=True, kw_only=True)
class PosTicketPaid(PosTicketEvent):
    kind: ClassVar[str] = "mall.pos_ticket_paid"


@dataclass(frozen=True, kw_only=True)
class PosTicketVoided(PosTicketEvent):
    kind: ClassVar[str] = "mall.pos_ticket_voided"


@dataclass(frozen=True, kw_only=True)
class PosTicketRefunded(PosTicketEvent):
    """Something went back; its state changed if that was all there was."""

    kind: ClassVar[str] = "mall.pos_ticket_refunded"
    refund_id: int


@dataclass(frozen=True, kw_only=True)
class StoreSaleEvent(EventBase):
    """``subject_id`` is the primary key of the sale; no order where a number was closed."""

    subject_type: ClassVar[str] = "store_sale"
    order_id: int | None
    member_id: int | None


@dataclass(frozen=True, kw_only=True)
class StoreSaleMade(StoreSaleEvent):
    """Stored value was sold in a store; the money may still be on its way."""

    kind: ClassVar[str] = "mall.store_sale_made"


@dataclass(frozen=True, kw_only=True)
class StoreSaleVoided(StoreSaleEvent):
    kind: ClassVar[str] = "mall.store_sale_voided"
