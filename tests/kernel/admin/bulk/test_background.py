"""Commands for many rows that a worker works off: interrupted, stopped, taken up, never twice."""

from datetime import timedelta

import pytest
from django.db import OperationalError

from config.kernel import batches, clock
from config.kernel.admin import bulk
from config.kernel.batches import LEASE, batch_claim, batch_work, batches_run
from config.kernel.models import Batch, Event
from mall.models import Brand
from stores.models import Assignment
from tests.factories import make_brand, make_staff, make_user, staff_client
from tests.kernel.admin.bulk.dialog import BRANDS, ORDERS, choose, confirm, states

pytestmark = pytest.mark.django_db


def background(monkeypatch, at_once=0):
    monkeypatch.setattr(bulk, "AT_ONCE", at_once)


def test_many_rows_are_worked_off_in_the_background(boss, monkeypatch):
    background(monkeypatch, at_once=2)
    brands = [make_brand() for _ in range(3)]
    dialog = choose(boss, BRANDS, "archive", brands)
    assert dialog.context["background"] and dialog.context["refused"] is None
    url = confirm(boss, dialog).url

    page = boss.get(url).content.decode()
    assert 'http-equiv="refresh"' in page and "0 / 3" in page
    assert not Brand.objects.exclude(archived_at=None).exists()

    assert batches_run(clock=clock.now) == 1
    page = boss.get(url).content.decode()
    assert "3 / 3" in page and 'http-equiv="refresh"' not in page
    assert not Brand.objects.filter(archived_at=None).exists()
    assert batches_run(clock=clock.now) == 0


def waiting_batch(client, monkeypatch, count=4):
    background(monkeypatch)
    brands = [make_brand() for _ in range(count)]
    confirm(client, choose(client, BRANDS, "archive", brands))
    return Batch.objects.get(), brands


class Killed(BaseException):
    """The worker's end: nothing after it runs."""


def dies_after(monkeypatch, rows):
    """The worker dies while it works on the row after ``rows``, its service already called."""
    counted = iter(range(rows))
    real = bulk.batch_progress

    def progress(*args, **kwargs):
        if next(counted, None) is None:
            raise Killed
        return real(*args, **kwargs)

    monkeypatch.setattr(bulk, "batch_progress", progress)


def test_a_worker_that_died_is_followed_by_another_where_it_stood(boss, monkeypatch, now):
    batch, brands = waiting_batch(boss, monkeypatch)
    with monkeypatch.context() as patch:
        dies_after(patch, 2)
        with pytest.raises(Killed):
            batches_run(clock=lambda: now)
    batch.refresh_from_db()
    # The third row's own transaction went with the worker.
    assert (batch.done, Brand.objects.exclude(archived_at=None).count()) == (2, 2)
    assert batch.status == "running"
    # As long as the dead one's lease runs, nobody takes its work.
    assert batches_run(clock=lambda: now + LEASE - timedelta(seconds=1)) == 0

    assert batches_run(clock=lambda: now + LEASE) == 1

    batch.refresh_from_db()
    assert (batch.done, batch.rejects, batch.status) == (4, [], "done")
    archived = Event.objects.filter(subject_type="mall.brand", payload__change="archived")
    assert sorted(archived.values_list("subject_id", flat=True)) == [b.pk for b in brands]


def test_a_worker_that_was_believed_dead_records_nothing_more(boss, monkeypatch, now):
    batch, _brands = waiting_batch(boss, monkeypatch)
    slow = batch_claim(now=now)
    second = batch_claim(now=now + LEASE)
    assert (slow.pk, second.pk) == (batch.pk, batch.pk) and slow.lease != second.lease

    batch_work(slow, clock=lambda: now + LEASE)

    assert not Brand.objects.exclude(archived_at=None).exists()
    batch.refresh_from_db()
    assert (batch.done, batch.status) == (0, "running")
    batch_work(second, clock=lambda: now + LEASE)
    batch.refresh_from_db()
    assert (batch.done, batch.status) == (4, "done")


def test_work_that_is_interrupted_again_and_again_fails_and_may_be_taken_up(boss, monkeypatch, now):
    batch, _brands = waiting_batch(boss, monkeypatch)
    with monkeypatch.context() as patch:
        dies_after(patch, 0)
        for run in range(batches.MAX_RUNS):
            with pytest.raises(Killed):
                batches_run(clock=lambda at=now + run * LEASE: at)
    assert batches_run(clock=lambda: now + batches.MAX_RUNS * LEASE) == 0
    batch.refresh_from_db()
    assert (batch.status, batch.error) == ("failed", "中断次数过多。")
    url = f"/admin/kernel/batch/{batch.pk}/"
    page = boss.get(f"{url}progress/").content.decode()
    assert "中断次数过多" in page and f"{url}resume/" in page

    stranger = staff_client(make_user(superuser=True))
    assert stranger.post(f"{url}resume/").status_code == 404
    assert boss.post(f"{url}resume/").url == f"{url}progress/"
    assert batches_run(clock=clock.now) == 1
    batch.refresh_from_db()
    assert (batch.done, batch.status) == (4, "done")
    # What ended well is not begun anew.
    boss.post(f"{url}resume/")
    assert batches_run(clock=clock.now) == 0


