"""Somebody with two assignments has each one's powers where it reaches, and not their sum."""

from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.kernel.dashboard import visible_to
from config.kernel.models import Event, User
from mall.models import Order, StoreOffer
from stores.reach import EVERYWHERE, NOWHERE, Reach, staff_reach
from tests.factories import make_staff, make_store, make_user, staff_client
from tests.kernel.admin.role_tables import GUIDES, PEOPLE, ROWS, SALES, SHARED, first, url
from tests.kernel.admin.test_search import found as palette
from tests.kernel.admin.test_search import link
from tests.kernel.admin.world import Sale

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]
# Pages that a store's manager may open; what they list is the operator's.
OPERATORS = {"mall.promotion", "mall.pointsoffer", "guides.couponallowance"}


@pytest.fixture
def mine():
    return Sale()


@pytest.fixture
def theirs():
    return Sale()


@pytest.fixture
def both(mine, theirs):
    """A manager at one store who is a clerk at another operator's."""
    return make_staff(
        store=theirs.store, role="clerk", user=make_staff(store=mine.store, role="manager")
    )


@pytest.fixture
def two(mine, theirs):
    """The finance of one operator who manages a store of another."""
    user = make_staff(operator=mine.operator, role="finance")
    return make_staff(store=theirs.store, role="manager", user=user)


def listed(client, label):
    answer = client.get(url(label, "changelist"))
    assert answer.status_code == 200, label
    return {row.pk for row in answer.context["cl"].queryset}


def seen(client, label, mine, theirs):
    found = listed(client, label)
    return ROWS[label](mine).pk in found, ROWS[label](theirs).pk in found


def commands(client, label, row):
    page = client.get(url(label, "change", row.pk))
    return {b["url"].rstrip("/").rpartition("/")[2] for b in page.context["service_buttons"]}


def asked(client, label, row, name):
    return client.get(url(label, "command", row.pk, name)).status_code


def taken(client, label, **query):
    answer = client.post(f"{url(label, 'export')}?{urlencode(query)}", {"format": "csv"})
    assert answer.status_code == 200, label
    return b"".join(answer.streaming_content).decode().strip().splitlines()[1:]


# --- a manager here, a clerk there ------------------------------------------------------------


def test_lists_hold_what_the_assignment_that_opens_them_reaches(both, mine, theirs):
    client = staff_client(both)
    for label in ("mall.order", "mall.stock", "mall.storeoffer", "stores.pickup", "mall.refund"):
        assert seen(client, label, mine, theirs) == (True, True), label
    for label in sorted(GUIDES - OPERATORS):
        assert seen(client, label, mine, theirs) == (True, False), label
    for label in sorted(PEOPLE):
        assert client.get(url(label, "changelist")).status_code == 403, label


def test_pages_that_one_assignment_opens_stay_shut_at_the_other(both, mine, theirs):
    client = staff_client(both)
    for label in ("guides.guide", "guides.commissionentry"):
        assert client.get(url(label, "change", ROWS[label](mine).pk)).status_code == 200
        assert client.get(url(label, "change", ROWS[label](theirs).pk)).status_code == 302


def test_commands_are_given_where_one_manages(both, mine, theirs):
    client = staff_client(both)
    assert commands(client, "mall.order", mine.order) == {"cancel"}
    assert commands(client, "mall.order", theirs.order) == set()
    for label, name in (
        ("mall.order", "cancel"),
        ("mall.aftersale", "approve"),
        ("mall.aftersale", "refuse"),
        ("mall.storeoffer", "price"),
    ):
        own, foreign = ROWS[label](mine), ROWS[label](theirs)
        assert asked(client, label, own, name) == 200, (label, name)
        assert asked(client, label, foreign, name) == 403, (label, name)
        answer = client.post(url(label, "command", foreign.pk, name), {"reason": "越权试试"})
        assert answer.status_code == 403, (label, name)
    theirs.order.refresh_from_db()
    assert theirs.order.state == "placed"
    assert not Event.objects.filter(actor_id=str(both.pk)).exists()


