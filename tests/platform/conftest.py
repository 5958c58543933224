import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
# What the suite itself was given would make the launcher use the suite's servers.
_OWN = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PUBLIC_URL", "WECHAT_CONFIG", "MALL_EMBEDDED")

Launcher = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def bare_env() -> dict[str, str]:
    """An environment in which nothing of the mall is set."""
    unset = (*_OWN, "DATA_DIR", "DJANGO_SETTINGS_MODULE", "PORT", "ALLOWED_HOSTS")
    return {name: value for name, value in os.environ.items() if name not in unset}


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """A data directory of this module's own; its servers end with their last user."""
    folder = Path(tempfile.mkdtemp(prefix="mall-test-"))
    folder.chmod(0o755)
    # Keys of the fake WeChat take a second to make and are not what these tests are about.
    (folder / "wechat").mkdir()
    (folder / "wechat" / "wechat.json").write_text("{}")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def launch(data_dir: Path, bare_env: dict[str, str]) -> Launcher:
    """Start ``exec`` with a line of Python, in which ``db(sql)`` returns the first value."""

    def start(script: str) -> subprocess.Popen[str]:
        code = f"""
import os, sys, psycopg
def db(sql):
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        cursor = connection.execute(sql)
        return cursor.fetchone()[0] if cursor.description else None
{script}
"""
        return subprocess.Popen(
            [sys.executable, "-m", "config.embedded", "exec", "--", sys.executable, "-c", code],
            cwd=PROJECT,
            env={**bare_env, "DATA_DIR": str(data_dir)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


@pytest.fixture
def run_json() -> Callable[[Path], dict[str, object]]:
    def read(folder: Path) -> dict[str, object]:
        values: dict[str, object] = json.loads((folder / "run.json").read_text())
        return values

    return read
