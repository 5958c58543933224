"""Row locks of the mall, each for a stated reason, in the order of ``config.kernel.locks``."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, Model, Q

from config.kernel.errors import NotFound
from mall.models import AfterSale, DiscountDraft, Order, Payment, PosTicket, Refund
from mall.states import PaymentState, RefundState


class OrderUnknown(NotFound):
    code = "order_unknown"


def order_lock(
    *,
    order_id: int | None = None,
    no: str | None = None,
    payment_no: str | None = None,
    related: Sequence[str] = (),
    **scope,
) -> Order:
    """The order, locked until commit: whatever changes an order's state, payments or refunds
    holds this first. ``scope`` narrows it to the caller's (e.g. ``member_id=…``); ``related`` is
    read with it and not locked."""
    if payment_no is not None:
        key: dict[str, Any] = {"payments__no": payment_no}
    else:
        key = {"pk": order_id} if order_id is not None else {"no": no}
    rows = Order.objects.select_for_update(no_key=True, of=("self",)).filter(**key, **scope)
    order = rows.select_related(*related).first() if related else rows.first()
    if order is None:
        raise OrderUnknown()
    return order


def orders_lock(order_ids: Iterable[int]) -> None:
    """As :func:`order_lock`, for a batch: what is read of the orders after it stays true."""
    rows = Order.objects.select_for_update(no_key=True).filter(pk__in=order_ids)
    list(rows.order_by("pk").values_list("pk"))


def payment_lock(*, no: str) -> Payment | None:
    """The payment, locked; its order is locked before it by the caller."""
    return Payment.objects.select_for_update(no_key=True).filter(no=no).first()


def aftersale_lock(*, after_sale_id: int) -> AfterSale:
    return AfterSale.objects.select_for_update(no_key=True).get(pk=after_sale_id)


def refund_lock(*, refund_id: int) -> Refund:
    return Refund.objects.select_for_update(no_key=True).get(pk=refund_id)


def refunds_due(*, now: datetime, limit: int) -> list[Refund]:
    """Refunds to be sent or asked about, that no other worker holds."""
    return list(
        Refund.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(
            Q(next_attempt_at__isnull=True) | Q(next_attempt_at__lte=now),
            state__in=[RefundState.APPROVED, RefundState.SENT],
            payment__isnull=False,
        )
        .order_by("pk")[:limit]
    )


def payments_due(*, before: datetime, limit: int) -> list[Payment]:
    """Open payments not asked about since ``before``, that no other worker holds; the one not
    asked about for longest first, so that many that wait keep no other from its turn."""
    return list(
        Payment.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(
            Q(checked_at__isnull=True) | Q(checked_at__lte=before),
            state__in=[PaymentState.CREATED, PaymentState.PENDING],
            created_at__lte=before,
        )
        .order_by(F("checked_at").asc(nulls_first=True), "pk")[:limit]
    )


def ticket_claim(till: str, ticket_no: str) -> bool:
    """Work on a till's ticket alone until commit; False when somebody is at it. An advisory lock,
    because a ticket that is being paid has no row yet that others could see."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(hashtext('mall.pos_ticket'), hashtext(%s::text))",
            [f"{till}\n{ticket_no}"],
        )
        return cursor.fetchone()[0]


def pos_ticket_lock(*, ticket_id: int) -> PosTicket:
    """The till's ticket, locked: whatever gives something of it back holds this first."""
    return (
        PosTicket.objects.select_for_update(no_key=True, of=("self",))
        .select_related("operator")
        .get(pk=ticket_id)
    )


def draft_lock(*, draft_id: int) -> DiscountDraft | None:
    """The draft of a discount, locked: it is published once, as it was looked at."""
    return DiscountDraft.objects.select_for_update(no_key=True).filter(pk=draft_id).first()


def discount_lock(model: type[Model], *, pk: int) -> Any:
    """The template or promotion that a draft changes, locked after the draft: what was compared
    with what the draft saw stays so. A rush of claims waits for it, once."""
    return model._base_manager.select_for_update(no_key=True).filter(pk=pk).first()