def test_a_form_is_open_where_one_manages_and_read_only_elsewhere(both, mine, theirs):
    client = staff_client(both)
    here, there = mine.store.offers.get(), theirs.store.offers.get()
    assert client.get(url("mall.storeoffer", "change", here.pk)).context["has_change_permission"]
    page = client.get(url("mall.storeoffer", "change", there.pk))
    assert page.status_code == 200 and not page.context["has_change_permission"]
    for offer, status in ((here, 302), (there, 403)):
        answer = client.post(url("mall.storeoffer", "change", offer.pk), {"listed": ""})
        assert answer.status_code == status
    assert set(StoreOffer.objects.filter(listed=False)) == {here}


def test_nothing_is_added_where_one_does_not_manage(both, mine, theirs):
    client = staff_client(both)
    page = client.get(url("mall.storeoffer", "add"))
    assert list(page.context["adminform"].form.fields["store"].queryset) == [mine.store]
    before = StoreOffer.objects.count()
    data = {"store": theirs.store.pk, "sku": mine.sku.pk, "listed": "on"}
    answer = client.post(url("mall.storeoffer", "add"), data)
    assert answer.status_code == 200 and "store" in answer.context["adminform"].form.errors
    assert StoreOffer.objects.count() == before


def test_what_a_form_lets_through_is_undone(both, mine, theirs, monkeypatch):
    monkeypatch.setattr(
        "stores.admin.scope.StaffScoped.formfield_for_foreignkey",
        lambda self, field, request, **more: field.formfield(**more),
    )
    before = StoreOffer.objects.count()
    data = {"store": theirs.store.pk, "sku": mine.sku.pk, "listed": "on"}
    answer = staff_client(both).post(url("mall.storeoffer", "add"), data)
    assert answer.status_code == 403
    assert StoreOffer.objects.count() == before
    assert not Event.objects.filter(actor_id=str(both.pk)).exists()


def test_exports_hold_what_one_may_take_away(both, mine):
    client = staff_client(both)
    for label in ("mall.order", "mall.refund", "stores.pickup"):
        assert len(listed(client, label)) == 2, label
        assert len(taken(client, label)) == 1, label
    assert mine.order.no in taken(client, "mall.order")[0]
    exported = Event.objects.filter(kind="kernel.exported", actor_id=str(both.pk))
    assert {e.payload["count"] for e in exported} == {1}


def test_figures_are_of_the_stores_where_they_may_be_seen(both, mine, theirs):
    visible = visible_to(both)
    assert {s.pk for s in visible.stores} == {mine.store.pk, theirs.store.pk}

    def held(permission):
        return {s.pk for s in visible.where(permission).stores}

    assert held("mall.view_order") == {mine.store.pk, theirs.store.pk}
    assert held("guides.view_guide") == {mine.store.pk}
    assert held("members.view_member") == set()
    page = staff_client(both).get(reverse("admin:index"))
    assert [r.code for r in page.context["dashboard"].rankings] == ["guides"]


# --- finance of one operator, manager at a store of another -----------------------------------


def test_books_and_people_are_ones_operators_sales_are_both(two, mine, theirs):
    client = staff_client(two)
    for label in [*sorted(PEOPLE - SHARED), "stores.account", "stores.transfer"]:
        assert seen(client, label, mine, theirs) == (True, False), label
    for label in sorted((SALES | GUIDES) - SHARED - OPERATORS):
        assert seen(client, label, mine, theirs) == (True, True), label
    for label in sorted(OPERATORS):
        assert seen(client, label, mine, theirs) == (True, False), label


def test_each_command_is_given_by_the_role_that_holds_there(two, mine, theirs):
    client = staff_client(two)
    answers = {
        (label, name): (
            asked(client, label, ROWS[label](mine), name),
            asked(client, label, ROWS[label](theirs), name),
        )
        for label, name in (
            ("mall.refund", "retry"),
            ("mall.aftersale", "approve"),
            ("mall.order", "cancel"),
            ("mall.storeoffer", "price"),
            ("members.card", "freeze"),
            ("kernel.approval", "refuse"),
        )
    }
    assert answers == {
        ("mall.refund", "retry"): (200, 403),
        ("mall.aftersale", "approve"): (200, 200),
        ("mall.order", "cancel"): (403, 200),
        ("mall.storeoffer", "price"): (403, 200),
        ("members.card", "freeze"): (200, 404),
        ("kernel.approval", "refuse"): (200, 200),
    }


