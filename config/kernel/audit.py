"""The audit: what must always hold, as queries over the live database that return no rows.

Each app registers its lines in ``audit.py``, imported by its ``ready()``. ``manage.py audit``
runs them all; the test suite runs them after every database test.
"""

import time
from dataclasses import dataclass
from typing import Any

from django.db import connection

SAMPLE = 20


@dataclass(frozen=True)
class Line:
    """``number`` is that of the rule; ``code`` is stable; ``sql`` selects what violates it."""

    number: int
    code: str
    title: str
    sql: str


_lines: dict[str, Line] = {}


def register(*lines: Line) -> None:
    for line in lines:
        if line.code in _lines and _lines[line.code] != line:
            raise ValueError(f"two audit lines are called {line.code}")
        _lines[line.code] = line


def lines() -> list[Line]:
    return sorted(_lines.values(), key=lambda line: (line.number, line.code))


@dataclass(frozen=True)
class Finding:
    line: Line
    violations: int
    sample: list[dict[str, Any]]
    seconds: float


def run(codes: set[str] | None = None) -> list[Finding]:
    """Run every line (or those in ``codes``) and return its finding, clean ones included."""
    findings = []
    for line in lines():
        if codes is not None and line.code not in codes:
            continue
        started = time.perf_counter()
        with connection.cursor() as cursor:
            cursor.execute(line.sql)
            names = [c.name for c in cursor.description]
            rows = cursor.fetchall()
        sample = [dict(zip(names, row, strict=True)) for row in rows[:SAMPLE]]
        findings.append(Finding(line, len(rows), sample, time.perf_counter() - started))
    return findings
