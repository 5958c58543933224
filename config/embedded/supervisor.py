"""``./run``: the whole mall on one machine, supervised until Ctrl-C."""

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import psutil

from config.embedded.client import KeeperLost, Servers, acquire, environment
from config.embedded.layout import PROJECT, EmbeddedError, Layout
from config.embedded.process import end, spawn, sweep_group, tail, wait_until
from config.embedded.translations import translations_compile
from config.embedded.wechat import free_port, port_is_free, wechat_command, wechat_initialise

# Faces of the mall and where they are; `run.json` and the terminal show them in this order.
FACES = {
    "home": "/",
    "admin": "/admin/",
    "guide": "/guide/",
    "desk": "/desk/",
    "api": "/api/v1/docs/",
    "schema": "/api/v1/schema/",
    "health": "/readyz",
}
_READY_SECONDS = 120.0
_STEADY_SECONDS = 30.0
_LONGEST_PAUSE = 10.0


def port_number() -> int:
    """PORT, default 8000."""
    text = os.environ.get("PORT") or "8000"
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65534:
        raise EmbeddedError("PORT is not a port number: 8000")
    return int(text)


def read_run_file(layout: Layout) -> dict[str, Any]:
    """What the running instance wrote, or an empty dict when none runs (or was killed)."""
    try:
        values: dict[str, Any] = json.loads((layout.data / "run.json").read_text())
        supervisor = psutil.Process(values["pids"]["supervisor"])
        return values if "config.embedded" in supervisor.cmdline() else {}
    except (OSError, ValueError, KeyError, psutil.Error):
        return {}


@dataclass
class Child:
    """One supervised process; restarted when it dies, ever more slowly while it keeps dying."""

    name: str
    command: list[str]
    log: Path
    env: dict[str, str]
    process: subprocess.Popen[bytes] | None = None
    pause: float = 0.5
    started_at: float = 0.0
    restart_at: float | None = field(default=None)

    def start(self) -> None:
        self.process = spawn(self.command, log=self.log, env=self.env, cwd=PROJECT)
        self.started_at = time.monotonic()
        self.restart_at = None

    def check(self, say: Callable[[str], None]) -> bool:
        """Notice a death, start again when it is time; True when the pid has changed."""
        assert self.process is not None
        status = self.process.poll()
        if status is None:
            return False
        now = time.monotonic()
        if self.restart_at is None:
            sweep_group(self.process.pid)
            steady = now - self.started_at > _STEADY_SECONDS
            self.pause = 0.5 if steady else min(self.pause * 2, _LONGEST_PAUSE)
            self.restart_at = now + self.pause
            say(f"{self.name} ended ({status}), see {self.log}; starting it again")
            return False
        if now < self.restart_at:
            return False
        self.start()
        return True


