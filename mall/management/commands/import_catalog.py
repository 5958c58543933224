"""manage.py import_catalog DIR: a catalogue from CSV files, idempotent, all or nothing."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from config.kernel import clock
from config.kernel.actors import SYSTEM
from config.kernel.errors import DomainError
from mall.services.catalogue_import import catalogue_import, files_of


class Command(BaseCommand):
    help = "Import categories, brands, products, SKUs, attributes, reviews and regions from CSV."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.add_argument("--dry-run", action="store_true", help="check everything, keep nothing")
        parser.add_argument(
            "--stock-store",
            default="",
            metavar="CODE",
            help="open the stock column of skus.csv at this store, where it has none yet",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder: Path = options["folder"]
        try:
            size = sum(path.stat().st_size for path in files_of(folder))
            with tqdm(total=size, unit="B", unit_scale=True, desc=folder.name, disable=None) as bar:
                report = catalogue_import(
                    folder=folder,
                    actor=SYSTEM,
                    now=clock.now(),
                    dry_run=options["dry_run"],
                    stock_store=options["stock_store"],
                    progress=bar.update,
                )
        except DomainError as error:
            raise CommandError(str(error)) from None
        for reject in report.rejects:
            self.stdout.write(f"{reject.file}:{reject.line}: {reject.reason}")
        self.stdout.write(
            f"{'file':16}{'rows':>9}{'created':>9}{'updated':>9}{'unchanged':>10}{'rejected':>9}"
        )
        for name, f in report.files.items():
            self.stdout.write(
                f"{name:16}{f.rows:>9}{f.created:>9}{f.updated:>9}{f.unchanged:>10}{f.rejected:>9}"
            )
        if report.products_touched:
            self.stdout.write(f"further products brought up to date: {report.products_touched}")
        if report.products_without_sku:
            self.stdout.write(f"products without a SKU: {report.products_without_sku}")
        if options["stock_store"]:
            self.stdout.write(f"stock opened: {report.stock_opened}")
        if options["dry_run"]:
            self.stdout.write("dry run: nothing was kept")
        elif not report.changed:
            self.stdout.write("nothing changed")
