"""CPU time of processes, and a load of requests over kept connections."""

import http.client
import os
import statistics
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connection as database

TICK = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Call:
    """One request; ``status`` is what it must answer, or one of ``also``."""

    method: str
    path: str
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 200
    also: tuple[int, ...] = ()


@dataclass(frozen=True)
class Load:
    """What a load took: requests per second, latencies, and how many answered otherwise."""

    rps: float
    p50_ms: float
    p99_ms: float
    wrong: int
    sample: str


def cpu_seconds(pid: int) -> float:
    """CPU of a process and all below it, dead children included. Linux."""
    total = 0.0
    for process in _tree(pid):
        try:
            # Of the living to the nanosecond: ten milliseconds are many requests.
            total += time.clock_gettime(_cpu_clock(process))
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(map(int, fields[13:15])) / TICK
    return total


def postgres_pid() -> int:
    """The server process of the database: the parent of the one that serves our connection."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = cursor.fetchone()[0]
    return int(Path(f"/proc/{backend}/stat").read_text().rpartition(")")[2].split()[1])


def _cpu_clock(pid: int) -> int:
    """The kernel's name for the CPU clock of a process, as clock_getcpuclockid(3) makes it."""
    return (~pid << 3) | 2


def _tree(pid: int) -> list[int]:
    found, queue = [], [pid]
    while queue:
        process = queue.pop()
        found.append(process)
        for thread in _threads(process):
            try:
                children = Path(f"/proc/{process}/task/{thread}/children").read_text()
            except OSError:
                continue
            queue += map(int, children.split())
    return found


def _threads(pid: int) -> list[str]:
    try:
        return os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []


def load(url: str, calls: Sequence[Call], *, clients: int = 8) -> Load:
    """Send ``calls`` from ``clients`` connections in two processes, each call once."""
    processes = 2 if clients > 1 and len(calls) >= 2 * clients else 1
    shares = [list(calls[i::processes]) for i in range(processes)]
    started = time.perf_counter()
    if processes == 1:
        parts = [_send_all((url, shares[0], clients))]
    else:
        with get_context("fork").Pool(processes) as pool:
            work = [(url, share, clients // processes) for share in shares]
            parts = pool.map(_send_all, work)
    seconds = max(part[1] for part in parts) or time.perf_counter() - started
    times = sorted(t for part in parts for t in part[0])
    wrong = sum(part[2] for part in parts)
    sample = next((part[3] for part in parts if part[3]), "")
    return Load(
        rps=len(times) / seconds,
        p50_ms=statistics.median(times) * 1000,
        p99_ms=times[min(len(times) - 1, int(len(times) * 0.99))] * 1000,
        wrong=wrong,
        sample=sample,
    )


def _send_all(work: tuple[str, list[Call], int]) -> tuple[list[float], float, int, str]:
    url, calls, clients = work
    queue = iter(calls)
    lock = threading.Lock()
    times: list[float] = []
    wrong: list[str] = []

    def client() -> None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)
        while True:
            with lock:
                call = next(queue, None)
            if call is None:
                break
            began = time.perf_counter()
            status, text = send(connection, call)
            times.append(time.perf_counter() - began)
            if status not in (call.status, *call.also):
                wrong.append(f"{call.method} {call.path}: {status} {text[:200]!r}")
        connection.close()

    started = time.perf_counter()
    threads = [threading.Thread(target=client) for _n in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return times, time.perf_counter() - started, len(wrong), wrong[0] if wrong else ""


def send(connection: http.client.HTTPConnection, call: Call, **headers: str) -> tuple[int, bytes]:
    everything = {**dict(call.headers), **headers}
    if call.body:
        everything["Content-Type"] = "application/json"
    connection.request(call.method, call.path, body=call.body or None, headers=everything)
    answer = connection.getresponse()
    return answer.status, answer.read()


def statements(url: str, call: Call) -> int:
    """How many SQL statements the server says ``call`` takes."""
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=30)) as connection:
        headers = {**dict(call.headers), "X-Probe": "1"}
        if call.body:
            headers["Content-Type"] = "application/json"
        connection.request(call.method, call.path, body=call.body or None, headers=headers)
        answer = connection.getresponse()
        text = answer.read()
    if answer.status != call.status:
        raise RuntimeError(f"{call.method} {call.path}: {answer.status} {text[:300]!r}")
    return int(answer.headers["X-Statements"])
