"""manage.py load_demo: the project's own demo mall.

It lives in the top app because the demo reaches from the organisation up to the guides.
"""

import json
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from config.kernel import clock
from config.kernel.errors import DomainError
from guides.demo.load import load_guides, logins, logins_path
from guides.simulation.run import processes_here, simulate
from mall.demo.load import SEED, load_mall
from mall.models import Order, Product
from stores.models import Store

# Of the days that come with the demo: few enough for a quick first start.
ORDERS_PER_DAY = 60


class Command(BaseCommand):
    help = "Load the demo mall as far as it is missing; existing rows are never changed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--if-empty", action="store_true", help="do nothing where stores or products exist"
        )
        parser.add_argument(
            "--days",
            type=int,
            default=0,
            help="where there are no orders, simulate so many days up to now (see simulate)",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not getattr(settings, "DEMO_ALLOWED", False):
            raise CommandError(
                "The demo has known passwords and is refused here (DEMO_ALLOWED is not set)."
            )
        if options["if_empty"] and (Store.objects.exists() or Product.objects.exists()):
            self.stdout.write("there is a mall already: nothing loaded")
            return
        now = clock.now()
        with transaction.atomic():
            load_mall(now=now)
            load_guides(now=now)
        path = logins_path()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(logins(), ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
        self.stdout.write(f"the demo mall is there; logins in {path}")
        if options["days"] and not Order.objects.exists():
            self._simulate(options["days"])

    def _simulate(self, days: int) -> None:
        """So that no screen is empty. A mall that cannot be simulated is a mall all the same."""
        now = clock.now()
        try:
            report = simulate(
                days=days,
                seed=SEED,
                until=clock.local_date(now),
                now=now,
                per_day=ORDERS_PER_DAY,
                processes=processes_here(),
            )
        except DomainError as error:
            self.stdout.write(str(error))
            return
        self.stdout.write(f"{report.tally['orders']} orders on {len(report.days)} days")
