"""The command palette: found by what a person has in hand, within what they may see."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.kernel.admin.search import _finders, _parts
from tests.factories import make_staff, make_user, staff_client
from tests.kernel.admin.world import Sale

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]

SEARCH = reverse("admin:search")
STATEMENTS = 8


@pytest.fixture
def boss():
    return staff_client(make_user(superuser=True))


def link(row):
    opts = row._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_change", args=[row.pk])


def found(client, term):
    """Links to rows; the theme adds pages whose names match."""
    answer = client.get(SEARCH, {"s": term, "extended": "1"})
    assert answer.status_code == 200
    if "results" not in (answer.context or {}):
        return set()
    return {str(r.link) for r in answer.context["results"] if "/change/" in str(r.link)}


def test_each_thing_is_found_by_what_is_written_on_it(boss):
    Sale()
    sale = Sale()
    type(sale.member).objects.filter(pk=sale.member.pk).update(nickname="王小满")
    type(sale.sku).objects.filter(pk=sale.sku.pk).update(barcode="6901234567892")
    type(sale.payment).objects.filter(pk=sale.payment.pk).update(transaction_id="4200-xyz")
    Sale()
    expected = {
        sale.order.no: {sale.order, sale.payment, sale.refund, sale.after_sale, sale.pickup},
        sale.order.no.lower(): {
            sale.order,
            sale.payment,
            sale.refund,
            sale.after_sale,
            sale.pickup,
        },
        sale.member.phone: {sale.member, sale.order, sale.card, sale.coupon},
        sale.member.phone.removeprefix("+86"): {sale.member, sale.order, sale.card, sale.coupon},
        "王小": {sale.member},
        sale.member.no: {sale.member},
        sale.card.no: {sale.card},
        sale.approval.no: {sale.approval},
        sale.coupon.no: {sale.coupon},
        sale.payment.no: {sale.payment},
        "4200-xyz": {sale.payment},
        sale.pickup.no: {sale.pickup},
        sale.sku.code: {sale.sku},
        "6901234567892": {sale.sku},
        sale.guide.no: {sale.guide},
    }
    for term, rows in expected.items():
        assert found(boss, term) >= {link(row) for row in rows}, term
    assert found(boss, sale.card.no) == {link(sale.card)}
    assert found(boss, "小满") == set()


def test_a_product_is_found_by_a_word_of_its_name(boss):
    sale = Sale()
    assert link(sale.product) in found(boss, sale.product.name[:6])


@pytest.mark.parametrize("term", ["x", "'", "%%", "__", "\\", "no such thing", "+86 1", "9" * 60])
def test_nothing_is_no_error(boss, term):
    Sale()
    assert found(boss, term) == set()


def test_only_rows_of_ones_own_stores_are_found():
    mine, theirs = Sale(), Sale()
    service = staff_client(make_staff(store=mine.store, role="service"))
    assert link(mine.order) in found(service, mine.order.no)
    assert link(mine.member) in found(service, mine.member.phone)
    for term in (
        theirs.order.no,
        theirs.member.phone,
        theirs.pickup.no,
        theirs.card.no,
        theirs.coupon.no,
        theirs.payment.no,
        theirs.guide.no,
    ):
        assert found(service, term) == set(), term
    clerk = staff_client(make_staff(store=mine.store, role="clerk"))
    assert found(clerk, mine.member.phone) == {link(mine.order)}


def test_a_search_is_one_statement_beside_who_asks():
    for _nth in range(3):
        sale = Sale()
    client = staff_client(make_staff(store=sale.store, role="finance"))
    for term in (sale.order.no, sale.member.phone, "小"):
        with CaptureQueriesContext(connection) as used:
            found(client, f"{term}")
        assert len(used) <= STATEMENTS, [q["sql"][:80] for q in used]


def test_no_part_of_it_looks_for_the_middle_of_a_word_in_a_table_that_grows(rf):
    request = rf.get("/")
    request.user = make_user(superuser=True)
    small = {"guide", "product"}  # the product's words have an index for that
    for term in ("ABC123", "13800000000", "王小满"):
        for position, one in enumerate(_finders):
            for part in _parts(request, position, one, term):
                if one.model._meta.model_name not in small:
                    assert "LIKE %" not in str(part.query), part.query
