"""The audit: what must always hold, as queries over the live database that return no rows.

Each app registers its lines in ``audit.py``, imported by its ``ready()``. ``manage.py audit``
runs them all; the test suite runs them after every database test.
"""

import time
from dataclasses import dataclass
from typing import Any

from django.db import connection

from config.kernel.states import Machine

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


def state_chain(code: str, title: str, *, subject_type: str, table: str, machine: Machine) -> Line:
    """Line 15 for one state machine: every row's history is an allowed path that starts from
    nothing, has no gap, and ends in the row's current state."""
    allowed = ", ".join(f"('{a!s}', '{b!s}')" for a in machine for b in sorted(machine[a]))
    sql = f"""
    WITH step AS (
      SELECT id, subject_id, from_state, to_state,
        lag(to_state) OVER w AS previous, lead(id) OVER w IS NULL AS last
      FROM kernel_event WHERE subject_type = '{subject_type}' AND to_state <> ''
      WINDOW w AS (PARTITION BY subject_id ORDER BY id)
    )
    SELECT r.id, r.state, s.from_state, s.to_state, s.previous
    FROM {table} r LEFT JOIN step s ON s.subject_id = r.id
    WHERE s.id IS NULL
      OR coalesce(s.previous, '') <> s.from_state
      OR (s.last AND s.to_state <> r.state)
      OR (s.from_state <> '' AND (s.from_state, s.to_state) NOT IN ({allowed}))
    """
    return Line(15, code, title, sql)
