"""A simulated mall: the same by its seed, within its rules, and never twice."""

import os
import random
import subprocess
import sys
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models import Count, Max, Sum

from config.kernel import audit, clock
from config.kernel.models import Approval, Batch, Event
from config.kernel.tasks import nudge, without_nudges
from coupons.models import Redemption
from guides.models import Attribution, CommissionEntry
from guides.simulation.run import SimulationTooEarly, days_to_come, simulate
from guides.simulation.traffic import (
    festival_percent,
    midnight,
    shelf_percent,
    visit_moment,
    visits_expected,
)
from mall.models import AfterSale, Fulfilment, Order, Payment, PosTicket, Refund, Stock
from members.models import CardGift, CardPayback, Member, Message
from stores.ledger.accounts import accounts_forget
from stores.models import Account, Pickup, Seal, Store, Transfer

DAYS, PER_DAY = 2, 20


@pytest.fixture
def demo(db, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    call_command("load_demo", verbosity=0)


@pytest.fixture
def yesterday(now) -> date:
    # The last day that is over with its small hours, which end after one in the morning.
    return clock.local_date(now - timedelta(hours=2)) - timedelta(days=1)


@pytest.fixture
def live(now, yesterday) -> Callable[..., Any]:
    def run(**changes: Any) -> Any:
        wanted = {"days": DAYS, "seed": 7, "until": yesterday, "per_day": PER_DAY, "now": now}
        return simulate(**wanted | changes)

    return run


def counted(model: Any, *names: str, total: str = "") -> list[Any]:
    rows = model.objects.values_list(*names).order_by(*names)
    return list(rows.annotate(n=Count("pk"), **({"sum": Sum(total)} if total else {})))


def amounts() -> dict[str, Any]:
    """Everything that a seed decides: amounts, counts, states and moments, but no numbers."""
    return {
        "orders": list(
            Order.objects.order_by("placed_at", "total_fen").values_list(
                "placed_at", "paid_at", "state", "store__code", "total_fen", "discount_fen"
            )
        ),
        "payments": counted(Payment, "state", total="amount_fen"),
        "refunds": counted(Refund, "state", total="amount_fen"),
        "after_sales": counted(AfterSale, "state", "reason"),
        "pickups": counted(Pickup, "state", "store__code"),
        "transfers": counted(Transfer, "code", total="amount"),
        "commission": counted(CommissionEntry, "guide__no", total="amount_fen"),
        "coupons": counted(Redemption, "coupon__template__code", total="amount_fen"),
        "members": counted(Member, "home_store__code"),
        "messages": counted(Message, "template", "state"),
        "stock": list(
            Stock.objects.order_by("store__code", "sku__code").values_list("on_hand", "reserved")
        ),
        "tickets": counted(PosTicket, "state", "store__code", total="card_fen"),
        "gifts": counted(CardGift, "state", total="value_fen"),
        "paybacks": counted(CardPayback, "card__operator__code", total="amount_fen"),
        "tiers": counted(Member, "tier__code"),
        "cards": sorted(Account.objects.filter(guarded=True).values_list("balance", flat=True)),
    }


def database_url() -> str:
    """Of the database of this test run, for a process of its own."""
    address = urlsplit(settings.DATABASE_URL)
    return urlunsplit(address._replace(path=f"/{connection.settings_dict['NAME']}"))


def undone(run: Callable[[], Any]) -> dict[str, Any]:
    """What ``run`` would leave behind, without leaving it."""
    with transaction.atomic():
        run()
        found = amounts()
        transaction.set_rollback(True)
    accounts_forget()
    return found


def test_the_same_seed_gives_the_same_business_and_another_seed_another_one(demo, live):
    first = undone(lambda: live(days=1, per_day=10))
    other = undone(lambda: live(days=1, per_day=10, seed=8))

    live(days=1, per_day=10)

    assert amounts() == first
    assert other["orders"] != first["orders"]
    assert len(first["orders"]) > 5


def test_a_simulated_mall_keeps_every_rule_and_has_something_on_every_screen(demo, live):
    report = live(days=3, per_day=30)

    assert [f.line.code for f in audit.run() if f.violations] == []
    assert not Event.objects.filter(relayed_at=None).exists()
    tally = report.tally
    assert (
        tally["orders"]
        == Order.objects.count()
        == sum(tally[f"{kind}_orders"] for kind in ("goods", "card", "topup", "points"))
    )
    assert tally["paid"] == Order.objects.filter(paid_at__isnull=False).count()
    assert tally["total_fen"] == Order.objects.aggregate(n=Sum("total_fen"))["n"]
    states = set(Order.objects.values_list("state", flat=True))
    assert {"paid", "completed", "expired"} <= states <= {
        "paid", "completed", "closed", "expired", "cancelled",
    }  # fmt: skip
    shops = set(Store.objects.filter(kind="shop").values_list("code", flat=True))
    waiting = Fulfilment.objects.filter(state__in=["pending", "ready"])
    assert set(waiting.values_list("store__code", flat=True)) == shops
    assert AfterSale.objects.filter(state="requested").exists()
    assert Approval.objects.filter(state="pending").exists()
    assert Attribution.objects.exists() and CommissionEntry.objects.exists()
    assert Redemption.objects.exists()
    assert Message.objects.filter(state="sent").exists()
    assert not Message.objects.filter(state__in=["pending", "sending"]).exists()
    assert set(Seal.objects.values_list("period", flat=True)) == set(report.days)
    batches = Batch.objects.filter(kind="simulate", finished_at__isnull=False)
    assert [b.source for b in batches.order_by("source")] == [d.isoformat() for d in report.days]
    assert sum(b.done for b in batches) == tally["orders"]


def test_a_day_is_simulated_once_and_a_later_call_goes_on_after_it(demo, live, now, yesterday):
    before = yesterday - timedelta(days=1)
    assert live(until=before).days == [before - timedelta(days=1), before]
    orders = Order.objects.count()

    assert live(until=before).days == []
    assert Order.objects.count() == orders

    assert days_to_come(days=30, until=yesterday, now=now) == [yesterday]
    assert live(days=30).days == [yesterday]
    assert Order.objects.filter(placed_at__gte=midnight(yesterday)).count() > 0
    assert Order.objects.filter(placed_at__lt=midnight(yesterday)).count() == orders


def test_the_day_of_now_ends_now(demo, live, yesterday):
    noon = midnight(yesterday) + timedelta(hours=12, minutes=20)

    live(now=noon, per_day=30)

    assert Order.objects.aggregate(last=Max("placed_at"))["last"] <= noon
    sales = Event.objects.filter(subject_type__in=["order", "payment", "pickup", "message"])
    assert sales.aggregate(last=Max("occurred_at"))["last"] <= noon
    assert Order.objects.filter(placed_at__gte=midnight(yesterday)).exists()
    assert list(Seal.objects.values_list("period", flat=True)) == [yesterday - timedelta(days=1)]
    assert not Event.objects.filter(relayed_at=None).exists()


def test_before_the_mall_opened_there_is_nothing_to_simulate(demo, live):
    with pytest.raises(SimulationTooEarly):
        live(days=500)
    assert not Batch.objects.exists()
    assert not Order.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_several_processes_come_to_what_one_comes_to(live, yesterday, tmp_path, monkeypatch):
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    call_command("load_demo", verbosity=0)
    alone = undone(live)

    command = f"simulate --days={DAYS} --per-day={PER_DAY} --seed=7 --until={yesterday}"
    done = subprocess.run(
        [sys.executable, "manage.py", *command.split(), "--processes=3"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": database_url()},
        capture_output=True,
        text=True,
        timeout=300,
    )

    assert done.returncode == 0, done.stderr
    assert amounts() == alone
    assert len(alone["orders"]) > 20


def test_the_command_tells_what_it_did_and_leaves_a_mall_with_orders_alone(demo, yesterday, capsys):
    asked = ("simulate", "--days=1", "--per-day=8", "--seed=3", "--processes=1")
    call_command(*asked, f"--until={yesterday}")
    said = capsys.readouterr().out
    orders = Order.objects.count()
    assert f"{yesterday} to {yesterday}, seed 3" in said
    assert orders > 0

    call_command(*asked, f"--until={yesterday}")
    assert f"every day up to {yesterday} is over" in capsys.readouterr().out
    call_command(*asked, "--if-empty")
    assert "nothing simulated" in capsys.readouterr().out
    assert Order.objects.count() == orders


def test_invented_business_stays_out_of_production(db, settings):
    settings.DEMO_ALLOWED = False
    with pytest.raises(CommandError):
        call_command("simulate")


def test_a_mall_without_shops_is_refused(db):
    with pytest.raises(CommandError, match="load the demo mall first"):
        call_command("simulate", "--days=1", "--processes=1")
    assert not Batch.objects.exists()


def test_nobody_is_nudged_where_the_relay_is_drained_by_hand(
    db, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks() as callbacks, without_nudges():
        nudge()
    assert callbacks == []
    with django_capture_on_commit_callbacks() as callbacks:
        nudge()
    assert len(callbacks) == 1


def test_weekdays_festivals_and_seasons_follow_the_calendar():
    # Monday 2026-03-02 to Sunday: seven ordinary days add up to seven times the wanted number.
    week = [date(2026, 3, 2) + timedelta(days=n) for n in range(7)]
    assert [visits_expected(day, per_day=100) for day in week] == [80, 78, 82, 88, 110, 136, 126]
    assert festival_percent(date(2026, 11, 11)) == 190
    assert visits_expected(date(2026, 11, 11), per_day=100) == 155
    # New Year's Eve, the holiday itself, the days after it.
    assert festival_percent(date(2026, 2, 16)) == 85
    assert festival_percent(date(2026, 2, 17)) == 55
    assert festival_percent(date(2026, 2, 22)) == 115
    # National Day is a Thursday and counts as a free day.
    assert visits_expected(date(2026, 10, 1), per_day=100) == 161
    assert shelf_percent(date(2026, 9, 20), "food-gift") == 500
    assert shelf_percent(date(2026, 11, 20), "food-gift") == 60
    assert shelf_percent(date(2026, 11, 20), "wear-top") == 140


def test_people_come_within_the_day():
    day = date(2026, 11, 21)
    rng = random.Random(1)
    moments = [visit_moment(day, rng) for _visit in range(500)]
    assert all(clock.local_date(moment) == day for moment in moments)
    assert all(isinstance(moment, datetime) and moment.tzinfo for moment in moments)
    evening = sum(1 for m in moments if 19 <= m.hour <= 21)
    morning = sum(1 for m in moments if 7 <= m.hour <= 9)
    assert evening > 2 * morning