def test_each_list_leaves_by_the_role_that_may_take_it(two, mine):
    client = staff_client(two)
    assert len(taken(client, "mall.order")) == 2
    assert len(taken(client, "mall.promotion")) == 1
    [member] = taken(client, "members.member")
    assert mine.member.no in member


def test_the_palette_finds_what_the_lists_hold(two, mine, theirs):
    client = staff_client(two)

    def found(row):
        return set(palette(client, row.no))

    assert link(mine.order) in found(mine.order)
    assert link(theirs.order) in found(theirs.order)
    assert found(mine.card) == {link(mine.card)}
    assert found(theirs.card) == set()


# --- whatever grants it -----------------------------------------------------------------------


def test_whole_phones_leave_where_one_may_see_them(mine, theirs):
    """Headquarters of one operator see phones whole; the finance of another does not."""
    user = make_staff(operator=mine.operator, role="headquarters")

    def phones():
        return taken(staff_client(user), "members.member")

    assert mine.member.phone in phones()[0]
    make_staff(operator=theirs.operator, role="finance", user=user)
    lines = phones()
    assert len(lines) == 2
    for sale in (mine, theirs):
        assert not any(sale.member.phone in line for line in lines)


def test_what_is_granted_to_the_person_holds_where_they_are_assigned(mine, theirs):
    user = make_staff(store=mine.store, role="clerk")
    user.user_permissions.add(Permission.objects.get(codename="view_member"))
    client = staff_client(user)
    assert seen(client, "members.member", mine, theirs) == (True, False)


def test_a_permission_is_asked_for_a_row(both, mine, theirs):
    user = User.objects.get(pk=both.pk)
    assert user.has_perm("mall.change_order")
    assert user.has_perm("mall.change_order", mine.order)
    assert not user.has_perm("mall.change_order", theirs.order)
    assert user.has_perm("mall.view_order", theirs.order)
    assert not user.has_perm("members.view_member", mine.member)
    # Rows that belong to nobody in particular.
    assert user.has_perm("mall.view_brand", mine.product.brand)
    assert make_user(superuser=True).has_perm("mall.change_order", theirs.order)
    assert not make_user(is_staff=True).has_perm("mall.view_order", theirs.order)


def test_where_is_told_by_the_assignments_that_grant(both, mine, theirs, now):
    stores = frozenset({mine.store.pk, theirs.store.pk})
    user = User.objects.get(pk=both.pk)
    assert staff_reach(user, "mall.view_order") == Reach(store_ids=stores)
    assert staff_reach(user, "mall.change_order") == Reach(store_ids=frozenset({mine.store.pk}))
    assert staff_reach(user, "members.view_card") == NOWHERE
    assert staff_reach(make_user(superuser=True), "members.view_card") == EVERYWHERE
    assert staff_reach(make_staff(role="auditor"), "members.view_card") == EVERYWHERE
    assert staff_reach(make_staff(role="auditor"), "members.change_card") == NOWHERE
    gone = make_staff(store=make_store(), role="manager", since=mine.order.placed_at, until=None)
    gone.is_active = False
    assert staff_reach(gone, "mall.view_order") == NOWHERE
    assert set(Order.objects.for_staff(user, "mall.change_order")) == {mine.order}


def test_assignments_are_read_once_for_a_page(both, mine, theirs):
    client = staff_client(both)
    for page in (
        url("mall.order", "change", mine.order.pk),
        url("mall.order", "changelist"),
        url("mall.storeoffer", "change", first("mall.storeoffer", store=theirs.store).pk),
    ):
        with CaptureQueriesContext(connection) as used:
            assert client.get(page).status_code == 200
        reads = [q for q in used.captured_queries if 'FROM "stores_assignment"' in q["sql"]]
        assert len(reads) == 1, page
