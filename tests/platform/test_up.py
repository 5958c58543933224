"""``./run`` as a whole: up, restarted parts, Ctrl-C, and what a kill leaves behind."""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.platform.conftest import PROJECT, forget, without_mall

_READY_SECONDS = 180


@dataclass
class Copy:
    """One running copy of the mall."""

    process: subprocess.Popen[str]
    data_dir: Path
    port: int

    def run_file(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads((self.data_dir / "run.json").read_text())
        return values


def start(data_dir: Path, port: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "config.embedded", "up"],
        cwd=PROJECT,
        env={**without_mall(os.environ), "DATA_DIR": str(data_dir), "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.1)


def start_and_wait(data_dir: Path, port: int) -> Copy:
    process = start(data_dir, port)
    copy = Copy(process, data_dir, port)

    def ready() -> bool:
        if process.poll() is not None:
            pytest.fail(f"./run ended:\n{process.communicate()[0]}")
        run_file = data_dir / "run.json"
        return run_file.exists() and copy.run_file()["pids"]["supervisor"] == process.pid

    until(ready, _READY_SECONDS)
    return copy


def status_of(url: str) -> int:
    """The status of the answer, 0 when there is none."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


@pytest.fixture(scope="module")
def copy() -> Iterator[Copy]:
    data_dir = Path(tempfile.mkdtemp(prefix="mall-up-"))
    data_dir.chmod(0o755)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = start_and_wait(data_dir, port)
    yield running
    for process in psutil.process_iter():
        try:
            if process.environ().get("DATA_DIR") == str(data_dir):
                process.kill()
        except (psutil.Error, OSError):
            continue
    running.process.wait()
    forget(data_dir)


def test_run_json_tells_scripts_everything(copy: Copy) -> None:
    values = copy.run_file()

    assert values["url"] == f"http://127.0.0.1:{copy.port}"
    assert list(values["addresses"]) == [
        "home", "admin", "guide", "desk", "api", "schema", "health",
    ]  # fmt: skip
    assert set(values["pids"]) == {
        "supervisor", "keeper", "postgres", "valkey", "wechat", "web", "worker",
    }  # fmt: skip
    assert all(psutil.pid_exists(pid) for pid in values["pids"].values())
    assert {"admin", "guide", "desk"} <= {login["face"] for login in values["logins"]}
    assert (copy.data_dir / "run.json").stat().st_mode & 0o777 == 0o600
    assert (copy.data_dir / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert status_of(values["addresses"]["health"]) == 200
    assert status_of(values["addresses"]["home"]) == 200


def test_a_second_start_says_where_the_first_one_runs(copy: Copy) -> None:
    second = start(copy.data_dir, copy.port)
    out, _ = second.communicate(timeout=60)

    assert second.returncode == 1
    assert out.startswith(f"run: already running at http://127.0.0.1:{copy.port} on ")
    assert out.count("\n") == 1


def test_a_port_in_use_is_named(copy: Copy, tmp_path: Path) -> None:
    other = start(tmp_path, copy.port)
    out, _ = other.communicate(timeout=60)
    forget(tmp_path)

    assert other.returncode == 1
    assert out.startswith(f"run: port {copy.port} is in use; choose another: PORT=")


def test_parts_that_are_killed_come_back(copy: Copy) -> None:
    before = copy.run_file()["pids"]

    for name in ("web", "worker", "valkey"):
        os.kill(before[name], signal.SIGKILL)

    def recovered() -> bool:
        now = copy.run_file()["pids"]
        return all(now[name] != before[name] for name in ("web", "worker"))

    until(recovered, 30)
    until(lambda: status_of(f"http://127.0.0.1:{copy.port}/readyz") == 200, 30)
    assert copy.run_file()["pids"]["supervisor"] == before["supervisor"]


def test_a_killed_supervisor_leaves_nothing_and_ctrl_c_stops_all(copy: Copy) -> None:
    pids = [psutil.Process(pid) for pid in copy.run_file()["pids"].values()]
    copy.process.kill()
    copy.process.communicate()
    _, alive = psutil.wait_procs(pids, timeout=30)
    assert alive == []

    again = start_and_wait(copy.data_dir, copy.port)
    pids = [psutil.Process(pid) for pid in again.run_file()["pids"].values()]
    again.process.send_signal(signal.SIGINT)
    out, _ = again.process.communicate(timeout=90)

    assert again.process.returncode == 0
    assert "Ctrl-C stops everything" in out
    assert not (copy.data_dir / "run.json").exists()
    _, alive = psutil.wait_procs(pids, timeout=5)
    assert alive == []
