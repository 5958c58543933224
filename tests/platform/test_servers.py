"""The embedded servers as their users see them: real processes in a folder of this module."""

import os
import signal
import subprocess
import time
from pathlib import Path

import psutil

from config.embedded.layout import layout_for
from tests.platform.conftest import Launcher

# Says that it runs, then holds the servers until its standard input closes.
HOLD = "print(db('SELECT pg_backend_pid() > 0'), flush=True); sys.stdin.read()"


def postmaster(data_dir: Path) -> int:
    return int((data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


def finish(user: subprocess.Popen[str]) -> str:
    out, err = user.communicate(timeout=60)
    assert user.returncode == 0, err
    return out


def test_exec_gives_addresses_and_stops_the_servers_afterwards(
    launch: Launcher, data_dir: Path
) -> None:
    out = finish(
        launch(
            "import redis\n"
            "print(db('SHOW server_version')[:2], db('SHOW server_encoding'), db('SHOW fsync'))\n"
            "print(redis.Redis.from_url(os.environ['REDIS_URL']).ping())\n"
            "print(len(os.environ['SECRET_KEY']) >= 50, os.environ['MALL_EMBEDDED'])\n"
        )
    )

    assert out.splitlines() == ["18 UTF8 on", "True", "True 1"]
    assert not (data_dir / "postgres" / "postmaster.pid").exists()
    assert not layout_for(data_dir).control.exists()


def test_chinese_text_has_trigrams(launch: Launcher) -> None:
    out = finish(
        launch(
            "db('CREATE EXTENSION IF NOT EXISTS pg_trgm')\n"
            "print(db(\"SELECT cardinality(show_trgm('白桃乌龙茶'))\") > 0)\n"
        )
    )

    assert out == "True\n"


def test_concurrent_starters_share_one_server_that_ends_with_the_last(
    launch: Launcher, data_dir: Path
) -> None:
    users = [launch(HOLD) for _ in range(3)]
    assert [user.stdout.readline() for user in users if user.stdout] == ["True\n"] * 3
    server = postmaster(data_dir)

    for user in users[:2]:
        finish(user)
    assert psutil.pid_exists(server)
    assert postmaster(data_dir) == server

    finish(users[2])
    assert not psutil.pid_exists(server)


def test_a_killed_user_counts_as_gone(launch: Launcher, data_dir: Path) -> None:
    user = launch(HOLD)
    assert user.stdout and user.stdout.readline() == "True\n"
    server = psutil.Process(postmaster(data_dir))

    user.kill()
    user.communicate()

    server.wait(timeout=20)


def test_a_killed_server_is_restarted_and_has_lost_nothing(
    launch: Launcher, data_dir: Path
) -> None:
    finish(launch("db('CREATE TABLE kept (n int)'); db('INSERT INTO kept VALUES (41)')"))
    user = launch(HOLD)
    assert user.stdout and user.stdout.readline() == "True\n"
    killed = postmaster(data_dir)

    os.kill(killed, signal.SIGKILL)

    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        reader = launch("print(db('SELECT n FROM kept'))")
        out, _ = reader.communicate(timeout=60)
        if reader.returncode == 0:
            break
    assert out == "41\n"
    assert postmaster(data_dir) != killed
    finish(user)


def test_a_start_after_everything_was_killed(launch: Launcher, data_dir: Path) -> None:
    finish(launch("db('DROP TABLE IF EXISTS kept2'); db('CREATE TABLE kept2 (n int)')"))
    user = launch(HOLD)
    assert user.stdout and user.stdout.readline() == "True\n"
    server = psutil.Process(postmaster(data_dir))
    processes = [server, *server.children(recursive=True)]
    keeper = server.parent()
    assert keeper

    for process in (keeper, *processes):
        if process.is_running():
            process.kill()
    psutil.wait_procs(processes, timeout=20)
    user.communicate()
    # A pid file whose pid now belongs to a living process of another kind.
    stale = data_dir / "postgres" / "postmaster.pid"
    lines = stale.read_text().splitlines()
    stale.write_text("\n".join([str(os.getpid()), *lines[1:]]) + "\n")

    assert finish(launch("print(db('SELECT count(*) FROM kept2'))")) == "0\n"


def test_data_that_valkey_cannot_read_is_moved_aside(launch: Launcher, data_dir: Path) -> None:
    for part in (data_dir / "valkey").rglob("*.incr.aof"):
        part.write_bytes(b"*1\r\n$9\r\nnot at all a log of commands\r\n" * 20)

    out = finish(
        launch("import redis; print(redis.Redis.from_url(os.environ['REDIS_URL']).ping())")
    )

    assert out == "True\n"
    assert (data_dir / "valkey.unreadable").is_dir()


def test_exec_passes_the_exit_status_on(launch: Launcher) -> None:
    user = launch("sys.exit(7)")

    user.communicate(timeout=60)

    assert user.returncode == 7
