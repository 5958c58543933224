import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from config.embedded.layout import layout_for

PROJECT = Path(__file__).resolve().parents[2]
# What the suite itself was given would make the launcher use the suite's servers.
_OURS = (
    *("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "PUBLIC_URL", "WECHAT_CONFIG", "MALL_EMBEDDED"),
    *("DATA_DIR", "DJANGO_SETTINGS_MODULE", "PORT", "BIND", "WECHAT_PORT", "ALLOWED_HOSTS"),
    # Browser tests of the same run allow Django in an event loop's thread; a deployment may not.
    "DJANGO_ALLOW_ASYNC_UNSAFE",
)

Launcher = Callable[..., subprocess.Popen[str]]


def without_mall(env: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in env.items() if name not in _OURS}


@pytest.fixture
def bare_env() -> dict[str, str]:
    """An environment in which nothing of the mall is set."""
    return without_mall(os.environ)


@pytest.fixture(scope="module")
def data_dir() -> Iterator[Path]:
    """A data directory of this module's own; its servers end with their last user."""
    folder = Path(tempfile.mkdtemp(prefix="mall-test-"))
    folder.chmod(0o755)
    # Keys of the fake WeChat take a second to make and are not what these tests are about.
    (folder / "wechat").mkdir()
    (folder / "wechat" / "wechat.json").write_text("{}")
    yield folder
    forget(folder)


def forget(folder: Path) -> None:
    """Remove a data directory and what the launcher keeps for it outside."""
    layout = layout_for(folder)
    for place in (layout.run, layout.servers, folder):
        shutil.rmtree(place, ignore_errors=True)


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