def test_its_maker_stops_it_and_the_row_under_way_is_not_done(boss, monkeypatch, now):
    batch, _brands = waiting_batch(boss, monkeypatch)
    url = f"/admin/kernel/batch/{batch.pk}/"
    assert f"{url}stop/" in boss.get(f"{url}progress/").content.decode()
    stranger = staff_client(make_user(superuser=True))
    assert f"{url}stop/" not in stranger.get(f"{url}progress/").content.decode()
    assert stranger.post(f"{url}stop/").status_code == 404
    assert boss.get(f"{url}stop/").status_code == 405
    counted = iter(range(2))
    real = bulk.batch_progress

    def stopped_at_the_third(*args, **kwargs):
        if next(counted, None) is None:
            batches.batch_stop(batch_id=batch.pk, now=now)
        return real(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(bulk, "batch_progress", stopped_at_the_third)
        # Within the row's own transaction the stop goes with it; another's does not.
        batches_run(clock=lambda: now)
    assert boss.post(f"{url}stop/").url == f"{url}progress/"
    batch.refresh_from_db()
    assert (batch.status, batch.done, batch.error) == ("failed", 2, "已手动停止。")
    assert Brand.objects.exclude(archived_at=None).count() == 2
    assert batches_run(clock=lambda: now + LEASE) == 0
    assert "已经结束" in boss.post(f"{url}stop/", follow=True).content.decode()

    boss.post(f"{url}resume/")
    assert batches_run(clock=lambda: now) == 1
    assert not Brand.objects.filter(archived_at=None).exists()


def test_a_database_that_is_away_is_no_failure(boss, monkeypatch, now):
    batch, _brands = waiting_batch(boss, monkeypatch)
    with monkeypatch.context() as patch:

        def away(*args, **kwargs):
            raise OperationalError("gone")

        patch.setattr(bulk, "batch_progress", away)
        with pytest.raises(OperationalError):
            batches_run(clock=lambda: now)
    batch.refresh_from_db()
    assert (batch.status, batch.done, batch.rejects) == ("running", 0, [])
    assert batches_run(clock=lambda: now + LEASE) == 1


def test_whoever_lost_the_permission_meanwhile_gives_no_commands(shop, monkeypatch, now):
    background(monkeypatch)
    order = shop()
    staff = make_staff(store=shop.store, role="manager", since=now)
    client = staff_client(staff)
    confirm(client, choose(client, ORDERS, "cancel", [order]))
    Assignment.objects.filter(user=staff).update(role="clerk")
    assert batches_run(clock=clock.now) == 1
    batch = Batch.objects.get()
    assert (batch.done, [r["code"] for r in batch.rejects]) == (0, ["forbidden"])
    assert states() == ["placed"]


def test_whoever_left_meanwhile_gives_no_commands(shop, monkeypatch, now):
    background(monkeypatch)
    order = shop()
    staff = make_staff(store=shop.store, role="manager", since=now)
    client = staff_client(staff)
    confirm(client, choose(client, ORDERS, "cancel", [order]))
    type(staff).objects.filter(pk=staff.pk).update(is_active=False)
    assert batches_run(clock=clock.now) == 1
    assert (Batch.objects.get().status, states()) == ("failed", ["placed"])


def test_only_one_piece_of_work_runs_at_a_time(boss, monkeypatch, now):
    waiting_batch(boss, monkeypatch)
    confirm(boss, choose(boss, BRANDS, "restore", list(Brand.objects.all())))
    assert batch_claim(now=now) is not None
    assert batch_claim(now=now) is None
    assert batch_claim(now=now + LEASE) is not None


def test_work_is_its_makers_and_of_whoever_may_view_batches(boss, shop, now):
    order = shop()
    confirm(boss, choose(boss, ORDERS, "cancel", [order]))
    batch = Batch.objects.get()
    url = f"/admin/kernel/batch/{batch.pk}/progress/"
    manager = staff_client(make_staff(store=shop.store, role="manager", since=now))
    assert manager.get(url).status_code == 404
    assert manager.get(f"/admin/kernel/batch/{batch.pk}/rejects/").status_code == 404
    auditor = staff_client(make_staff(role="auditor", since=now))
    assert auditor.get(url).status_code == 200

    mine = shop()
    confirm(manager, choose(manager, ORDERS, "cancel", [mine]))
    listed = manager.get("/admin/kernel/batch/mine/").content.decode()
    own = Batch.objects.latest("id")
    assert f"/{own.pk}/progress/" in listed and f"/{batch.pk}/progress/" not in listed
    assert manager.get(f"/admin/kernel/batch/{own.pk}/progress/").status_code == 200
