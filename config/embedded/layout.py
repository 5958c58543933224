"""Where the embedded servers keep their files and as whom they run."""

import hashlib
import os
import pwd
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


class EmbeddedError(Exception):
    """The embedded servers cannot run; ``str()`` is the line for the person at the terminal."""


@dataclass(frozen=True)
class ServerUser:
    """An existing ordinary user that the servers run as, because PostgreSQL refuses root."""

    uid: int
    gid: int
    name: str


@dataclass(frozen=True)
class Layout:
    """Paths of one data directory.

    ``data`` holds what belongs to the person who started it (secrets, logs, run.json).
    ``servers`` holds the databases; it is ``data`` itself unless root's servers, running as an
    ordinary user, could not reach it (a checkout under ``/root``). ``run`` is a short path below
    /tmp, because a unix socket's path may have at most about 100 bytes.
    """

    data: Path
    servers: Path
    run: Path
    user: ServerUser | None

    @property
    def sockets(self) -> Path:
        return self.run / "s"

    @property
    def control(self) -> Path:
        return self.run / "keeper"

    @property
    def postgres(self) -> Path:
        return self.servers / "postgres"

    @property
    def valkey(self) -> Path:
        return self.servers / "valkey"

    @property
    def logs(self) -> Path:
        return self.data / "logs"

    def database_url(self, name: str = "mall") -> str:
        return f"postgres://mall@/{name}?host={self.sockets}"

    @property
    def redis_url(self) -> str:
        return f"unix://{self.sockets / 'valkey.sock'}"


def layout_for(data_dir: str | Path | None = None) -> Layout:
    """Create the folders of a data directory (default: DATA_DIR, else ``.local``) and describe it.

    Raises EmbeddedError when a folder cannot be used.
    """
    chosen = Path(data_dir or os.environ.get("DATA_DIR") or ".local").expanduser()
    data = chosen if chosen.is_absolute() else PROJECT / chosen
    try:
        _folder(data, 0o755)
        data = data.resolve()
        _folder(data / "logs", 0o755)
    except OSError as error:
        raise EmbeddedError(f"cannot use DATA_DIR {data}: {error.strerror}") from None
    if not os.access(data, os.W_OK | os.X_OK):
        raise EmbeddedError(f"DATA_DIR {data} belongs to another user; set DATA_DIR to a new one")

    name = f"mall-{hashlib.sha256(f'{os.geteuid()}:{data}'.encode()).hexdigest()[:12]}"
    user = _ordinary_user() if os.geteuid() == 0 else None
    servers = data
    if user and not can_reach(data, user):
        servers = Path("/var/tmp").resolve() / name
        _own_folder(servers, 0o711)
    run = Path("/tmp" if os.path.isdir("/tmp") else tempfile.gettempdir()) / name
    _own_folder(run, 0o711)
    layout = Layout(data=data, servers=servers, run=run, user=user)
    server_folder(layout.sockets, user)
    return layout


def server_folder(path: Path, user: ServerUser | None) -> None:
    """Create a folder, readable by nobody else, that the servers' user owns."""
    path.mkdir(mode=0o700, exist_ok=True)
    if user and path.stat().st_uid != user.uid:
        os.chown(path, user.uid, user.gid)


def can_reach(path: Path, user: ServerUser) -> bool:
    """Whether ``user`` may traverse every folder down to and including ``path``."""
    groups = set(os.getgrouplist(user.name, user.gid))
    for folder in (path, *path.parents):
        status = folder.stat()
        if status.st_uid == user.uid:
            needed = stat.S_IXUSR
        elif status.st_gid in groups:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        if not status.st_mode & needed:
            return False
    return True


def _ordinary_user() -> ServerUser:
    entries = {entry.pw_name: entry for entry in pwd.getpwall()}
    ordinary = sorted(
        (e for e in entries.values() if 1000 <= e.pw_uid < 60000), key=lambda e: e.pw_uid
    )
    for entry in [entries.get("nobody"), *ordinary]:
        if entry and entry.pw_uid != 0:
            return ServerUser(entry.pw_uid, entry.pw_gid, entry.pw_name)
    raise EmbeddedError("PostgreSQL refuses to run as root and this system has no ordinary user")


def _folder(path: Path, mode: int) -> None:
    """Create with ``mode`` whatever the umask says; leave an existing folder as it is."""
    if not path.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        path.chmod(mode)


def _own_folder(path: Path, mode: int) -> None:
    """A folder in a place where everyone may write: it must be ours, not a planted one."""
    try:
        path.mkdir(mode=mode)
        path.chmod(mode)
    except FileExistsError:
        status = path.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
            raise EmbeddedError(f"{path} belongs to somebody else; remove it") from None
