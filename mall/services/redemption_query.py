"""Redemptions in stores, as tills and desks see them."""

from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from config.kernel.errors import NotFound
from coupons.models import CouponTicket
from mall.locks import ticket_claim
from mall.services.pos_till import PosTicketInFlight, Till


class RedemptionUnknown(NotFound):
    """Nothing was redeemed under this number at this store, and nothing is under way."""

    code = "redemption_unknown"
    message = _("No coupon of this store was redeemed under this number.")


def _tickets():
    return CouponTicket.objects.select_related("member", "store", "terminal", "operator")


def ticket_of_counter(*, till: Till, ticket_no: str) -> CouponTicket | None:
    """What this very till (or desk) redeemed under its number."""
    return (
        _tickets()
        .filter(Q(terminal_id=till.terminal_id), store_id=till.store_id, ticket_no=ticket_no)
        .first()
    )


def redemption_find(*, till: Till, number: str) -> CouponTicket:
    """The till's own ticket of this number, or the one of its store that we numbered so. Raises
    RedemptionUnknown."""
    found = _tickets().filter(
        Q(terminal_id=till.terminal_id, ticket_no=number) | Q(no=number), store_id=till.store_id
    )
    # Its own numbers come first, should one look like ours.
    for ticket in sorted(found, key=lambda ticket: ticket.no == number):
        return ticket
    raise RedemptionUnknown()


def redemption_query(*, till: Till, number: str) -> CouponTicket:
    """As :func:`redemption_find`, for a till that got no answer: RedemptionUnknown means that
    nothing was redeemed and nothing is under way, PosTicketInFlight that it still is."""
    try:
        return redemption_find(till=till, number=number)
    except RedemptionUnknown:
        with transaction.atomic():
            if not ticket_claim(till.counter, number):
                raise PosTicketInFlight() from None
            return redemption_find(till=till, number=number)


def redemption_document(ticket: CouponTicket) -> dict[str, Any]:
    """One statement beside the ticket's own."""
    returned_total = ticket.returned_gross_fen - ticket.returned_off_fen
    return {
        "no": ticket.no,
        "ticket_no": ticket.ticket_no,
        "state": str(ticket.state),
        "member": ticket.member.no,
        "store": ticket.store.name,
        "redeemed_by": ticket.redeemed_by,
        "redeemed_at": ticket.redeemed_at,
        "ended_at": ticket.ended_at,
        "gross_fen": ticket.gross_fen,
        "promotion_fen": ticket.promotion_fen,
        "discount_fen": ticket.off_fen,
        "total_fen": ticket.gross_fen - ticket.off_fen,
        "returned_gross_fen": ticket.returned_gross_fen,
        "returned_promotion_fen": ticket.returned_promotion_fen,
        "returned_discount_fen": ticket.returned_off_fen,
        "returned_total_fen": returned_total,
        "coupons": [
            {"coupon": d["coupon"], "title": d["title"], "amount_fen": sum(d["amounts"])}
            for d in ticket.discounts
        ],
        "promotions": [
            {
                "promotion": d["promotion"],
                "title": d["title"],
                "words": d["words"],
                "amount_fen": sum(d["amounts"]),
            }
            for d in ticket.promotions
        ],
        "gifts": ticket.quote.get("gifts", []),
        "returns": [
            {
                "return_no": r.return_no,
                "gross_fen": r.gross_fen,
                "discount_fen": r.off_fen,
                "refund_fen": r.refund_fen,
                "created_at": r.created_at,
            }
            for r in ticket.returns.order_by("pk")
        ],
    }
