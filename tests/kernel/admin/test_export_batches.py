"""A long list leaves in the background: its maker's file, for a week, with its maker's rows."""

import csv
import io
from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission

from config.kernel import batches, clock, exports, tasks
from config.kernel.admin import export_batches
from config.kernel.batches import LEASE, batch_claim, batch_work, batches_run
from config.kernel.export_files import exports_purge
from config.kernel.models import Batch, Event
from members.models import Member
from stores.models import Assignment
from tests.factories import make_member, make_staff, make_store, make_user, staff_client
from tests.kernel.admin.test_export import workbook
from tests.kernel.admin.world import Sale

pytestmark = [pytest.mark.django_db, pytest.mark.corrupts]

ORDERS = "/admin/mall/order/"
MEMBERS = "/admin/members/member/"


@pytest.fixture(autouse=True)
def folder(settings, tmp_path):
    settings.EXPORT_DIR = tmp_path / "exports"
    return settings.EXPORT_DIR


@pytest.fixture
def boss():
    return staff_client(make_user(superuser=True))


def ask(client, url=ORDERS, query="", format="csv", background="1"):
    answer = client.post(f"{url}export/{query}", {"format": format, "background": background})
    assert answer.status_code == 302
    batch = Batch.objects.latest("id")
    assert answer.url == f"/admin/kernel/batch/{batch.pk}/progress/"
    return batch


def work():
    return batches_run(clock=clock.now)


def fetch(client, batch):
    return client.post(f"/admin/kernel/batch/{batch.pk}/file/")


def rows_of(answer):
    assert answer.status_code == 200
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_the_filtered_list_is_made_into_a_file_and_fetched(boss, folder):
    paid, _placed = Sale(state="paid"), Sale()
    batch = ask(boss, query="?state__exact=paid")
    url = f"/admin/kernel/batch/{batch.pk}/progress/"
    assert (batch.kind, batch.subject, batch.total, batch.status) == (
        "export",
        "mall.order",
        1,
        "waiting",
    )
    assert 'http-equiv="refresh"' in boss.get(url).content.decode()
    assert fetch(boss, batch).status_code == 404

    assert work() == 1

    batch.refresh_from_db()
    assert (batch.status, batch.done, batch.summary) == ("done", 1, {"rows": 1})
    page = boss.get(url).content.decode()
    assert f"/{batch.pk}/file/" in page and 'http-equiv="refresh"' not in page
    answer = fetch(boss, batch)
    assert answer["Content-Disposition"].endswith('.csv"')
    [row] = rows_of(answer)
    assert row["编号"] == paid.order.no and row["应付合计 (¥)"] == "190.00"
    assert row["状态"] == "已支付"
    [file] = folder.iterdir()
    assert file.name == batch.file and file.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


def test_it_is_on_record_when_asked_for_and_when_fetched(boss):
    sale = Sale()
    batch = ask(boss, query=f"?q=%2B{sale.member.phone[1:]}")
    asked = Event.objects.get(kind="kernel.exported")
    assert asked.payload["filters"] == {"q": [f"+****{sale.member.phone[-4:]}"]}
    assert (asked.payload["count"], asked.payload["format"]) == (1, "csv")
    work()
    fetch(boss, batch), fetch(boss, batch)
    fetched = Event.objects.filter(kind="kernel.export_fetched")
    assert [(e.subject_id, e.payload["count"]) for e in fetched] == [(batch.pk, 1)] * 2


@pytest.mark.parametrize(("format", "most"), [("csv", 1), ("xlsx", 1)])
def test_a_long_list_goes_to_the_background_by_itself(boss, settings, format, most):
    Sale()
    settings.EXPORT_STREAM_MOST = {"csv": most, "xlsx": most}
    streamed = boss.post(f"{ORDERS}export/", {"format": format})
    assert streamed.status_code == 200 and not Batch.objects.filter(kind="export").exists()
    Sale()
    assert ask(boss, format=format, background="").total == 2


def test_a_workbook_is_made_too_and_computes_nothing(boss):
    member = make_member()
    Member.objects.filter(pk=member.pk).update(nickname='=HYPERLINK("http://x")')
    batch = ask(boss, MEMBERS, format="xlsx")
    work()
    cells = workbook(io.BytesIO(b"".join(fetch(boss, batch).streaming_content)))
    assert '\'=HYPERLINK("http://x")' in cells and member.no in cells


def test_what_no_sheet_holds_is_refused_when_asked(boss, monkeypatch):
    Sale(), Sale()
    monkeypatch.setattr(exports, "XLSX_MOST", 1)
    data = {"format": "xlsx", "background": "1"}
    answer = boss.post(f"{ORDERS}export/", data, follow=True)
    assert "超过 1 行" in answer.content.decode()
    assert not Batch.objects.filter(kind="export").exists()
    assert not Event.objects.filter(kind="kernel.exported").exists()


