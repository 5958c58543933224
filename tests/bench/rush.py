"""A rush as it comes: ten thousand members help themselves to a thousand coupons over HTTP, from
more connections than there are cores, every tenth of them tapping twice.

What must hold is looked at in what everybody was told, not only in what is left behind: as many
were given as there are, nobody has two, and nobody was told "sold out" before the last one was
gone. While there still is one, who waits for whose row is sampled from PostgreSQL, of the rush and
of as many plain claims that all count up one row.
"""

import http.client
import json
import statistics
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
from django.db import connection, transaction

from config.kernel import clock
from config.kernel.models import Session, User
from config.kernel.numbers import random_code
from coupons.guards import slots_fill
from coupons.models import Coupon, Template
from members.models import Member
from tests.bench.measure import Call, Load, cpu_seconds, send, statements

if TYPE_CHECKING:
    from tests.bench.bench import Bench

MEMBERS, PER_COUPON = 10_000, 10
# Twice what the server has threads for, and these are as many as it may have connections.
CLIENTS, PROCESSES = 64, 2
TWICE = 10
_SAMPLE_SECONDS = 0.01


@dataclass(frozen=True, slots=True)
class Tap:
    """One request and its answer, by a clock that all processes share."""

    began: float
    ended: float
    status: int
    code: str


@dataclass
class Waits:
    """How many backends were waiting for a lock, each time somebody looked."""

    seen: list[tuple[float, int]] = field(default_factory=list)

    def until(self, moment: float) -> list[int]:
        return [n for at, n in self.seen if at < moment]


def crowd(n: int) -> list[tuple[int, str]]:
    """``n`` members, each with a token: all that a claim needs of them."""
    now, mark = clock.now(), random_code(8)
    users = User.objects.bulk_create(
        User(username=f"crowd-{mark}-{i}", password="!") for i in range(n)
    )
    members = Member.objects.bulk_create(
        Member(no=f"MC{mark}{i}", user=user, nickname="", created_at=now)
        for i, user in enumerate(users)
    )
    tokens = [f"{mark}{i:08d}".lower().ljust(32, "0") for i in range(n)]
    ends = now + timedelta(days=1)
    Session.objects.bulk_create(
        Session(session_key=token, session_data="", expire_date=ends, user=user)
        for token, user in zip(tokens, users, strict=True)
    )
    return [(member.pk, token) for member, token in zip(members, tokens, strict=True)]


def rush(bench: "Bench") -> dict[str, Any]:
    """``claim_rush``, and what was seen of it; ends the bench when one of the promises breaks."""
    members = min(MEMBERS, PER_COUPON * bench.n)
    coupons = members // PER_COUPON
    hot, plain = bench.world.rushed, bench.world.template
    Template.objects.filter(pk=hot.pk).update(quota=coupons, slots_ready=coupons, per_member=1)
    with transaction.atomic():
        slots_fill(template_id=hot.pk)
    people = crowd(members)
    calls = [
        Call(
            "POST",
            f"/api/v1/coupon-templates/{hot.code}/claim",
            b"{}",
            (("X-Session-Token", token), ("Idempotency-Key", f"rush-{tap}-{member_id:09d}")),
            201,
        )
        for member_id, token in people
        for tap in range(2 if member_id % TWICE == 0 else 1)
    ]
    floor = [
        Call(
            "POST",
            "/floor/claim",
            json.dumps({"code": plain.code, "member": member_id}).encode(),
            (),
            201,
        )
        for member_id, _token in people[:coupons]
    ]
    with bench.crowded() as (url, server):
        with watched() as queue:
            _taps(url, floor)
        sql = statements(url, calls[0])
        web, pg = cpu_seconds(server), cpu_seconds(bench.postgres)
        with watched() as waits:
            taps = _taps(url, calls[1:])
        web, pg = cpu_seconds(server) - web, cpu_seconds(bench.postgres) - pg
    found = _judged(taps, coupons, hot)
    seconds = [tap.ended - tap.began for tap in taps]
    each = 1000 / len(taps)
    bench.add(
        "claim_rush",
        Load(
            rps=len(taps) / found.pop("seconds"),
            p50_ms=statistics.median(seconds) * 1000,
            p99_ms=sorted(seconds)[int(len(seconds) * 0.99)] * 1000,
            wrong=0,
            sample="",
        ),
        web_cpu_ms=web * each,
        pg_cpu_ms=pg * each,
        sql=sql,
    )
    taking = waits.until(found.pop("first_sold_out"))
    return {
        "members": members,
        "requests": len(calls),
        "coupons": coupons,
        **found,
        "waiting": round(statistics.fmean(taking or [0]), 2),
        "waiting_plain": round(statistics.fmean([n for _at, n in queue.seen] or [0]), 2),
    }


