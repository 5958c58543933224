"""Terminals over HTTP: who is let in, and what each may do."""

from datetime import timedelta

import pytest

from config.kernel.actors import SYSTEM
from config.kernel.models import Event
from stores.models import Terminal
from stores.services.terminal_disable import terminal_disable
from stores.services.terminal_rotate import terminal_rotate
from tests.factories import (
    api_client,
    make_terminal,
    till_client,
)
from tests.mall.api.tills import pay, refused, scan, untouched

pytestmark = pytest.mark.django_db


def test_a_terminal_is_known_by_its_key_and_its_cashier(till, key, store, member, card, now):
    no, _dot, secret = key.partition(".")
    wrong = [
        f"{no}.{secret[:-1]}X",
        f"TM00000000.{secret}",
        f"{no}.",
        f"{no}.{'界' * 8}".encode().decode("latin-1"),
        "nonsense",
        f"TM\u0000.{secret}".replace("\0", "%00"),
    ]
    for other in wrong:
        refused(till_client(other).get("/api/v1/pos/tickets/T-1"), 401, "terminal_unknown")
    refused(api_client().get("/api/v1/pos/tickets/T-1"), 401, "not_authenticated")
    refused(api_client(member).get("/api/v1/pos/tickets/T-1"), 401, "not_authenticated")
    for cashier in ("", "a" * 21, "7 7"):
        answer = till_client(key, cashier=cashier).get("/api/v1/pos/tickets/T-1")
        refused(answer, 400, "cashier_missing")
    refused(till.get("/api/v1/pos/tickets/T-1"), 404, "pos_ticket_unknown")
    refused(till.get("/api/v1/orders"), 401, "not_authenticated")


def test_a_terminal_does_not_do_what_its_key_does_not_allow(store, member, card, now):
    looking = till_client(make_terminal(store=store, scopes=["look"])[1])
    visit = scan(looking, member, now)

    refused(pay(looking, visit), 403, "terminal_scope")
    for what in ("refunds", "void"):
        answer = looking.command(f"/api/v1/pos/tickets/T-1/{what}", {})
        refused(answer, 403, "terminal_scope")
    paying = till_client(make_terminal(store=store, scopes=["pay"])[1])
    refused(paying.command("/api/v1/pos/members", {"code": "9"}), 403, "terminal_scope")
    untouched(card)


def test_a_lost_terminal_and_an_old_key_open_nothing(store, now):
    terminal, old = make_terminal(store=store)
    new = terminal_rotate(terminal_id=terminal.pk, actor=SYSTEM, now=now)
    refused(till_client(old).get("/api/v1/pos/tickets/T-1"), 401, "terminal_unknown")
    refused(till_client(new).get("/api/v1/pos/tickets/T-1"), 404, "pos_ticket_unknown")

    terminal_disable(terminal_id=terminal.pk, reason="stolen", actor=SYSTEM, now=now)
    refused(till_client(new).get("/api/v1/pos/tickets/T-1"), 401, "terminal_unknown")
    changes = Event.objects.filter(subject_type="terminal", subject_id=terminal.pk)
    assert [e.payload["change"] for e in changes.order_by("pk")] == [
        "created",
        "rotated",
        "disabled",
    ]


@pytest.mark.parametrize("what", ["store", "operator"])
def test_a_closed_store_takes_nothing(till, store, what, now):
    row = store if what == "store" else store.operator
    type(row).objects.filter(pk=row.pk).update(archived_at=now)

    refused(till.get("/api/v1/pos/tickets/T-1"), 401, "terminal_unknown")


def test_a_terminal_is_seen_once_a_minute(till, store, now, django_assert_num_queries):
    till.get("/api/v1/pos/tickets/T-1")
    seen = Terminal.objects.get().last_seen_at
    assert abs(seen - now) < timedelta(minutes=1)

    till.get("/api/v1/pos/tickets/T-1")
    assert Terminal.objects.get().last_seen_at == seen
