"""The script ``./run``: tasks it knows, tasks it does not."""

import subprocess

import pytest

from tests.platform.conftest import PROJECT


def entry(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "run", *arguments],
        cwd=PROJECT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_help_lists_the_tasks(bare_env: dict[str, str]) -> None:
    done = entry(bare_env, "help")

    assert done.returncode == 0
    for task in ("test", "check", "journey", "audit", "manage"):
        assert f"./run {task}" in done.stdout


def test_an_unknown_task_shows_the_usage(bare_env: dict[str, str]) -> None:
    done = entry(bare_env, "launch")

    assert done.returncode == 2
    assert done.stderr.startswith("run: unknown task launch\nusage: ./run")


@pytest.mark.parametrize("task", ["faults"])
def test_later_tasks_say_so(bare_env: dict[str, str], task: str) -> None:
    done = entry(bare_env, task)

    assert (done.returncode, done.stderr) == (2, f"run: {task} comes with a later issue\n")