def _judged(taps: Sequence[Tap], coupons: int, template: Template) -> dict[str, Any]:
    """What the answers say together. The first claim was sent ahead and is not among them."""
    told = Counter(tap.code for tap in taps)
    given = [tap for tap in taps if tap.status == 201]
    refused = {"coupon_sold_out", "coupon_limit_reached"}
    if set(told) - {""} - refused or len(given) + 1 != coupons:
        raise SystemExit(f"bench: claim_rush: {len(given) + 1} of {coupons} given: {told}")
    first_sold_out = min(tap.ended for tap in taps if tap.code == "coupon_sold_out")
    late = sum(tap.began > first_sold_out for tap in given)
    if late:
        raise SystemExit(f"bench: claim_rush: {late} were given after somebody was told sold out")
    rows = Coupon.objects.filter(template=template)
    if not rows.count() == rows.values("member").distinct().count() == coupons:
        raise SystemExit("bench: claim_rush: somebody has two")
    template.refresh_from_db()
    if template.issued != coupons or template.slots.exists():
        raise SystemExit(f"bench: claim_rush: {template.issued} counted")
    began = min(tap.began for tap in taps)
    gone = max(tap.ended for tap in given) - began
    return {
        "given": coupons,
        "sold_out": told["coupon_sold_out"],
        "limit_reached": told["coupon_limit_reached"],
        "given_per_second": round(coupons / gone, 1),
        "given_p99_ms": round(
            sorted(tap.ended - tap.began for tap in given)[int(len(given) * 0.99)] * 1000, 1
        ),
        "seconds": max(tap.ended for tap in taps) - began,
        "first_sold_out": first_sold_out,
    }


def _taps(url: str, calls: Sequence[Call]) -> list[Tap]:
    """Every call once, in order, from ``CLIENTS`` connections of several processes."""
    shares = [(url, calls[i::PROCESSES]) for i in range(PROCESSES)]
    with get_context("fork").Pool(PROCESSES) as pool:
        return [tap for part in pool.map(_share, shares) for tap in part]


def _share(work: tuple[str, Sequence[Call]]) -> list[Tap]:
    url, calls = work
    queue, lock = iter(calls), threading.Lock()
    found: list[Tap] = []

    def client() -> None:
        http_connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        while True:
            with lock:
                call = next(queue, None)
            if call is None:
                break
            began = time.monotonic()
            status, text = send(http_connection, call)
            ended = time.monotonic()
            code = "" if status == 201 else _code(status, text)
            found.append(Tap(began, ended, status, code))
        http_connection.close()

    threads = [threading.Thread(target=client) for _n in range(CLIENTS // PROCESSES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def _code(status: int, text: bytes) -> str:
    try:
        return json.loads(text)["errors"][0]["code"]
    except (ValueError, LookupError):
        return f"{status} {text[:100]!r}"


@contextmanager
def watched() -> Iterator[Waits]:
    """Look at who waits for a lock, over and over, from a connection of its own."""
    waits, over = Waits(), threading.Event()
    settings = connection.get_connection_params()
    names = {"dbname": settings["dbname"]} | {
        k: settings[k] for k in ("host", "port", "user", "password") if settings.get(k)
    }
    sql = """SELECT count(*) FROM pg_stat_activity
             WHERE datname = current_database() AND wait_event_type = 'Lock'"""

    def look() -> None:
        with psycopg.connect(**names, autocommit=True) as own:
            while not over.wait(_SAMPLE_SECONDS):
                row = own.execute(sql).fetchone()
                waits.seen.append((time.monotonic(), row[0] if row else 0))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield waits
    finally:
        over.set()
        thread.join()
