"""The keeper: the one process per data directory that owns PostgreSQL and Valkey.

Its socket is the reference count: every user of the servers holds a connection, on which the
keeper first writes one line of JSON (the addresses, or the error that kept the servers from
starting). A user that says ``bye`` gets ``stopping`` when it was the last one, else ``others``;
a user that just disappears needs to say nothing.
"""

import fcntl
import json
import os
import selectors
import signal
import socket
import sys
import time
from contextlib import suppress
from io import TextIOWrapper
from types import FrameType
from typing import IO, cast

from config.embedded.layout import EmbeddedError, Layout
from config.embedded.postgres import Postgres
from config.embedded.valkey import Valkey

_FIRST_USER_SECONDS = 15.0
_TAKEOVER_SECONDS = 60.0
_BACKOFF_SECONDS = 5.0


def run(layout: Layout) -> int:
    """Serve until the last user is gone or SIGTERM comes; returns the exit status."""
    lock = _take_over(layout)
    if lock is None:
        return 0
    keeper = Keeper(layout)
    try:
        return keeper.run()
    finally:
        lock.close()


def _take_over(layout: Layout) -> IO[str] | None:
    """The lock of this data directory, or None when another keeper serves it already."""
    lock = (layout.data / "keeper.lock").open("a+")
    deadline = time.monotonic() + _TAKEOVER_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return lock
        except BlockingIOError:
            # The holder either serves, or is stopping its servers and will let go.
            if layout.control.exists() or time.monotonic() > deadline:
                lock.close()
                return None
            time.sleep(0.03)


class Keeper:
    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.servers = (Postgres(layout), Valkey(layout))
        self._selector = selectors.DefaultSelector()
        self._users: set[socket.socket] = set()
        self._stopping = False
        self._retry_at = {server.name: 0.0 for server in self.servers}

    def run(self) -> int:
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(signum, self._on_signal)
        listener = self._listen()
        try:
            greeting = self._start()
            self._serve(listener, greeting)
            return 0 if "error" not in greeting else 1
        finally:
            # No new user may connect from here on: it would be promised servers that end.
            self.layout.control.unlink(missing_ok=True)
            listener.close()
            for server in reversed(self.servers):
                server.stop()
            for user in self._users:
                user.close()

    def _listen(self) -> socket.socket:
        self.layout.control.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.layout.control))
        self.layout.control.chmod(0o600)
        listener.listen(64)
        listener.setblocking(False)
        self._selector.register(listener, selectors.EVENT_READ)
        return listener

    def _start(self) -> dict[str, object]:
        # Both start from this thread: the kernel ties a child to the thread that forked it.
        try:
            for server in self.servers:
                server.start()
        except EmbeddedError as error:
            print(error, flush=True)
            return {"error": str(error)}
        return self._greeting()

    def _greeting(self) -> dict[str, object]:
        return {
            "DATABASE_URL": self.layout.database_url(),
            "REDIS_URL": self.layout.redis_url,
            "pids": {"keeper": os.getpid()} | {s.name: s.pid for s in self.servers},
        }

    def _serve(self, listener: socket.socket, greeting: dict[str, object]) -> None:
        deadline = time.monotonic() + _FIRST_USER_SECONDS
        had_user = False
        while not self._stopping:
            for key, _ in self._selector.select(timeout=0.2):
                if key.fileobj is listener:
                    had_user = self._welcome(listener, greeting) or had_user
                elif isinstance(key.fileobj, socket.socket):
                    self._hear(key.fileobj)
            if "error" in greeting and had_user:
                return
            if not self._users and (had_user or time.monotonic() > deadline):
                return
            greeting = self._revive(greeting)

    def _welcome(self, listener: socket.socket, greeting: dict[str, object]) -> bool:
        try:
            user, _ = listener.accept()
        except OSError:
            return False
        user.setblocking(False)
        self._users.add(user)
        self._selector.register(user, selectors.EVENT_READ)
        try:
            user.sendall(json.dumps(greeting).encode() + b"\n")
        except OSError:
            self._forget(user)
        return True

    def _hear(self, user: socket.socket) -> None:
        try:
            said = user.recv(64)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if said.startswith(b"bye"):
            last = self._users == {user}
            try:
                user.sendall(b"stopping\n" if last else b"others\n")
            except OSError:
                pass
            if last:
                # Its connection closes when the servers have stopped: that is its answer.
                self._stopping = True
                return
        self._forget(user)

    def _forget(self, user: socket.socket) -> None:
        self._selector.unregister(user)
        self._users.discard(user)
        user.close()

    def _revive(self, greeting: dict[str, object]) -> dict[str, object]:
        if "error" in greeting:
            return greeting
        revived = False
        for server in self.servers:
            if server.alive() or time.monotonic() < self._retry_at[server.name]:
                continue
            revived = True
            print(f"{server.name} ended; starting it again", flush=True)
            try:
                server.start()
            except EmbeddedError as error:
                print(error, flush=True)
                self._retry_at[server.name] = time.monotonic() + _BACKOFF_SECONDS
        return self._announce() if revived else greeting

    def _announce(self) -> dict[str, object]:
        """Tell every user the new process ids; one that never reads does not hold us up."""
        greeting = self._greeting()
        for user in self._users:
            with suppress(OSError):
                user.sendall(json.dumps(greeting).encode() + b"\n")
        return greeting

    def _on_signal(self, signum: int, frame: FrameType | None) -> None:
        self._stopping = True


def main(layout: Layout) -> int:
    os.umask(0o077)
    cast(TextIOWrapper, sys.stdout).reconfigure(line_buffering=True)
    return run(layout)
