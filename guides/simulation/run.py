"""``simulate``: the days that were not simulated yet, one batch row each."""

import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial

from django.utils.translation import gettext_lazy as _

from config.kernel import clock
from config.kernel.errors import DomainError
from config.kernel.models import Batch
from config.kernel.tasks import without_nudges
from guides.simulation import (
    coupons,
    desk,
    gateway,
    handouts,
    night,
    office,
    people,
    shopping,
    wallet,
)
from guides.simulation.agenda import Agenda
from guides.simulation.crew import Crew, live_together
from guides.simulation.traffic import midnight, visit_moment, visits_expected
from guides.simulation.world import DISTRICTS, World, worlds_load
from stores.models import Seal

KIND = "simulate"
# How often the relay runs while people shop.
_BEAT = timedelta(hours=1)
_FIRST_BEAT, _LAST_BEAT = timedelta(hours=7), timedelta(hours=23)
_SMALL_HOURS = timedelta(days=1, hours=1, minutes=5)
# Everything is quiet until then, so that a day starts from what the database holds.
_DELIVERY = timedelta(hours=5, minutes=40)

Progress = Callable[[int], None]


def processes_here() -> int:
    """How many to use: where there are cores for it one per district, so that no core waits for
    a district that has less to do."""
    return DISTRICTS if (os.cpu_count() or 1) > 1 else 1


class SimulationTooEarly(DomainError):
    code = "simulation_too_early"
    message = _("The mall opened on {opened}: no earlier day can be simulated.")


@dataclass
class Report:
    """What was simulated: ``days`` in order, and the sum of what happened on them."""

    days: list[date] = field(default_factory=list)
    tally: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Plan:
    days: list[date]
    seed: int
    per_day: int
    now: datetime
    progress: Progress


def simulate(
    *,
    days: int,
    seed: int,
    until: date,
    now: datetime,
    per_day: int = 300,
    processes: int = 1,
    progress: Progress = lambda visits: None,
) -> Report:
    """Live through the ``days`` days that end with ``until``, as far as they are still to come.

    A day that was simulated, or whose books are sealed, is over. The day of ``now`` ends at
    ``now``. Same mall and same ``seed``: same orders, amounts and states, whatever the number of
    ``processes`` (at most one per district). ``progress`` hears of the visits of this one.
    Raises WorldIncomplete and SimulationTooEarly. Not for a mall that is open: nothing else may
    use it meanwhile.
    """
    report = Report(days_to_come(days=days, until=until, now=now))
    if not report.days:
        return report
    districts = worlds_load()
    opened = max(world.opened_at for world in districts)
    if midnight(report.days[0]) < opened:
        raise SimulationTooEarly(opened=clock.local_date(opened))
    plan = Plan(report.days, seed, per_day, now, progress)
    with without_nudges():
        live_together(
            partial(_live, plan, districts, report), processes=min(processes, len(districts))
        )
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


def _live(plan: Plan, districts: list[World], report: Report, crew: Crew) -> None:
    worlds = [districts[n] for n in crew.mine(len(districts))]
    if not crew.leads:
        # The bar belongs to the process that draws it.
        plan = replace(plan, progress=lambda visits: None)
    for day in plan.days:
        batch = None
        if crew.leads:
            # A day that is interrupted stays as it is and counts as over.
            batch = Batch.objects.create(kind=KIND, source=day.isoformat(), started_at=plan.now)
        tally = crew.gather(day, _day(plan, day, worlds, crew))
        if batch is None:
            continue
        report.tally.update(tally)
        batch.total, batch.done = tally["visits"], tally["orders"]
        batch.summary = {"seed": plan.seed, **dict(sorted(tally.items()))}
        batch.finished_at = clock.now()
        batch.save(update_fields=["total", "done", "summary", "finished_at"])


def _day(plan: Plan, day: date, worlds: list[World], crew: Crew) -> Counter[str]:
    """One day of our districts, in step with the others'. Returns what happened in ours."""
    agendas = [_agenda(plan, day, world) for world in worlds]
    start = midnight(day)
    beats = []
    moment = start + _FIRST_BEAT
    while moment <= start + _LAST_BEAT:
        beats.append(moment)
        moment += _BEAT
    for moment in [*beats, start + _SMALL_HOURS]:
        if moment > plan.now:
            break
        _beat(agendas, moment, crew)
    if plan.now >= start + _SMALL_HOURS:
        for agenda in agendas:
            gateway.payments_close(agenda, now=start + _SMALL_HOURS)
        crew.sync()
        if crew.leads:
            night.small_hours(now=start + _SMALL_HOURS)
    else:
        _beat(agendas, plan.now, crew)
    if day == plan.days[-1]:
        _leave_something_to_do(agendas[0], min(plan.now, start + _SMALL_HOURS), crew)
    crew.sync()
    return sum((agenda.tally for agenda in agendas), Counter())


def _agenda(plan: Plan, day: date, world: World) -> Agenda:
    """The day of a district with everything that does not follow from something else."""
    rng = random.Random(f"{plan.seed}:{day.isoformat()}:{world.district}")
    agenda = Agenda(world, day, rng, until=plan.now)
    start = midnight(day)
    if day == plan.days[0] and start + _DELIVERY <= plan.now:
        people.demo_members_join(world, start + _DELIVERY)
    world.refresh(day)
    agenda.at(start + _DELIVERY, partial(night.delivery, agenda))
    expected = visits_expected(day, per_day=plan.per_day)
    visits = max(1, expected * world.share * (92 + rng.randrange(17)) // 10_000)
    for _visit in range(visits):
        agenda.at(visit_moment(day, rng), partial(_visit_counted, agenda, plan.progress))
    for _stroll in range(visits * 4 // 100):
        agenda.at(visit_moment(day, rng), partial(shopping.stroll, agenda))
    desk.morning(agenda)
    wallet.plan(agenda, visits)
    coupons.plan(agenda, visits)
    handouts.plan(agenda, visits)
    return agenda


def _visit_counted(agenda: Agenda, progress: Progress, now: datetime) -> None:
    shopping.visit(agenda, now)
    agenda.tally["visits"] += 1
    progress(1)


def _beat(agendas: list[Agenda], moment: datetime, crew: Crew) -> None:
    """Go up to ``moment``; then, together, what the worker would have done by now."""
    for agenda in agendas:
        agenda.run(moment)
        gateway.refunds_arrive(agenda, now=moment)
    crew.sync()
    night.relay(now=moment)
    crew.sync()
    for agenda in agendas:
        gateway.messages_arrive(agenda, now=moment)
        desk.parcels_arrive(agenda, moment)


def _leave_something_to_do(agenda: Agenda, end: datetime, crew: Crew) -> None:
    """After the last day staff find at least one open request, and one to approve."""
    crew.sync()
    if crew.leads:
        desk.regret_at_last(agenda, now=end)
        office.price_ask_at_last(now=end)
        night.relay(now=end)
