"""Terminals on the operations site: made by headquarters, their keys shown once."""

import re

import pytest
from django.urls import reverse

from config.kernel.models import Event
from stores.models import Terminal
from tests.factories import (
    make_operator,
    make_staff,
    make_store,
    make_terminal,
    staff_client,
    till_client,
)

pytestmark = pytest.mark.django_db
NEW = reverse("admin:stores_terminal_list_command", args=["new"])


def command(terminal, name):
    return reverse("admin:stores_terminal_command", args=[terminal.pk, name])


def told(client, answer):
    return client.get(answer.url).content.decode()


def body(store, **fields):
    return {
        "reason": "新开收银台",
        "store": store.code,
        "name": "1 号台",
        "scopes": "look,pay",
        **fields,
    }


def known(key):
    answer = till_client(key).get("/api/v1/pos/tickets/none")
    return answer.json()["errors"][0]["code"] == "pos_ticket_unknown"


def test_a_key_is_shown_once_and_opens_the_api(now):
    store = make_store()
    client = staff_client(make_staff(operator=store.operator, role="headquarters", since=now))

    page = told(client, client.post(NEW, body(store)))

    terminal = Terminal.objects.get()
    key = re.search(rf"{terminal.no}\.[0-9A-Z]{{32}}", page)[0]
    assert (terminal.store_id, terminal.name, terminal.scopes) == (
        store.pk,
        "1 号台",
        ["look", "pay"],
    )
    assert known(key)
    for again in (
        client.get(reverse("admin:stores_terminal_changelist")),
        client.get(reverse("admin:stores_terminal_change", args=[terminal.pk])),
    ):
        text = again.content.decode()
        assert key.partition(".")[2] not in text
        assert terminal.key_hash not in text
    assert Event.objects.get(subject_type="terminal").reason == "新开收银台"


def test_another_key_and_none_at_all(now):
    store = make_store()
    terminal, old = make_terminal(store=store)
    client = staff_client(make_staff(operator=store.operator, role="headquarters", since=now))

    page = told(client, client.post(command(terminal, "rotate"), {"reason": "例行更换"}))
    new = re.search(rf"{terminal.no}\.[0-9A-Z]{{32}}", page)[0]
    assert (known(old), known(new)) == (False, True)
    assert client.post(command(terminal, "disable"), {"reason": "遗失"}).status_code == 302
    assert not known(new)
    for name in ("disable", "rotate"):
        assert client.post(command(terminal, name), {"reason": "再次"}).status_code == 409


@pytest.mark.parametrize("role", ["manager", "clerk", "finance", "auditor", "service"])
def test_nobody_else_gives_out_keys(now, role):
    terminal, key = make_terminal()
    client = staff_client(make_staff(store=terminal.store, role=role, since=now))

    assert client.post(NEW, body(terminal.store)).status_code == 403
    for name in ("rotate", "disable"):
        assert client.post(command(terminal, name), {"reason": "试试"}).status_code == 403
    assert known(key)
    assert Terminal.objects.count() == 1


def test_another_operators_stores_do_not_exist(now):
    terminal, key = make_terminal()
    client = staff_client(make_staff(operator=make_operator(), role="headquarters", since=now))

    assert client.post(NEW, body(terminal.store)).status_code == 400
    assert client.post(NEW, body(terminal.store, scopes="all")).status_code == 200
    assert client.post(command(terminal, "disable"), {"reason": "试试"}).status_code == 404
    assert known(key)
    assert Terminal.objects.count() == 1
