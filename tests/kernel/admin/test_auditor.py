"""The auditor reads everything and changes nothing: every address of ours is sent a form."""

import re

import pytest
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import URLPattern, get_resolver

from tests.factories import make_staff, session_token, staff_client
from tests.kernel.admin.role_tables import ROWS
from tests.kernel.admin.world import Sale

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]

FACES = ("admin/", "desk/", "guide/", "api/v1/")
WRITES = re.compile(r'\b(?:INSERT INTO|DELETE FROM|(?<!FOR )(?<!DO )UPDATE) +"?(\w+)')
# What is the reader's own: their session, filters they keep, files they asked for, and the
# record of having asked.
OWN = {"kernel_session", "kernel_savedfilter", "kernel_batch", "kernel_event"}
FORM = {
    "reason": "审计试试",
    "decision": "approve",
    "action": "delete_selected",
    "format": "csv",
    "price_fen": "1.00",
    "name": "x",
    "code": "x",
    "order_no": "x",
    "units-0": "1",
    "store": "x",
}


def addresses(sale):
    """(address, route) of every pattern of our faces, with a row of ``sale`` in it."""
    rows = {label.replace(".", "_"): read(sale).pk for label, read in ROWS.items()}
    commands = {
        model._meta.label_lower.replace(".", "_"): [
            a.name for a in (*page.service_actions, *page.list_service_actions)
        ]
        for model, page in admin.site._registry.items()
        if hasattr(page, "service_actions")
    }
    known = {"order_no": sale.order.no, "no": sale.order.no, "token": sale.code.token}

    def walk(patterns, prefix):
        for pattern in patterns:
            route = prefix + str(pattern.pattern)
            if isinstance(pattern, URLPattern):
                yield route, pattern
            else:
                yield from walk(pattern.url_patterns, route)

    for route, pattern in walk(get_resolver().url_patterns, ""):
        if not route.startswith(FACES):
            continue
        model = next((m for m in rows if f"/{m.replace('_', '/', 1)}/" in f"/{route}"), "")
        for name in commands.get(model) or ["x"]:
            values = {**known, "object_id": rows.get(model, 1), "id": rows.get(model, 1)}
            values |= {"name": name, "app_label": "mall", "content_type_id": 1}

            def value(found, values=values):
                return str(values.get(found[1], 1))

            address = re.sub(r"<(?:\w+:)?(\w+)>", value, route)
            # Patterns by expression.
            address = re.sub(r"\(\?P<(\w+)>[^()]*(?:\([^()]*\))?[^()]*\)", value, address)
            yield "/" + re.sub(r"[\^$]|\\Z|\\", "", address), pattern.name
            if "<slug:name>" not in route:
                break


def send(client, token, sale, wanted=""):
    """(address, status, tables that it wrote to) of a form sent to each address."""
    for n, (address, name) in enumerate(sorted(set(addresses(sale)), key=str)):
        if name in ("logout", "jsi18n") or wanted not in address:
            continue
        headers = {"Idempotency-Key": f"auditor-key-{n:05d}"}
        if address.startswith("/api/"):
            headers["X-Session-Token"] = token
        with CaptureQueriesContext(connection) as used:
            answer = client.post(address, FORM, headers=headers)
        tables = {t for q in used.captured_queries for t in WRITES.findall(q["sql"])}
        yield address, answer.status_code, tables - OWN


@pytest.mark.parametrize("bound", ["group", "operator"])
def test_no_form_of_an_auditor_writes_a_row(bound):
    sale = Sale()
    user = make_staff(role="auditor", **({} if bound == "group" else {"operator": sale.operator}))
    client = staff_client(user)
    client.raise_request_exception = False
    answers = list(send(client, session_token(user), sale))
    assert [a for a in answers if a[2]] == []
    assert [a for a in answers if a[1] >= 500] == []
    assert len(answers) > 400


def test_the_same_forms_write_for_whoever_may():
    sale = Sale()
    user = make_staff(role="headquarters")
    answers = send(
        staff_client(user), session_token(user), sale, f"/{sale.card.pk}/command/freeze/"
    )
    assert [answer[1:] for answer in answers] == [(302, {"members_card"})]
