"""Becoming a user of the embedded servers, and the environment they are reached by."""

import json
import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from config.embedded.layout import PROJECT, EmbeddedError, Layout
from config.embedded.process import open_log, tail

_START_SECONDS = 90.0


class KeeperLost(Exception):
    """The keeper died, and with it the servers; ``acquire`` starts them again."""


@dataclass
class Servers:
    """A held connection to the keeper; the servers run at least until ``release``."""

    connection: socket.socket
    addresses: dict[str, str]
    pids: dict[str, int]

    def news(self) -> bool:
        """Whether servers have been restarted, with ``pids`` then brought up to date.

        Raises KeeperLost when the keeper has died.
        """
        try:
            said = self.connection.recv(65536, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            said = b""
        if not said:
            raise KeeperLost
        self.pids = json.loads(said.splitlines()[-1])["pids"]
        return True

    def release(self) -> None:
        """Leave; as the last user, wait until the servers have stopped."""
        try:
            self.connection.settimeout(45)
            self.connection.sendall(b"bye\n")
            while self.connection.recv(64):
                pass
        except OSError:
            pass
        finally:
            self.connection.close()


def acquire(layout: Layout) -> Servers:
    """Reuse the running servers of this data directory, or start them.

    Raises EmbeddedError with what the keeper says when they do not start.
    """
    deadline = time.monotonic() + _START_SECONDS
    keeper: subprocess.Popen[bytes] | None = None
    log = layout.logs / "keeper.log"
    while time.monotonic() < deadline:
        servers = _connect(layout, deadline)
        if servers:
            return servers
        if keeper is None or keeper.poll() is not None:
            keeper = _start_keeper(layout, log)
        time.sleep(0.05)
    raise EmbeddedError(f"the embedded servers do not answer:\n{tail(log)}")


def _connect(layout: Layout, deadline: float) -> Servers | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(layout.control))
        connection.settimeout(max(1.0, deadline - time.monotonic()))
        with connection.makefile("r") as lines:
            line = lines.readline()
    except OSError:
        connection.close()
        return None
    if not line:
        # The keeper was about to stop: the next one takes over when it is gone.
        connection.close()
        return None
    said = json.loads(line)
    if "error" in said:
        connection.close()
        raise EmbeddedError(said["error"])
    connection.settimeout(None)
    pids = said.pop("pids")
    return Servers(connection, addresses=said, pids=pids)


def _start_keeper(layout: Layout, log: Path) -> subprocess.Popen[bytes]:
    with open_log(log) as output:
        return subprocess.Popen(
            [sys.executable, "-m", "config.embedded", "keeper", "--data-dir", str(layout.data)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=PROJECT,
            start_new_session=True,
        )


def environment(layout: Layout, addresses: Mapping[str, str], *, public_url: str) -> dict[str, str]:
    """The environment of a process of the mall: what is set already wins over what is generated.

    So DATABASE_URL or REDIS_URL of the caller point to outside servers in the embedded mode too.
    """
    generated = {
        **addresses,
        "SECRET_KEY": _secret_values(layout)["SECRET_KEY"],
        "PUBLIC_URL": public_url,
        "WECHAT_CONFIG": str(layout.data / "wechat" / "wechat.json"),
        "MEDIA_ROOT": str(layout.data / "media"),
    }
    given = {name: value for name, value in os.environ.items() if value}
    return {
        **generated,
        **given,
        "DATA_DIR": str(layout.data),
        "MALL_EMBEDDED": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _secret_values(layout: Layout) -> dict[str, Any]:
    """Secrets of this data directory, made once; losing them would end every session."""
    path = layout.data / "secrets.json"
    try:
        values: dict[str, Any] = json.loads(path.read_text())
    except FileNotFoundError:
        values = {"SECRET_KEY": secrets.token_urlsafe(50)}
        fresh = path.with_name(f"secrets.json.{os.getpid()}")
        fresh.touch(mode=0o600)
        fresh.write_text(json.dumps(values))
        try:
            # A link fails when another starter was first; then its values count.
            os.link(fresh, path)
        except FileExistsError:
            values = json.loads(path.read_text())
        finally:
            fresh.unlink()
    return values
