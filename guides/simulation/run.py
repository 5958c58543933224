"""``simulate``: the days that were not simulated yet, one batch row each."""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial

from django.db import connection
from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.errors import DomainError
from config.kernel.models import Batch
from config.kernel.tasks import without_nudges
from guides.simulation import desk, night, people, shopping
from guides.simulation.agenda import Agenda
from guides.simulation.traffic import midnight, visit_moment, visits_expected
from guides.simulation.world import World, world_load
from mall.models import AfterSale, Fulfilment
from mall.states import AfterSaleState, FulfilmentState
from stores.models import Seal

KIND = "simulate"
# How often the relay runs; in the shops' hours every half hour, at night not at all.
_TICK = timedelta(minutes=30)
_LOCK = 20_261_122


class SimulationTooEarly(DomainError):
    code = "simulation_too_early"
    message = _("The mall opened on {opened}: no earlier day can be simulated.")


class SimulationRunning(DomainError):
    code = "simulation_running"
    status = 409
    message = _("Another simulation of this mall is running.")


@dataclass
class Report:
    """What was simulated: ``days`` in order, and the sum of what happened on them."""

    days: list[date] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)


def simulate(
    *,
    days: int,
    seed: int,
    until: date,
    now: datetime,
    per_day: int = 300,
    progress: Callable[[int], None] = lambda orders: None,
    begun: Callable[[date, int], None] = lambda day, visits: None,
) -> Report:
    """Live through the ``days`` days that end with ``until``, as far as they are still to come.

    A day that was simulated, or whose books are sealed, is over. The day of ``now`` ends at
    ``now``. Same mall and same ``seed``: same orders, amounts and states. ``begun`` hears of each
    day and its expected visits, ``progress`` of each visit. Raises WorldIncomplete,
    SimulationTooEarly, SimulationRunning.
    """
    report = Report()
    with _alone(), without_nudges():
        wanted = days_to_come(days=days, until=until, now=now)
        if not wanted:
            return report
        world = world_load()
        if midnight(wanted[0]) < world.opened_at:
            raise SimulationTooEarly(opened=clock.local_date(world.opened_at))
        for day in wanted:
            tally = _live(world, day, seed, per_day, now, progress, begun, last=day == wanted[-1])
            report.days.append(day)
            report.tally.update(tally)
    return report


def days_to_come(*, days: int, until: date, now: datetime) -> list[date]:
    """The days that a call would simulate, in order."""
    until = min(until, clock.local_date(now))
    done = Batch.objects.filter(kind=KIND).order_by("-source").first()
    last = date.fromisoformat(done.source) if done else None
    sealed = Seal.objects.order_by("-period").values_list("period", flat=True).first()
    first = until - timedelta(days=days - 1)
    for over in (last, sealed):
        if over is not None:
            first = max(first, over + timedelta(days=1))
    return [first + timedelta(days=n) for n in range((until - first).days + 1)]


class _alone:
    """One simulation at a time; its commits need not survive a power cut one by one."""

    def __enter__(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s::bigint)", [_LOCK])
            if not cursor.fetchone()[0]:
                raise SimulationRunning()
            cursor.execute("SET synchronous_commit TO off")

    def __exit__(self, *error: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("RESET synchronous_commit")
            cursor.execute("SELECT pg_advisory_unlock(%s::bigint)", [_LOCK])


def _live(
    world: World,
    day: date,
    seed: int,
    per_day: int,
    now: datetime,
    progress: Callable[[int], None],
    begun: Callable[[date, int], None],
    *,
    last: bool,
) -> Counter[str]:
    agenda = Agenda(world, day, random.Random(f"{seed}:{day.isoformat()}"), until=now)
    batch = Batch.objects.create(kind=KIND, source=day.isoformat(), started_at=now)
    if not world.people or len(world.people) < 50:
        people.demo_members_join(world, midnight(day) + timedelta(hours=5))
    world.refresh(day)
    visits = _plan(agenda, per_day, progress)
    begun(day, visits)
    agenda.run()
    if last:
        _leave_something_to_do(agenda, now)
    batch.total, batch.done = visits, agenda.tally["orders"]
    batch.summary = {"seed": seed, **dict(sorted(agenda.tally.items()))}
    batch.finished_at = clock.now()
    batch.save(update_fields=["total", "done", "summary", "finished_at"])
    return agenda.tally


def _plan(agenda: Agenda, per_day: int, progress: Callable[[int], None]) -> int:
    """Everything of the day that does not follow from something else; returns its visits."""
    day, rng = agenda.day, agenda.rng
    start = midnight(day)
    agenda.at(start + timedelta(hours=5, minutes=40), partial(night.delivery, agenda))
    expected = visits_expected(day, per_day=per_day)
    visits = max(1, expected * (92 + rng.randrange(17)) // 100)
    for _visit in range(visits):
        agenda.at(visit_moment(day, rng), partial(_visit_counted, agenda, progress))
    for _stroll in range(visits * 6 // 100):
        agenda.at(visit_moment(day, rng), partial(shopping.stroll, agenda))
    desk.morning(agenda)
    moment = start + timedelta(hours=7)
    while moment < start + timedelta(days=1):
        agenda.at(moment, partial(night.tick, agenda))
        moment += _TICK
    agenda.at(start + timedelta(days=1, hours=1, minutes=5), partial(night.small_hours, agenda))
    return visits


def _visit_counted(agenda: Agenda, progress: Callable[[int], None], now: datetime) -> None:
    shopping.visit(agenda, now)
    progress(1)


def _leave_something_to_do(agenda: Agenda, now: datetime) -> None:
    """At the end of the last day staff find an open request, and nothing waits for the relay."""
    end = min(now, midnight(agenda.day) + timedelta(days=1, hours=2))
    night.tick(agenda, end)
    ids = agenda.world.member_ids
    if not AfterSale.objects.filter(state=AfterSaleState.REQUESTED, order__member__in=ids).exists():
        waiting = Fulfilment.objects.filter(
            state__in=[FulfilmentState.PENDING, FulfilmentState.READY], order__member__in=ids
        )
        found = waiting.order_by("-pk").values_list("order__no", "order__member").first()
        if found is not None:
            desk.regret_at_last(no=found[0], member_id=found[1], now=end)
    night.tick(agenda, end)
