"""Points in the life of an order: set aside, spent, released, given back.

In the books of points they leave the member for ``points.spent``. In fen, what they pay of an order
is a sale that its operator bears itself: ``cost.points`` to ``sales.points``, and back.

Called after coupons and before cards: the member's advisory lock stands before their lots and
account, which nobody touches without it (config.kernel.locks).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db.models import Sum

from config.kernel.actors import SYSTEM, Actor
from config.kernel.money import proportion_down
from mall.books import points_books
from mall.models import Order, PointsOffer, Tender
from mall.services.quote_points import limits_check
from mall.states import POINT_KINDS, TenderKind
from members.guards_points import points_capture, points_hold, points_release, points_spend
from members.services.points_refund import points_refund
from stores.ledger import Draft, post

# A payment that was made in the last moment is still under way: its order ends the hold.
GRACE = timedelta(minutes=10)


def order_points_take(
    *,
    order_no: str,
    member_id: int,
    points: int,
    points_fen: int,
    operator_id: int,
    operator_code: str,
    offers: Sequence[PointsOffer],
    expires_at: datetime | None,
    actor: Actor,
    now: datetime,
) -> None:
    """Set ``points`` aside until ``expires_at``, or spend them at once (None), for an order that
    has been written; ``offers`` of the points shop stand in its lines.

    Raises PointsShort, DuplicateTransfer, and PointsOfferLimit when another order of the member
    took what was left of an offer: theirs wait for each other at the points.
    """
    if expires_at is None:
        points_spend(member_id=member_id, points=points, reference=order_no, actor=actor, now=now)
        _book(order_no, points_fen, operator_id, operator_code, now)
    else:
        points_hold(
            member_id=member_id,
            points=points,
            reference=order_no,
            expires_at=expires_at + GRACE,
            actor=actor,
            now=now,
        )
    # The order's own lines are there already.
    limits_check([(offer, 0) for offer in offers], member_id)


def order_points_capture(*, order: Order, now: datetime) -> None:
    """The order is paid: what it has set aside is spent. Its operator is read. Raises
    PointsHoldNotOpen, DuplicateTransfer."""
    if not order.points:
        return
    points_capture(reference=order.no, actor=SYSTEM, now=now)
    _book(order.no, order.points_fen, order.operator_id, order.operator.code, now)


def order_points_release(*, order: Order, actor: Actor, now: datetime) -> None:
    """The order is never paid: its member has their points again."""
    if order.points:
        points_release(reference=order.no, actor=actor, now=now)


def points_due(*, order: Order, price_points: int, fens: Mapping[int, int]) -> dict[int, int]:
    """The points of a refund by tender, where there are any: ``price_points`` of lines of the
    points shop, and for ``fens`` (tender → fen) that points had paid.

    Cumulative over the fen a tender gives back and rounded down, so that any sequence of refunds
    ends on exactly the points that paid. One statement for an order with points."""
    if not order.points:
        return {}
    due = {}
    tenders = Tender.objects.filter(order=order, kind__in=POINT_KINDS)
    for tender in tenders.annotate(fen=Sum("refunds__amount_fen"), back=Sum("refunds__points")):
        points = price_points
        if tender.kind == TenderKind.POINTS:
            fen = (tender.fen or 0) + fens.get(tender.pk, 0)
            after = proportion_down(tender.points, fen, tender.amount_fen)
            points = after - (tender.back or 0)
        if points:
            due[tender.pk] = points
    return due


def order_points_return(
    *, order: Order, points: int, amount_fen: int, key: str, actor: Actor, now: datetime
) -> None:
    """Give ``points`` back, and of what they paid ``amount_fen``; ``key`` names what for. Its
    operator is read. Raises what ``points_refund`` raises."""
    if points:
        points_refund(reference=order.no, points=points, key=key, actor=actor, now=now)
    if amount_fen:
        books = points_books(order.operator.code, order.operator_id)
        draft = Draft(
            debit_id=books.sales,
            credit_id=books.cost,
            amount=amount_fen,
            code="points.sale_back",
            key=f"points.sale_back:{key}",
            reference=order.no,
        )
        post([draft], now=now)


def _book(
    order_no: str, points_fen: int, operator_id: int, operator_code: str, now: datetime
) -> None:
    if not points_fen:
        return
    books = points_books(operator_code, operator_id)
    draft = Draft(
        debit_id=books.cost,
        credit_id=books.sales,
        amount=points_fen,
        code="points.sale",
        key=f"points.sale:{order_no}",
        reference=order_no,
    )
    post([draft], now=now)