def test_the_file_holds_its_makers_rows_alone(now):
    mine, _theirs = Sale(), Sale()
    manager = staff_client(make_staff(store=mine.store, role="manager", since=now))
    batch = ask(manager)
    work()
    assert [row["编号"] for row in rows_of(fetch(manager, batch))] == [mine.order.no]


def test_nobody_else_fetches_it(boss, now):
    sale = Sale()
    manager = staff_client(make_staff(store=sale.store, role="manager", since=now))
    batch = ask(manager)
    work()
    assert fetch(boss, batch).status_code == 404
    # Who may view batches sees that it is there, without a button.
    page = boss.get(f"/admin/kernel/batch/{batch.pk}/progress/").content.decode()
    assert f"/{batch.pk}/file/" not in page
    assert manager.get(f"/admin/kernel/batch/{batch.pk}/file/").status_code == 405
    assert not Event.objects.filter(kind="kernel.export_fetched").exists()


def test_who_may_not_export_asks_for_nothing(now):
    sale = Sale()
    clerk = staff_client(make_staff(store=sale.store, role="clerk", since=now))
    answer = clerk.post(f"{ORDERS}export/", {"format": "csv", "background": "1"})
    assert answer.status_code == 403 and not Batch.objects.filter(kind="export").exists()


def test_a_permission_that_went_makes_no_file(now, folder):
    sale = Sale()
    staff = make_staff(store=sale.store, role="manager", since=now)
    client = staff_client(staff)
    batch = ask(client)
    Assignment.objects.filter(user=staff).update(role="clerk")
    work()
    batch.refresh_from_db()
    assert (batch.status, batch.file) == ("failed", "")
    assert batch.error == "您没有权限执行此操作。"
    assert not list(folder.glob("*"))


def test_a_permission_that_went_fetches_no_file(now):
    sale = Sale()
    staff = make_staff(store=sale.store, role="manager", since=now)
    client = staff_client(staff)
    batch = ask(client)
    work()
    Assignment.objects.filter(user=staff).update(role="clerk")
    assert fetch(client, batch).status_code == 403
    assert not Event.objects.filter(kind="kernel.export_fetched").exists()


def test_whole_phones_are_fetched_by_whoever_may_still_see_them(now):
    make_member(phone="+8613812345678", home_store=make_store())
    staff = make_staff(role="headquarters", since=now)
    client = staff_client(staff)
    batch = ask(client, MEMBERS)
    assert batch.request["whole_phones"] is True
    work()
    assert rows_of(fetch(client, batch))[0]["电话"] == "'+8613812345678"
    Assignment.objects.filter(user=staff).update(role="finance")
    assert fetch(client, batch).status_code == 403
    again = ask(client, MEMBERS)
    work()
    assert rows_of(fetch(client, again))[0]["电话"] == "'+86138****5678"


def test_phones_stay_hidden_from_whoever_lost_them_before_the_file_was_made(now):
    make_member(phone="+8613812345678", home_store=make_store())
    staff = make_staff(role="headquarters", since=now)
    batch = ask(staff_client(staff), MEMBERS)
    Assignment.objects.filter(user=staff).update(role="finance")
    work()
    file = Batch.objects.get(pk=batch.pk).file
    assert file
    staff.user_permissions.add(Permission.objects.get(codename="view_phone"))
    text = rows_of(fetch(staff_client(type(staff).objects.get(pk=staff.pk)), batch))
    assert text[0]["电话"] == "'+86138****5678"


def test_after_a_week_it_is_gone_and_what_was_searched_for_too(boss, folder, clock_at):
    sale = Sale()
    batch = ask(boss, query=f"?q={sale.order.no}")
    work()
    batch.refresh_from_db()
    week = batch.expires_at
    assert timedelta(days=7) - timedelta(seconds=5) < week - batch.finished_at <= timedelta(days=7)
    assert exports_purge(now=week - timedelta(seconds=1)) == 0
    assert len(list(folder.iterdir())) == 1

    clock_at(week)
    gone = fetch(boss, batch)
    assert gone.status_code == 302 and gone.url.endswith(f"/{batch.pk}/progress/")
    assert "文件已不存在" in boss.get(gone.url).content.decode()

    assert exports_purge(now=week) == 1
    batch.refresh_from_db()
    assert (list(folder.iterdir()), batch.file, batch.request["query"]) == ([], "", "")
    assert exports_purge(now=week) == 0


def test_what_was_searched_for_goes_too_where_no_file_ever_was(boss, folder):
    Sale()
    batch = ask(boss, query="?q=王小明")
    boss.post(f"/admin/kernel/batch/{batch.pk}/stop/")
    batch.refresh_from_db()
    week = batch.finished_at + timedelta(days=7)
    assert exports_purge(now=week - timedelta(seconds=1)) == 0

    assert exports_purge(now=week) == 1

    batch.refresh_from_db()
    assert (batch.request["query"], batch.file) == ("", "")
    assert exports_purge(now=week) == 0
    boss.post(f"/admin/kernel/batch/{batch.pk}/resume/")
    work()
    batch.refresh_from_db()
    assert (batch.status, batch.done) == ("failed", 0) and "重新导出" in batch.error
    assert not folder.exists() or list(folder.iterdir()) == []


