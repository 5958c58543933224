"""The fake WeChat as the launcher sees it: a command line."""

import socket
import subprocess
import sys
from pathlib import Path

from config.embedded.layout import PROJECT, EmbeddedError, Layout


def wechat_command(layout: Layout, port: int) -> list[str]:
    return [
        *(sys.executable, "-m", "config.sandbox.wechat"),
        *("--port", str(port)),
        *("--data-dir", str(wechat_folder(layout))),
    ]


def wechat_folder(layout: Layout) -> Path:
    return layout.data / "wechat"


def wechat_initialise(layout: Layout, port: int) -> None:
    """Have the secrets and keys generated that the settings read, before Django starts."""
    done = subprocess.run(
        [*wechat_command(layout, port), "--init-only"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise EmbeddedError(f"the fake WeChat cannot be set up:\n{done.stderr.strip()[-2000:]}")


def free_port(host: str, preferred: int) -> int:
    """``preferred`` when nothing listens there, else one that the system chooses."""
    return preferred if port_is_free(host, preferred) else _any_port(host)


def port_is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        # As the servers do: a port whose last connections linger in TIME_WAIT is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def _any_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
