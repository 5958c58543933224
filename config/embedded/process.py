"""Starting and ending processes so that none is ever orphaned."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from config.embedded.layout import ServerUser

_PR_SET_PDEATHSIG = 1
_LOG_LIMIT = 10 * 1024 * 1024


def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


LIBC = _libc()


def end_with_parent(signum: int) -> Callable[[], None]:
    """For ``preexec_fn``: the kernel sends ``signum`` when the starting process dies (Linux).

    Runs after the change of user, because that change would clear the setting. Only processes
    without threads may use it, and the thread that starts the child must live as long as they do.
    """
    parent = os.getpid()

    def before_exec() -> None:
        # SIGINT is ignored in background jobs of a shell, and servers inherit that.
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)
        if LIBC is not None:
            LIBC.prctl(_PR_SET_PDEATHSIG, signum)
            if os.getppid() != parent:
                os._exit(1)

    return before_exec


def spawn(
    command: Sequence[str | Path],
    *,
    log: Path | None,
    death_signal: int = signal.SIGTERM,
    user: ServerUser | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a child in a session of its own, output appended to ``log``.

    A terminal's Ctrl-C therefore reaches only the starter, which ends its children in order.
    """
    as_user: dict[str, Any] = {}
    if user:
        as_user = {"user": user.uid, "group": user.gid, "extra_groups": []}
    output = open_log(log) if log else None
    try:
        return subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT if output else None,
            env=dict(env) if env is not None else None,
            cwd=cwd,
            start_new_session=True,
            preexec_fn=end_with_parent(death_signal),
            **as_user,
        )
    finally:
        if output:
            output.close()


def open_log(path: Path) -> Any:
    """Open a log for appending; one that has grown large becomes ``<name>.1`` first."""
    try:
        if path.stat().st_size > _LOG_LIMIT:
            path.replace(path.with_name(path.name + ".1"))
    except FileNotFoundError:
        pass
    return path.open("ab")


def tail(path: Path, lines: int = 15) -> str:
    try:
        text = path.read_bytes()[-8000:].decode(errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def end(
    child: subprocess.Popen[bytes], signum: int = signal.SIGTERM, *, timeout: float = 10.0
) -> None:
    """Ask a child to end, wait ``timeout`` seconds, then kill what is left of its group."""
    if child.poll() is None:
        child.send_signal(signum)
        try:
            child.wait(timeout)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
    sweep_group(child.pid)


def sweep_group(pgid: int) -> None:
    """Kill what a dead session leader left behind (workers of a killed web server)."""
    try:
        os.killpg(pgid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass


def wait_until(condition: Callable[[], bool], *, timeout: float, interval: float = 0.05) -> bool:
    """Poll ``condition`` until it holds (True) or ``timeout`` seconds have passed (False)."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(interval)
    return True
