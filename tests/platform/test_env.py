"""One clear line for a wrong variable; typed readers."""

import subprocess
import sys
from pathlib import Path

import pytest

from config.env import ConfigError, Env, broker_url, cache_url
from tests.platform.conftest import PROJECT


def manage(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def production(bare_env: dict[str, str], folder: Path) -> dict[str, str]:
    wechat = folder / "wechat.json"
    wechat.write_text("{}")
    return {
        **bare_env,
        "SECRET_KEY": "0123456789-abcdefghijklmnopqrstuvwxyz-0123456789-abcdefgh",
        "DATABASE_URL": "postgres://mall:secret@db.example.com:5432/mall",
        "REDIS_URL": "redis://redis.example.com:6379",
        "PUBLIC_URL": "https://mall.example.com",
        "ALLOWED_HOSTS": "mall.example.com",
        "CSRF_TRUSTED_ORIGINS": "https://mall.example.com",
        "WECHAT_CONFIG": str(wechat),
    }


def test_production_settings_pass_the_deployment_check(
    bare_env: dict[str, str], tmp_path: Path
) -> None:
    done = manage(production(bare_env, tmp_path), "check", "--deploy", "--fail-level", "WARNING")

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("DATABASE_URL", "", "config: DATABASE_URL is missing: postgres://user:password@host"),
        ("DATABASE_URL", "mysql://x@y/z", "config: DATABASE_URL is not a URL of postgres"),
        ("REDIS_URL", "", "config: REDIS_URL is missing: redis://host:6379"),
        ("SECRET_KEY", "", "config: SECRET_KEY is missing"),
        ("SECRET_KEY", "short", "config: SECRET_KEY is too weak"),
        ("ALLOWED_HOSTS", "", "config: ALLOWED_HOSTS is missing"),
        ("CSRF_TRUSTED_ORIGINS", "", "config: CSRF_TRUSTED_ORIGINS is missing"),
        ("PUBLIC_URL", "http://mall.example.com", "config: PUBLIC_URL is not an https address"),
        ("WECHAT_CONFIG", "/nowhere.json", "config: WECHAT_CONFIG is not the path of a readable"),
    ],
)
def test_a_wrong_variable_is_named_in_one_line(
    bare_env: dict[str, str], tmp_path: Path, name: str, value: str, line: str
) -> None:
    done = manage({**production(bare_env, tmp_path), name: value}, "check")

    assert done.returncode == 78
    assert done.stderr.startswith(line)
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_readers_parse_and_default() -> None:
    source = {
        "N": "42",
        "YES": "On",
        "NO": "0",
        "WORDS": "a, b ,,c",
        "DOC": '{"a": [1]}',
        "BLANK": "  ",
        "HOME": "/srv/mall",
    }
    env = Env(source)

    assert env.int("N") == 42
    assert env.bool("YES") is True
    assert env.bool("NO") is False
    assert env.list("WORDS") == ["a", "b", "c"]
    assert env.json("DOC") == {"a": [1]}
    assert env.path("HOME") == Path("/srv/mall")
    assert env.str("BLANK", "default") == "default"
    assert env.int("ABSENT", None) is None


def test_an_error_never_shows_the_value() -> None:
    env = Env({"TOKEN": "hunter2"})

    with pytest.raises(ConfigError) as raised:
        env.int("TOKEN", help="a number")

    assert str(raised.value) == "TOKEN is not a whole number: a number"


@pytest.mark.parametrize(
    ("url", "cache", "broker"),
    [
        ("redis://h:6379", "redis://h:6379/1", "redis://h:6379/2"),
        (
            "rediss://:pw@h:6380/0?ssl_cert_reqs=required",
            "rediss://:pw@h:6380/1?ssl_cert_reqs=required",
            "rediss://:pw@h:6380/2?ssl_cert_reqs=required",
        ),
        (
            "unix:///tmp/x/valkey.sock",
            "unix:///tmp/x/valkey.sock?db=1",
            "redis+socket:///tmp/x/valkey.sock?virtual_host=2",
        ),
    ],
)
def test_cache_and_broker_have_databases_of_their_own(url: str, cache: str, broker: str) -> None:
    assert cache_url(url) == cache
    assert broker_url(url) == broker
