"""Tickets that cards paid, as the desk of a store looks them up."""

from datetime import datetime

from django.db.models import Q

from config.kernel import clock
from mall.models import PosTicket
from stores.models import Store

MOST = 50


def desk_tickets(*, store: Store, number: str, now: datetime) -> list[PosTicket]:
    """Those of ``store`` with this number, ours or any till's own; the day's without one. The
    newest first; one statement."""
    tickets = PosTicket.objects.filter(store=store).select_related("member", "terminal")
    if number:
        tickets = tickets.filter(Q(no=number.upper()) | Q(ticket_no=number))
    else:
        tickets = tickets.filter(created_at__gte=clock.day_start(now))
    return list(tickets.order_by("-pk")[:MOST])
