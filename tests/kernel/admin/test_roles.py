"""Roles × pages × own and foreign rows, as the tables of ``role_tables`` say.

Two sales, one's own and a foreign one, are made once for the module. Pages answer in full but for
their texts, which ``test_every_page.py`` looks at.
"""

import pytest
from django.db import transaction
from django.template.response import SimpleTemplateResponse
from django.urls import reverse

from stores.permissions import GRANTS
from stores.states import Role
from tests.factories import make_staff, make_user, staff_client
from tests.kernel.admin.role_tables import (
    ALL,
    BOOKS,
    EXPORT,
    GROUP,
    GUIDES,
    INBOX,
    LABELS,
    PAGES,
    PEOPLE,
    ROWS,
    SALES,
    SEEN,
    SHARED,
    url,
)
from tests.kernel.admin.world import Sale

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]


@pytest.fixture(scope="module")
def sales(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), transaction.atomic():
        yield Sale(), Sale()
        transaction.set_rollback(True)


@pytest.fixture
def mine(sales):
    return sales[0]


@pytest.fixture
def theirs(sales):
    return sales[1]


@pytest.fixture
def texts():
    """Asked for by a test that reads pages."""


@pytest.fixture(autouse=True)
def _without_texts(request, monkeypatch):
    if "texts" not in request.fixturenames:
        monkeypatch.setattr(SimpleTemplateResponse, "rendered_content", "")


def assigned(role, bound, sale):
    scope = {"store": {"store": sale.store}, "operator": {"operator": sale.operator}, "group": {}}
    person = make_user(username=f"{role}-{bound}", is_staff=True)
    return staff_client(make_staff(role=role, user=person, **scope[bound]))


def shows(bound, label):
    """(own row, foreign row) are in the list."""
    if bound == "group" or label in SHARED:
        return True, True
    return label in SEEN[bound], False


def listed(answer):
    return {row.pk for row in answer.context_data["cl"].queryset}


def test_the_table_names_every_page_once():
    assert set(ROWS) == set(LABELS) == ALL | GROUP | {"auth.group"}
    parts = [SALES, PEOPLE, GUIDES, BOOKS, INBOX, GROUP]
    assert sum(len(part) for part in parts) == len(set().union(*parts))


def test_whoever_assigns_roles_gives_away_no_more_than_they_have():
    for role, granted in GRANTS.items():
        assert granted <= GRANTS[Role.HEADQUARTERS], role


@pytest.mark.parametrize(("role", "bound"), sorted(PAGES))
def test_a_role_opens_its_pages_and_finds_its_own_rows(role, bound, mine, theirs):
    client = assigned(role, bound, mine)
    for label in LABELS:
        own, foreign = ROWS[label](mine), ROWS[label](theirs)
        answer = client.get(url(label, "changelist"))
        if label not in PAGES[role, bound]:
            assert answer.status_code == 403, label
            assert client.get(url(label, "change", own.pk)).status_code in (403, 404), label
            assert client.post(url(label, "export"), {"format": "csv"}).status_code == 403, label
            continue
        assert answer.status_code == 200, label
        found = listed(answer)
        assert (own.pk in found, foreign.pk in found) == shows(bound, label), label


@pytest.mark.parametrize(("role", "bound"), sorted(PAGES))
def test_what_a_role_opens_can_be_read(role, bound, mine, texts):
    client = assigned(role, bound, mine)
    pages = [reverse("admin:index"), url("mall.order", "changelist")]
    pages += [
        url(label, "change", ROWS[label](mine).pk) for label in ("mall.order", "stores.store")
    ]
    for page in pages:
        assert mine.store.name in client.get(page).content.decode(), page


@pytest.mark.parametrize(("role", "bound"), sorted(PAGES))
def test_an_address_typed_by_hand_leads_no_further_than_the_list(role, bound, mine, theirs):
    client = assigned(role, bound, mine)
    for label in sorted(PAGES[role, bound] - {"kernel.session"}):
        # Whoever sees everything sees any row alike.
        sales = [mine] if bound == "group" else [mine, theirs]
        for row, seen in zip([ROWS[label](s) for s in sales], shows(bound, label), strict=False):
            # Django leads away from what is not there for this person.
            expected = 200 if seen else 302
            assert client.get(url(label, "change", row.pk)).status_code == expected, label
            if label in ("mall.order", "members.card"):
                assert client.get(url(label, "history", row.pk)).status_code == expected, label


def taken(client, label):
    """The primary words of the exported rows, None when it is refused."""
    answer = client.post(url(label, "export"), {"format": "csv"})
    if answer.status_code == 403:
        return None
    return b"".join(answer.streaming_content).decode().strip().splitlines()[1:]


