"""manage.py simulate: days of a believable business, through the real services."""

from argparse import ArgumentParser
from datetime import date
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from config.kernel import clock
from config.kernel.errors import DomainError
from guides.simulation.run import days_to_come, processes_here, simulate
from guides.simulation.traffic import visits_expected
from mall.models import Order


class Command(BaseCommand):
    help = (
        "Simulate days of business up to a date. Every day is simulated once: a further call"
        " goes on after the last one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--days", type=int, default=30, help="default 30")
        parser.add_argument("--seed", type=int, default=1, help="same seed, same business")
        parser.add_argument(
            "--until", type=date.fromisoformat, help="the last day, YYYY-MM-DD; default today"
        )
        parser.add_argument(
            "--per-day", type=int, default=300, help="orders of an ordinary day, default 300"
        )
        parser.add_argument("--processes", type=int, default=processes_here())
        parser.add_argument(
            "--if-empty", action="store_true", help="do nothing where there are orders"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not getattr(settings, "DEMO_ALLOWED", False):
            raise CommandError("Invented business is refused here (DEMO_ALLOWED is not set).")
        if min(options["days"], options["per_day"], options["processes"]) < 1:
            raise CommandError("--days, --per-day and --processes are at least 1")
        if options["if_empty"] and Order.objects.exists():
            self.stdout.write("there are orders already: nothing simulated")
            return
        now = clock.now()
        today = clock.local_date(now)
        until = min(options["until"] or today, today)
        wanted = days_to_come(days=options["days"], until=until, now=now)
        if not wanted:
            self.stdout.write(f"nothing to do: every day up to {until} is over")
            return
        self._refuse_beside_a_worker()
        expected = sum(visits_expected(day, per_day=options["per_day"]) for day in wanted)
        tqdm.monitor_interval = 0  # no thread of its own in a process that forks
        with tqdm(total=expected, unit=" visits", disable=None) as bar:
            try:
                report = simulate(
                    days=options["days"],
                    seed=options["seed"],
                    until=until,
                    now=now,
                    per_day=options["per_day"],
                    processes=options["processes"],
                    progress=lambda visits: bar.update(visits * options["processes"]),
                )
            except DomainError as error:
                raise CommandError(str(error)) from None
        self.stdout.write(f"{report.days[0]} to {report.days[-1]}, seed {options['seed']}")
        for name, value in sorted(report.tally.items()):
            self.stdout.write(f"{name:18}{value:>14}")

    def _refuse_beside_a_worker(self) -> None:
        """A worker lives now and would expire what the simulation places in the past."""
        try:
            # A connection of its own, closed again: the simulation forks.
            with current_app.connection_for_write() as connection:
                awake = current_app.control.ping(timeout=0.7, connection=connection)
        except Exception:
            # No broker, no worker.
            return
        if awake:
            raise CommandError("A worker of this mall is running: stop it first (Ctrl-C in ./run).")
