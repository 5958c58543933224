"""manage.py import_stock FILE: what stores have on hand, by counts."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from config.kernel import clock
from config.kernel.actors import SYSTEM
from config.kernel.errors import DomainError
from mall.services.stock_import import stock_import


class Command(BaseCommand):
    help = "Set stock from a CSV file with store_code, sku_code, on_hand and optional counted_at."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE")
        parser.add_argument("--dry-run", action="store_true", help="check everything, keep nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            size = path.stat().st_size if path.is_file() else None
            with tqdm(total=size, unit="B", unit_scale=True, desc=path.name, disable=None) as bar:
                report = stock_import(
                    path=path,
                    actor=SYSTEM,
                    now=clock.now(),
                    dry_run=options["dry_run"],
                    progress=bar.update,
                )
        except DomainError as error:
            raise CommandError(str(error)) from None
        for reject in report.rejects:
            self.stdout.write(f"{reject.file}:{reject.line}: {reject.reason}")
        for name, value in report.summary().items():
            self.stdout.write(f"{name:10}{value:>9}")
        if options["dry_run"]:
            self.stdout.write("dry run: nothing was kept")