@pytest.mark.parametrize(("role", "bound"), sorted(PAGES))
def test_exports_hold_what_the_list_holds(role, bound, mine):
    client = assigned(role, bound, mine)
    for label in ("mall.order", "mall.stock", "stores.pickup", "mall.promotion"):
        lines = taken(client, label)
        if role not in EXPORT:
            assert lines is None, label
            continue
        assert len(lines) == sum(shows(bound, label)), label


COMMANDS = [
    ("mall.order", "cancel", {"headquarters", "manager", "service"}),
    ("mall.order", "after-sale", {"headquarters", "manager", "service"}),
    ("mall.aftersale", "approve", {"headquarters", "finance", "manager", "service"}),
    ("mall.aftersale", "refuse", {"headquarters", "finance", "manager", "service"}),
    ("mall.refund", "retry", {"headquarters", "finance"}),
    ("mall.refund", "switch", {"headquarters", "finance"}),
    ("members.cardpaybackline", "paid", {"headquarters", "finance"}),
    ("members.card", "freeze", {"headquarters", "finance", "service"}),
    ("members.card", "thaw", {"headquarters", "finance", "service"}),
    ("members.card", "lost", {"headquarters", "finance", "service"}),
    ("members.card", "replace", {"headquarters", "finance", "service"}),
    ("members.card", "holder", {"headquarters", "finance", "service"}),
    ("members.card", "close", {"headquarters", "finance", "service"}),
    ("members.card", "adjust", {"headquarters", "finance", "service"}),
    ("members.member", "points", {"headquarters", "finance", "service"}),
    ("members.member", "tag", {"headquarters", "service"}),
    ("members.member", "untag", {"headquarters", "service"}),
    ("members.cardalert", "settle", {"headquarters", "finance", "service"}),
    ("members.cardbatch", "void", {"headquarters", "finance"}),
    ("members.cardbatch", "paid", {"headquarters", "finance"}),
    ("members.cardidentity", "reveal", {"headquarters", "finance"}),
    ("stores.terminal", "rotate", {"headquarters"}),
    ("mall.storeoffer", "price", {"headquarters", "manager"}),
    # Who may decide on this one is said by the limits; the button alone is not enough.
    ("kernel.approval", "refuse", {"headquarters", "finance", "manager", "service"}),
    ("stores.store", "archive", {"headquarters"}),
    ("coupons.template", "archive", {"headquarters"}),
    ("coupons.template", "stop", {"headquarters"}),
    ("coupons.template", "resume", {"headquarters"}),
    ("coupons.quotaalert", "stop", {"headquarters"}),
    ("coupons.quotaalert", "settle", {"headquarters"}),
    ("coupons.template", "push", {"headquarters"}),
    ("coupons.template", "place", {"headquarters"}),
    ("coupons.codepool", "codes", {"headquarters"}),
    ("coupons.codepool", "stop", {"headquarters"}),
    ("members.cardproduct", "archive", {"headquarters"}),
]
IN_GROUP_ONLY = [
    ("mall.sku", "price"),
    ("mall.product", "archive"),
    ("stores.operator", "archive"),
    ("kernel.policyversion", "publish"),
]


@pytest.mark.parametrize(("role", "bound"), sorted(PAGES))
def test_commands_are_asked_of_whoever_may_give_them(role, bound, mine, theirs):
    client = assigned(role, bound, mine)
    for label, name, roles in COMMANDS:
        own = client.get(url(label, "command", ROWS[label](mine).pk, name))
        foreign = client.post(url(label, "command", ROWS[label](theirs).pk, name), {"reason": "越"})
        if role not in roles:
            assert (own.status_code, foreign.status_code) == (403, 403), (label, name)
            continue
        seen, seen_foreign = shows(bound, label)
        assert own.status_code == (200 if seen else 404), (label, name)
        assert foreign.status_code == (200 if seen_foreign else 404), (label, name)
    for label, name in IN_GROUP_ONLY:
        own = client.get(url(label, "command", ROWS[label](mine).pk, name))
        allowed = (role, bound) == ("headquarters", "group")
        assert own.status_code == (200 if allowed else 403), (label, name)


@pytest.mark.parametrize("bound", ["operator", "group"])
def test_an_auditor_reads_everything_and_changes_nothing(bound, mine):
    client = assigned("auditor", bound, mine)
    for label in sorted(PAGES["auditor", bound] - {"kernel.session"}):
        row = ROWS[label](mine)
        if shows(bound, label)[0]:
            assert client.post(url(label, "change", row.pk), {}).status_code == 403, label
        assert client.get(url(label, "add")).status_code == 403, label
        assert client.post(url(label, "add"), {}).status_code == 403, label


def test_staff_without_an_assignment_see_an_empty_house(mine):
    client = staff_client(make_user(username="nobody", is_staff=True))
    assert client.get(reverse("admin:index")).context_data["dashboard"].empty
    for label in LABELS:
        assert client.get(url(label, "changelist")).status_code == 403, label
