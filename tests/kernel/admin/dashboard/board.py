"""The front page at noon, and the sales that it tells of."""

from datetime import datetime, timedelta

from django.urls import reverse

from config.kernel.clock import SHANGHAI
from tests.factories import make_member, make_product
from tests.guides.sales import paid_order

INDEX = reverse("admin:index")
NOON = datetime(2026, 3, 18, 12, 0, tzinfo=SHANGHAI)
YESTERDAY = NOON - timedelta(days=1)
LAST_WEEK = NOON - timedelta(days=7)
BOARD_STATEMENTS = 7


def sale(store, paid_at, fen=10_000, *, member=None, **more):
    return paid_order(
        member=member or make_member(),
        store=store,
        lines=[(more.pop("product", None) or make_product(), 1, fen)],
        paid_at=paid_at,
        **more,
    )


def board(client, **query):
    answer = client.get(INDEX, query)
    assert answer.status_code == 200
    return answer.context["dashboard"]


def figures(client, **query):
    return {f.code: (f.today, f.yesterday, f.week) for f in board(client, **query).figures}


def charts(client, **query):
    return {c.code: c.as_json() for c in board(client, **query).charts}


def alerts(client, **query):
    return {a.code: a.count for a in board(client, **query).alerts}
