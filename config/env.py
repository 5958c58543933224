"""Reading the environment, so that a wrong variable is named in one clear line.

Every setting that differs between machines is read through :data:`env`. A variable that is
missing or cannot be understood raises :class:`ConfigError`, whose text is one line such as
``DATABASE_URL is missing: postgres://user:password@host:5432/name``; :func:`config_errors`
prints it and leaves with 78 (EX_CONFIG of sysexits.h), which a process manager can tell from a
crash.

An empty variable counts as missing: that is what an unfilled line of an env file looks like.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, TypeAlias, TypeVar, overload
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

EX_CONFIG: Final = 78
_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})

T = TypeVar("T")
# Inside Env the builtin names are the names of its readers.
_Str: TypeAlias = str
_Int: TypeAlias = int
_Bool: TypeAlias = bool
_StrList: TypeAlias = list[str]


class ConfigError(ImproperlyConfigured):
    """A variable of the environment is missing or wrong; ``str()`` is one line that names it."""


class _Missing:
    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = _Missing()


class Env:
    """Typed access to variables.

    Each reader takes ``default`` (returned as it is, unparsed, when the variable is missing;
    without one the variable is required) and ``help``, an example or a hint for the error line.
    Values never appear in an error line: they may be secrets.
    """

    def __init__(self, source: Mapping[_Str, _Str] | None = None) -> None:
        self._source: Mapping[_Str, _Str] = os.environ if source is None else source

    def _read(
        self, name: _Str, default: Any, help: _Str, expected: _Str, parse: Callable[[_Str], Any]
    ) -> Any:
        raw = self._source.get(name, "").strip()
        if not raw:
            if isinstance(default, _Missing):
                raise ConfigError(_line(f"{name} is missing", help))
            return default
        try:
            return parse(raw)
        except ValueError:
            raise ConfigError(_line(f"{name} is not {expected}", help)) from None

    @overload
    def str(self, name: _Str, *, help: _Str = "") -> _Str: ...
    @overload
    def str(self, name: _Str, default: T, *, help: _Str = "") -> _Str | T: ...
    def str(self, name: _Str, default: Any = MISSING, *, help: _Str = "") -> Any:
        return self._read(name, default, help, "text", _Str)

    @overload
    def int(self, name: _Str, *, help: _Str = "") -> _Int: ...
    @overload
    def int(self, name: _Str, default: T, *, help: _Str = "") -> _Int | T: ...
    def int(self, name: _Str, default: Any = MISSING, *, help: _Str = "") -> Any:
        return self._read(name, default, help, "a whole number", _Int)

    @overload
    def bool(self, name: _Str, *, help: _Str = "") -> _Bool: ...
    @overload
    def bool(self, name: _Str, default: T, *, help: _Str = "") -> _Bool | T: ...
    def bool(self, name: _Str, default: Any = MISSING, *, help: _Str = "") -> Any:
        return self._read(name, default, help, "one of 1/0, true/false, yes/no, on/off", _boolean)

    @overload
    def list(self, name: _Str, *, help: _Str = "") -> _StrList: ...
    @overload
    def list(self, name: _Str, default: T, *, help: _Str = "") -> _StrList | T: ...
    def list(self, name: _Str, default: Any = MISSING, *, help: _Str = "") -> Any:
        """Comma-separated words, blanks around them dropped."""
        return self._read(name, default, help, "a comma-separated list", _words)

    def json(self, name: _Str, default: Any = MISSING, *, help: _Str = "") -> Any:
        return self._read(name, default, help, "JSON", json.loads)

    @overload
    def path(self, name: _Str, *, help: _Str = "") -> Path: ...
    @overload
    def path(self, name: _Str, default: T, *, help: _Str = "") -> Path | T: ...
    def path(self, name: _Str, default: Any = MISSING, *, help: _Str = "") -> Any:
        """An absolute path; ``~`` is expanded; whether it exists is for the reader to check."""
        return self._read(name, default, help, "a path", lambda v: Path(v).expanduser().absolute())

    @overload
    def url(self, name: _Str, schemes: _StrList | None = None, *, help: _Str = "") -> _Str: ...
    @overload
    def url(
        self, name: _Str, schemes: _StrList | None = None, *, default: T, help: _Str = ""
    ) -> _Str | T: ...
    def url(
        self,
        name: _Str,
        schemes: _StrList | None = None,
        *,
        default: Any = MISSING,
        help: _Str = "",
    ) -> Any:
        """A URL; with ``schemes`` only one of these."""

        def parse(value: _Str) -> _Str:
            scheme = urlsplit(value).scheme
            if not scheme or "://" not in value or (schemes and scheme not in schemes):
                raise ValueError
            return value

        expected = "a URL" + (f" of {' or '.join(schemes)}" if schemes else "")
        return self._read(name, default, help, expected, parse)

    def json_file(self, name: _Str, default: Any = MISSING, *, help: _Str = "") -> Any:
        """The content of the JSON file whose path the variable holds."""

        def parse(value: _Str) -> Any:
            try:
                return json.loads(Path(value).expanduser().read_text(encoding="utf-8"))
            except OSError:
                raise ValueError from None

        return self._read(name, default, help, "the path of a readable JSON file", parse)


env: Final = Env()


def cache_url(redis_url: str) -> str:
    """Address of the cache (database 1) for ``redis://host:6379`` or ``unix:///path``."""
    parts = urlsplit(redis_url)
    if parts.scheme == "unix":
        return f"unix://{parts.path}?db=1"
    return parts._replace(path="/1").geturl()


def broker_url(redis_url: str) -> str:
    """Address of the Celery broker (database 2), in kombu's spelling of unix sockets."""
    parts = urlsplit(redis_url)
    if parts.scheme == "unix":
        return f"redis+socket://{parts.path}?virtual_host=2"
    return parts._replace(path="/2").geturl()


def settings_module() -> str:
    """Settings of a process that names none.

    The embedded launcher marks its children with MALL_EMBEDDED. Everything else gets the
    production settings, so that a forgotten variable can never open a public server.
    """
    embedded = os.environ.get("MALL_EMBEDDED") == "1"
    return "config.settings.embedded" if embedded else "config.settings.production"


@contextmanager
def config_errors() -> Iterator[None]:
    """Print a :class:`ConfigError` as ``config: ...`` on stderr and exit with 78."""
    try:
        yield
    except ConfigError as error:
        print(f"config: {error}", file=sys.stderr)
        raise SystemExit(EX_CONFIG) from None


def config_excepthook(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """``sys.excepthook`` that shortens a :class:`ConfigError` to its line (exit status 1)."""
    if isinstance(error, ConfigError):
        print(f"config: {error}", file=sys.stderr)
    else:
        sys.__excepthook__(kind, error, traceback)


def _line(fault: str, help: str) -> str:
    return f"{fault}: {help}" if help else fault


def _boolean(value: str) -> bool:
    lowered = value.lower()
    if lowered not in _TRUE | _FALSE:
        raise ValueError
    return lowered in _TRUE


def _words(value: str) -> list[str]:
    return [word.strip() for word in value.split(",") if word.strip()]