class Supervisor:
    """Brings everything up, keeps it up, takes it down in order."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.host = os.environ.get("BIND") or "127.0.0.1"
        self.port = port_number()
        # Everything on this machine talks to loopback, whatever address is bound.
        self.local = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host
        self.url = os.environ.get("PUBLIC_URL") or f"http://{self.local}:{self.port}"
        self.wechat_port = 0
        self.servers: Servers | None = None
        self.children: list[Child] = []
        self.stopping = False
        self.began = time.monotonic()

    def run(self) -> int:
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(signum, self._on_signal)
        run_file = self.layout.data / "run.json"
        try:
            self._claim_ports()
            env = self._prepare()
            self._start_children(env, "wechat", "web")
            # While the web server loads; the demo is one transaction, so nobody sees half of it.
            # Its first days of business lie in the past, where a worker, who lives now, would
            # disturb: he comes when they are over. Outside servers may have one already.
            outside = bool(os.environ.get("DATABASE_URL"))
            self._manage(env, "load_demo", *(["--if-empty"] if outside else ["--days", "3"]))
            self._start_children(env, "worker")
            self._wait_ready()
            self._write_run_file()
            self._greet()
            self._watch()
            self.say("stopping")
            return 0
        except _Stopped:
            return 130
        finally:
            # A second Ctrl-C must not leave half of it running.
            for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                signal.signal(signum, signal.SIG_IGN)
            run_file.unlink(missing_ok=True)
            self._stop_children()
            if self.servers:
                self.servers.release()

    def say(self, text: str) -> None:
        print(text, flush=True)

    # --- coming up

    def _claim_ports(self) -> None:
        end_leftovers(self.layout)
        if not port_is_free(self.host, self.port):
            raise EmbeddedError(
                f"port {self.port} is in use; choose another: PORT={self.port + 10} ./run"
            )
        wanted = os.environ.get("WECHAT_PORT") or ""
        preferred = int(wanted) if wanted.isdigit() else self.port + 1
        self.wechat_port = free_port("127.0.0.1", preferred)

    def _prepare(self) -> dict[str, str]:
        """Servers, keys and translations at the same time, then the tables."""
        outside = all(os.environ.get(name) for name in ("DATABASE_URL", "REDIS_URL"))
        self.say(f"data in {self.layout.data}")
        if self.layout.servers != self.layout.data:
            self.say(f"databases in {self.layout.servers}, where their user can reach them")
        with ThreadPoolExecutor() as pool:
            wechat = pool.submit(wechat_initialise, self.layout, self.wechat_port)
            translations = pool.submit(translations_compile, PROJECT / "config" / "locale")
            if not outside:
                self.servers = acquire(self.layout)
            wechat.result()
            translations.result()
        addresses = self.servers.addresses if self.servers else {}
        env = environment(self.layout, addresses, public_url=self.url)
        env["MALL_RUN_DIR"] = str(self.layout.data)
        self._manage(env, "migrate", "--no-input", "--verbosity", "0")
        return env

    def _manage(self, env: dict[str, str], *arguments: str) -> None:
        """One manage.py step, stoppable, its output in a log that a failure shows."""
        if self.stopping:
            raise _Stopped
        self.say(f"{arguments[0]} …")
        log = self.layout.logs / "setup.log"
        step = spawn([sys.executable, "manage.py", *arguments], log=log, env=env, cwd=PROJECT)
        while step.poll() is None:
            if self.stopping:
                end(step)
                raise _Stopped
            time.sleep(0.05)
        if step.returncode != 0:
            raise EmbeddedError(f"manage.py {arguments[0]} failed ({log}):\n{tail(log, 25)}")

    def _start_children(self, env: dict[str, str], *names: str) -> None:
        # Measured on two cores with a gateway that hangs: with one or two threads reads fall to
        # 10 and 150 requests a second, with four, half of which may wait, they stay above 1,000.
        threads = os.environ.get("WEB_THREADS") or "4"
        workers = os.environ.get("WEB_WORKERS") or "2"
        commands = {
            "wechat": wechat_command(self.layout, self.wechat_port),
            "web": [
                *(sys.executable, "-m", "granian", "--interface", "wsgi"),
                *("--host", self.host, "--port", str(self.port)),
                *("--workers", workers, "--blocking-threads", threads),
                *("--respawn-failed-workers", "--no-ws", "--log-level", "warning"),
                "config.wsgi:application",
            ],
            "worker": [
                *(sys.executable, "-m", "celery", "--app", "config.celery", "worker"),
                *("--beat", "--schedule", str(self.layout.data / "celerybeat-schedule")),
                *("--pool", "threads", "--concurrency", "2", "--loglevel", "WARNING"),
                *("--without-gossip", "--without-mingle"),
            ],
        }
        for name in names:
            log = self.layout.logs / f"{name}.log"
            child = Child(name, commands[name], log, {**env, "MALL_ROLE": name})
            self.children.append(child)
            child.start()

    def _wait_ready(self) -> None:
        """Until the web server answers that everything it needs is there."""
        answer = ""

        def ready() -> bool:
            nonlocal answer
            if self.stopping:
                raise _Stopped
            self._check_children()
            if any(child.process and child.process.poll() is not None for child in self.children):
                answer = "a process keeps ending; see the lines above"
                return False
            try:
                address = f"http://{self.local}:{self.port}/readyz"
                with urllib.request.urlopen(address, timeout=5) as response:
                    return bool(response.status == 200)
            except urllib.error.HTTPError as error:
                answer = error.read(2000).decode(errors="replace")
            except OSError:
                pass
            return False

        if not wait_until(ready, timeout=_READY_SECONDS, interval=0.1):
            reason = answer or tail(self.layout.logs / "web.log")
            raise EmbeddedError(f"the web server is not ready:\n{reason}")

    # --- being up

    def _watch(self) -> None:
        while not self.stopping:
            changed = self._check_children()
            try:
                changed = bool(self.servers and self.servers.news()) or changed
            except KeeperLost:
                self.say("the keeper of the database ended; starting it again")
                self.servers = acquire(self.layout)
                changed = True
            if changed:
                self._write_run_file()
            time.sleep(0.25)

    def _check_children(self) -> bool:
        changed = [child.check(self.say) for child in self.children]
        return any(changed)

    def _write_run_file(self) -> None:
        pids = {"supervisor": os.getpid()}
        if self.servers:
            pids |= self.servers.pids
        pids |= {c.name: c.process.pid for c in self.children if c.process}
        logins = self._logins()
        values = {
            "url": self.url,
            "addresses": {face: self.url + path for face, path in FACES.items()},
            "wechat_url": f"http://127.0.0.1:{self.wechat_port}",
            "pids": pids,
            "logins": logins,
        }
        fresh = self.layout.data / "run.json.new"
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(values, ensure_ascii=False, indent=2) + "\n")
        fresh.replace(self.layout.data / "run.json")

    def _logins(self) -> list[dict[str, str]]:
        """What ``load_demo`` wrote: face, url_path, username, password, note of each login."""
        try:
            logins: list[dict[str, str]] = json.loads(
                (self.layout.data / "demo-logins.json").read_text()
            )
        except FileNotFoundError:
            return []
        return logins

    def _greet(self) -> None:
        self.say(f"\nready after {time.monotonic() - self.began:.1f} s\n")
        for face, path in FACES.items():
            self.say(f"  {face:8} {self.url}{path}")
        self.say(f"  {'wechat':8} http://127.0.0.1:{self.wechat_port}/  (fake)")
        logins = self._logins()
        if logins:
            self.say("\nlogins of the demo mall")
        for login in logins:
            self.say(
                f"  {login.get('face', ''):8} {self.url}{login.get('url_path', '/'):10}"
                f" {login.get('username', '')} / {login.get('password', '')}"
                f"  {login.get('note', '')}".rstrip()
            )
        self.say("\nCtrl-C stops everything\n")

    # --- going down

    def _stop_children(self) -> None:
        """Web first, so that no request meets a missing worker or payment server."""
        order = sorted(self.children, key=lambda c: ("web", "worker", "wechat").index(c.name))
        for child in order:
            if child.process and child.process.poll() is None:
                child.process.send_signal(signal.SIGTERM)
        for child in order:
            if child.process:
                end(child.process, timeout=10)

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        self.stopping = True


class _Stopped(Exception):
    """Ctrl-C or SIGTERM came before the mall was up."""


def end_leftovers(layout: Layout) -> None:
    """End the children of a supervisor that was killed; they carry its data directory's name.

    The caller holds the lock of the data directory, so whatever is found has no living parent.
    """
    (layout.data / "run.json").unlink(missing_ok=True)
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("MALL_RUN_DIR") == str(layout.data):
                found.append(process)
                process.terminate()
        except (psutil.Error, OSError):
            continue
    _, alive = psutil.wait_procs(found, timeout=8)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=3)


def main(layout: Layout) -> int:
    """Run the mall of one data directory; a second call on the same one says where it runs."""
    with (layout.data / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            url = read_run_file(layout).get("url")
            where = f" at {url}" if url else ""
            raise EmbeddedError(
                f"already running{where} on {layout.data}; another copy needs its own"
                " DATA_DIR and PORT"
            ) from None
        return Supervisor(layout).run()
