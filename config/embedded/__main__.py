"""``python -m config.embedded up | exec -- COMMAND | url | keeper``."""

import argparse
import os
import signal
import subprocess
import sys
from types import FrameType

from config.embedded import keeper, supervisor
from config.embedded.client import acquire, environment
from config.embedded.layout import PROJECT, EmbeddedError, Layout, layout_for
from config.embedded.process import end_with_parent
from config.embedded.translations import translations_compile
from config.embedded.wechat import wechat_folder, wechat_initialise


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m config.embedded")
    tasks = parser.add_subparsers(dest="task", required=True)
    up = tasks.add_parser("up", help="run the mall until Ctrl-C")
    execute = tasks.add_parser("exec", help="run COMMAND with the servers' addresses set")
    url = tasks.add_parser("url", help="print where the mall runs; status 1 when it does not")
    internal = tasks.add_parser("keeper", help="(internal) own the two servers")
    for task in (up, execute, url, internal):
        task.add_argument("--data-dir", default=None, help="default: DATA_DIR, else .local")
    execute.add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    try:
        layout = layout_for(arguments.data_dir)
        if arguments.task == "keeper":
            return keeper.main(layout)
        if arguments.task == "up":
            return supervisor.main(layout)
        if arguments.task == "url":
            address = supervisor.read_run_file(layout).get("url")
            print(address or "", end="\n" if address else "")
            return 0 if address else 1
        command = arguments.command[arguments.command[:1] == ["--"] :]
        if not command:
            parser.error("exec needs a command")
        return run_command(layout, command)
    except EmbeddedError as error:
        print(f"run: {error}", file=sys.stderr)
        return 1


def run_command(layout: Layout, command: list[str]) -> int:
    """Run one command as a user of the servers; returns its exit status (128+n for signal n).

    Servers that nobody else uses stop when the command has ended.
    """
    port = supervisor.port_number()
    running = supervisor.read_run_file(layout)
    if not (wechat_folder(layout) / "wechat.json").exists():
        try:
            wechat_initialise(layout, port + 1)
        except EmbeddedError as error:
            # Most commands never talk to WeChat; those that do will name WECHAT_CONFIG.
            print(f"run: {error}", file=sys.stderr)
    translations_compile(PROJECT / "config" / "locale")
    outside = all(os.environ.get(name) for name in ("DATABASE_URL", "REDIS_URL"))
    servers = None if outside else acquire(layout)
    try:
        child = subprocess.Popen(
            command,
            env=environment(
                layout,
                servers.addresses if servers else {},
                public_url=str(running.get("url") or f"http://127.0.0.1:{port}"),
            ),
            preexec_fn=end_with_parent(signal.SIGTERM),
        )

        def forward(signum: int, frame: FrameType | None) -> None:
            child.send_signal(signum)

        # A terminal sends Ctrl-C to both; the command decides what it means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, forward)
        signal.signal(signal.SIGHUP, forward)
        status = child.wait()
    except FileNotFoundError:
        print(f"run: {command[0]} is not installed", file=sys.stderr)
        return 127
    finally:
        if servers:
            servers.release()
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    sys.exit(main())