def test_what_a_dead_worker_left_is_swept(boss, folder, now):
    Sale()
    batch = ask(boss)
    work()
    batch.refresh_from_db()
    for name in ("1-x.csv.part", "1-late.csv"):
        (folder / name).write_bytes(b"half")
    assert exports_purge(now=now) == 0 and len(list(folder.iterdir())) == 3
    exports_purge(now=clock.now() + timedelta(days=2))
    assert [file.name for file in folder.iterdir()] == [batch.file]


class Killed(BaseException):
    """The worker's end."""


def test_a_worker_that_died_is_followed_by_one_that_begins_the_file_anew(
    boss, folder, monkeypatch, now
):
    sales = [Sale() for _ in range(4)]
    monkeypatch.setattr(export_batches, "STEP", 1)
    batch = ask(boss)
    told = iter(range(3))
    real = export_batches.batch_progress

    def progress(*args, **kwargs):
        if next(told, None) is None:
            raise Killed
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(export_batches, "batch_progress", progress)
        with pytest.raises(Killed):
            batches_run(clock=lambda: now)
    batch.refresh_from_db()
    assert (batch.done, batch.status, batch.file) == (2, "running", "")
    assert fetch(boss, batch).status_code == 404

    assert batches_run(clock=lambda: now + LEASE) == 1

    batch.refresh_from_db()
    assert (batch.done, batch.status) == (4, "done")
    assert {r["编号"] for r in rows_of(fetch(boss, batch))} == {s.order.no for s in sales}
    assert [f.name for f in folder.iterdir()] == [batch.file]


def test_of_two_workers_one_leaves_a_file(boss, folder, now):
    Sale()
    batch = ask(boss)
    slow = batch_claim(now=now)
    second = batch_claim(now=now + LEASE)
    batch_work(second, clock=lambda: now + LEASE)
    batch_work(slow, clock=lambda: now + LEASE)
    batch.refresh_from_db()
    assert [f.name for f in folder.iterdir()] == [batch.file]
    assert batch.status == "done"


def test_what_went_wrong_is_said_and_it_may_be_asked_again(boss, folder, monkeypatch):
    Sale()
    batch = ask(boss)
    with monkeypatch.context() as patch:

        def full(*args):
            raise OSError(28, "No space left on device")

        patch.setattr(export_batches, "csv_lines", full)
        work()
    batch.refresh_from_db()
    assert (batch.status, batch.error) == ("failed", "系统出错，任务已停止。")
    assert list(folder.iterdir()) == []
    url = f"/admin/kernel/batch/{batch.pk}/"
    assert "继续执行" in boss.get(f"{url}progress/").content.decode()
    boss.post(f"{url}resume/")
    assert work() == 1
    assert len(rows_of(fetch(boss, batch))) == 1


def test_a_filter_that_is_known_no_more_fails_in_words(boss):
    Sale()
    batch = ask(boss)
    Batch.objects.filter(pk=batch.pk).update(request={**batch.request, "query": "gone__exact=1"})
    work()
    batch.refresh_from_db()
    assert (batch.status, batch.error) == ("failed", "该列表已不支持此筛选条件。")


def test_the_beat_takes_work_up_and_sweeps(boss, folder, settings, clock_at):
    Sale()
    batch = ask(boss)
    beat = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert {tasks.batches_run.name, tasks.exports_purge.name} <= beat
    tasks.batches_run()
    batch.refresh_from_db()
    assert batch.status == "done" and len(list(folder.iterdir())) == 1
    clock_at(batch.expires_at)
    tasks.exports_purge()
    assert list(folder.iterdir()) == []


def test_a_broker_that_is_away_delays_work_and_breaks_nothing(
    boss, monkeypatch, django_capture_on_commit_callbacks
):
    def away(**_options):
        raise ConnectionError

    sent = []
    monkeypatch.setattr(tasks.batches_run, "apply_async", away)
    with django_capture_on_commit_callbacks(execute=True):
        batch = ask(boss)
    assert batch.status == "waiting"
    monkeypatch.setattr(tasks.batches_run, "apply_async", lambda **o: sent.append(o))
    with django_capture_on_commit_callbacks(execute=True):
        ask(boss)
    assert sent == [{"retry": False}]


def test_a_kind_that_nobody_works_on_stays_untouched(boss, now):
    batch = Batch.objects.create(kind="import_catalog", started_at=now)
    assert batch_claim(now=now) is None
    assert boss.post(f"/admin/kernel/batch/{batch.pk}/resume/").status_code == 404
    with pytest.raises(batches.BatchNotResumable):
        batches.batch_resume(batch_id=batch.pk)


def test_the_price_of_a_file_does_not_grow_with_its_rows(boss, django_assert_num_queries):
    def price():
        Sale(), Sale()
        ask(boss)
        return work

    run = price()
    with django_assert_num_queries(21):
        run()
    run = price()
    with django_assert_num_queries(21):
        run()
