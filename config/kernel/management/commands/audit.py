import json
import time

from django.core.management.base import BaseCommand

from config.kernel import audit


class Command(BaseCommand):
    help = "Check every invariant over the live database; exit status 1 when one is violated."

    def add_arguments(self, parser) -> None:
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *args, **options) -> None:
        started = time.perf_counter()
        findings = audit.run()
        seconds = round(time.perf_counter() - started, 3)  # not money: a duration
        violated = sum(1 for f in findings if f.violations)
        if options["json"]:
            checks = [
                {
                    "number": f.line.number,
                    "code": f.line.code,
                    "title": f.line.title,
                    "violations": f.violations,
                    "sample": f.sample,
                    "seconds": round(f.seconds, 4),  # not money: a duration
                }
                for f in findings
            ]
            document = {
                "invariants": len(findings),
                "violations": sum(f.violations for f in findings),
                "seconds": seconds,
                "checks": checks,
            }
            self.stdout.write(json.dumps(document, ensure_ascii=False, default=str))
        else:
            for f in findings:
                mark = "ok  " if not f.violations else "FAIL"
                self.stdout.write(f"{mark} {f.line.number:>2} {f.line.code:<32} {f.line.title}")
                for row in f.sample:
                    self.stdout.write(f"        {row}")
            self.stdout.write(
                f"{len(findings)} invariants, {sum(f.violations for f in findings)} violations,"
                f" {seconds:.2f} s"
            )
        if violated:
            raise SystemExit(1)
