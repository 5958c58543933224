"""A list is taken away as it is filtered, by whoever may, on record, and harmless to open."""

import csv
import io
import zipfile
from xml.etree import ElementTree

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission
from django.urls import reverse

from config.kernel import exports
from config.kernel.exports import Fen, Head, csv_lines, safe_text, xlsx_file
from config.kernel.models import Event
from tests.factories import make_member, make_staff, make_store, make_user, staff_client
from tests.kernel.admin.world import Sale

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]

REGISTERED = sorted(admin.site._registry, key=lambda model: model._meta.label_lower)
STATEMENTS = 14


@pytest.fixture
def boss():
    return staff_client(make_user(superuser=True))


def url(model, page="export"):
    opts = model._meta
    return reverse(f"admin:{opts.app_label}_{opts.model_name}_{page}")


def order_list():
    from mall.models import Order

    return Order


def taken(client, model, query="", format="csv"):
    answer = client.post(f"{url(model)}{query}", {"format": format})
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_filtered_list_leaves_as_csv_with_yuan_and_fen(boss):
    paid, _placed = Sale(state="paid"), Sale()
    [row] = taken(boss, order_list(), "?state__exact=paid")
    assert row["编号"] == paid.order.no
    assert (row["应付合计 (¥)"], row["应付合计 (分)"]) == ("190.00", "19000")
    assert row["状态"] == "已支付" and row["渠道"] == "小程序"
    assert row["下单时间"].startswith("20") and len(row["下单时间"]) == 19
    assert len(taken(boss, order_list())) == 2
    assert [r["编号"] for r in taken(boss, order_list(), f"?q={paid.order.no}")] == [paid.order.no]


def test_it_is_on_record_with_the_filter_and_the_count(boss):
    sale = Sale()
    taken(boss, order_list(), f"?q=%2B{sale.member.phone[1:]}&state__exact=placed")
    event = Event.objects.get(kind="kernel.exported")
    assert (event.subject_type, event.actor_kind) == ("mall.order", "user")
    tail = sale.member.phone[-4:]
    assert event.payload == {
        "format": "csv",
        "count": 1,
        "filters": {"q": [f"+****{tail}"], "state__exact": ["placed"]},
        "whole_phones": False,
    }


def test_who_was_searched_for_by_name_is_not_on_record(boss):
    sale = Sale()
    taken(boss, order_list(), f"?q=王小明 {sale.order.no}")
    event = Event.objects.get(kind="kernel.exported")
    assert "王小明" not in str(event.payload)
    assert event.payload["filters"]["q"][0].startswith("… ")


@pytest.mark.parametrize("model", REGISTERED, ids=lambda model: model._meta.label_lower)
def test_every_list_can_be_taken_away(boss, model, django_assert_max_num_queries):
    Sale(), Sale()
    count = model._default_manager.count()
    with django_assert_max_num_queries(STATEMENTS) as used:
        rows = taken(boss, model)
    assert len(rows) >= min(count, 2)
    assert all(not value.startswith("<") for row in rows for value in row.values())
    Sale()
    with django_assert_max_num_queries(len(used)):
        taken(boss, model)


def test_a_workbook_holds_numbers_as_numbers(boss):
    sale = Sale()
    answer = boss.post(url(order_list()), {"format": "xlsx"})
    assert answer["Content-Disposition"].endswith('.xlsx"')
    cells = workbook(io.BytesIO(b"".join(answer.streaming_content)))
    assert sale.order.no in cells and "190.00" in cells and "19000" in cells
    assert Event.objects.get(kind="kernel.exported").payload["format"] == "xlsx"


def workbook(file):
    """The texts of every cell of the first sheet."""
    with file, zipfile.ZipFile(file) as book:
        sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
    assert not [tag for tag in sheet.iter() if tag.tag.endswith("}f")], "a formula"
    return [tag.text for tag in sheet.iter() if tag.tag.endswith(("}v", "}t"))]


@pytest.mark.parametrize(
    "text", ["=1+1", "+86138", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1"]
)
def test_no_text_is_computed(text):
    assert safe_text(text) == f"'{text}"
    heads = [Head("a"), Head("b", fen=True)]
    rows = [[text, Fen(-105)], ["plain", Fen(None)]]
    [_head, first, second] = csv.reader(
        io.StringIO("".join(csv_lines(heads, rows)).removeprefix("\ufeff"), newline="")
    )
    assert first == [f"'{text}", "-1.05", "-105"] and second == ["plain", "", ""]
    cells = workbook(xlsx_file(heads, [["=1+1", Fen(-105)]]))
    assert cells[-3:] == ["'=1+1", "-1.05", "-105"]


def test_a_name_that_is_a_formula_leaves_as_a_text(boss):
    member = make_member()
    type(member).objects.filter(pk=member.pk).update(nickname='=HYPERLINK("http://x")')
    [row] = taken(boss, type(member))
    assert row["昵称"] == '\'=HYPERLINK("http://x")'


def test_phones_leave_in_part_unless_one_may_see_them(now):
    store = make_store()
    member = make_member(phone="+8613812345678", home_store=store)
    model = type(member)
    finance = staff_client(make_staff(role="finance", since=now))
    assert taken(finance, model)[0]["电话"] == "'+86138****5678"
    head = staff_client(make_staff(role="headquarters", since=now))
    assert taken(head, model)[0]["电话"] == "'+8613812345678"
    marks = Event.objects.filter(kind="kernel.exported").order_by("id")
    assert [e.payload["whole_phones"] for e in marks] == [False, True]


def test_only_rows_of_ones_own_stores_leave(now):
    mine, _theirs = Sale(), Sale()
    manager = staff_client(make_staff(store=mine.store, role="manager", since=now))
    assert [row["编号"] for row in taken(manager, order_list())] == [mine.order.no]


def test_who_may_look_may_not_therefore_take_away(now):
    sale = Sale()
    for role in ("clerk", "service"):
        client = staff_client(make_staff(store=sale.store, role=role, since=now))
        page = client.get(url(order_list(), "changelist"))
        assert page.status_code == 200 and "export/?" not in page.content.decode()
        assert client.post(url(order_list()), {"format": "csv"}).status_code == 403
    assert not Event.objects.filter(kind="kernel.exported").exists()
    granted = make_staff(store=sale.store, role="clerk", since=now)
    granted.user_permissions.add(Permission.objects.get(codename="export_order"))
    client = staff_client(granted)
    assert "export/?" in client.get(url(order_list(), "changelist")).content.decode()
    assert len(taken(client, order_list())) == 1


def test_it_is_asked_for_by_post_and_in_a_known_form(boss):
    assert boss.get(url(order_list())).status_code == 405
    assert boss.post(url(order_list()), {"format": "pdf"}).status_code == 404
    assert boss.post(url(order_list()) + "?nope=1", {"format": "csv"}).status_code == 404
    assert not Event.objects.filter(kind="kernel.exported").exists()


def test_a_workbook_that_would_be_too_long_is_refused_in_words(boss, monkeypatch):
    Sale(), Sale()
    monkeypatch.setattr(exports, "XLSX_MOST", 1)
    answer = boss.post(url(order_list()) + "?q=", {"format": "xlsx"}, follow=True)
    assert answer.redirect_chain[-1][0].endswith("/admin/mall/order/?q=")
    assert "超过 1 行" in answer.content.decode()
    assert not Event.objects.filter(kind="kernel.exported").exists()
