"""What a desk shows of coupons: a ticket and what is left of it, the day's tickets, a scan."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q

from config.kernel import clock
from coupons.models import CouponTicket
from coupons.redemption_rules import redemption_rules
from coupons.selectors_tickets import redeemer
from coupons.states import TicketState
from mall.models import Sku
from mall.services.redemption_query import redemption_document
from stores.models import Store

MOST = 50
# What the desk's own page calls a ticket for which nobody typed a number.
TOKEN = re.compile(r"DQ[0-9A-Z]{12}")


@dataclass(frozen=True)
class LineLeft:
    """A line of a ticket; ``left`` of its pieces have not come back, and ``place`` names it.
    ``gross_fen`` is before discounts."""

    place: int
    title: str
    sku: str
    quantity: int
    left: int
    gross_fen: int


@dataclass(frozen=True)
class DeskRedemption:
    """A coupon ticket at its store's desk. ``receipt`` is the till's number, empty for a desk's
    ticket that was given none. ``whole``: it was redeemed for an amount. ``late``: the
    time in which whoever works there undoes it is over."""

    document: dict[str, Any]
    state: str
    by: str
    receipt: str
    lines: list[LineLeft]
    whole: bool
    late: bool

    @property
    def open(self) -> bool:
        return self.document["state"] == TicketState.REDEEMED

    @property
    def left_fen(self) -> int:
        """Before discounts."""
        return self.document["gross_fen"] - self.document["returned_gross_fen"]


def desk_redemption(*, ticket: CouponTicket, now: datetime) -> DeskRedemption:
    """A few statements beside the ticket's own."""
    gone = [0] * len(ticket.lines)
    for returned in ticket.returns.all():
        for place, n in returned.units:
            gone[place] += n
    lines = [
        LineLeft(
            place=place,
            title=line["title"] or line["sku"],
            sku=line["sku"],
            quantity=line["quantity"],
            left=line["quantity"] - gone[place],
            gross_fen=line["quantity"] * line["unit_price_fen"],
        )
        for place, line in enumerate(ticket.lines)
    ]
    rules = redemption_rules(operator_code=ticket.operator.code, now=now)
    return DeskRedemption(
        document=redemption_document(ticket),
        state=ticket.get_state_display(),
        by=redeemer(ticket.redeemed_by),
        receipt="" if TOKEN.fullmatch(ticket.ticket_no) else ticket.ticket_no,
        lines=lines,
        whole=[x["unit_price_fen"] == 1 and not x["sku"] for x in ticket.lines] == [True],
        late=now >= ticket.redeemed_at + rules.reverse_within,
    )


def desk_redemptions(*, store: Store, number: str, now: datetime) -> list[CouponTicket]:
    """Those of ``store`` with this number, ours or any till's own, or with the coupon of this
    number; the day's without one. The newest first; one statement."""
    tickets = CouponTicket.objects.filter(store=store).select_related("member", "terminal")
    if number:
        tickets = tickets.filter(
            Q(no=number.upper())
            | Q(ticket_no=number)
            | Q(discounts__contains=[{"coupon": number.upper()}])
        )
    else:
        tickets = tickets.filter(redeemed_at__gte=clock.day_start(now))
    return list(tickets.order_by("-pk")[:MOST])


def sku_scanned(*, text: str) -> str | None:
    """The code of the SKU in use that has this code or barcode."""
    named = Q(code=text) | Q(code=text.upper()) | Q(barcode=text)
    found = Sku.objects.filter(named, archived_at__isnull=True).order_by("pk")
    return found.values_list("code", flat=True).first() if text else None


def sku_names(*, codes: Sequence[str]) -> dict[str, str]:
    """Code → the product's name and the options, of those that there are. One statement."""
    rows = Sku.objects.filter(code__in=codes).values_list("code", "product__name", "options")
    return {code: " ".join([name, *map(str, options.values())]) for code, name, options in rows}
