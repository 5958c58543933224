"""The house's own lint: conventions of docs/architecture.md that a machine can check.

``python -m tests.architecture.conventions`` prints each breach as ``path:line: rule: why`` and
leaves with 1. What ruff and import-linter already check is left to them. There is one waiver: a
line whose arithmetic has nothing to do with money says so in a comment, ``# not money: …``.
"""

import ast
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("stores", "members", "coupons", "mall", "guides")
FACES = ("api", "web", "admin")
MAX_LINES = 450

Breach = tuple[int, str]


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the root of the project and its syntax tree."""

    path: PurePosixPath
    text: str
    tree: ast.Module

    @classmethod
    def parse(cls, path: str, text: str) -> "Source":
        return cls(PurePosixPath(path), text, ast.parse(text))

    @property
    def ours(self) -> bool:
        """In an app or the kernel: where models, money and states are."""
        return self.path.parts[0] in APPS or self.path.parts[:2] == ("config", "kernel")

    @property
    def face(self) -> bool:
        return self.path.parts[0] in APPS and self.path.parts[1] in FACES

    @property
    def locks(self) -> bool:
        return self.path.name == "locks.py"

    @property
    def guards(self) -> bool:
        return (
            self.path.name.startswith("guards")
            or "guards" in self.path.parts[:-1]
            or self.path.parts[:2] == ("stores", "ledger")
        )

    def line(self, number: int) -> str:
        return self.text.splitlines()[number - 1]


@dataclass(frozen=True)
class Rule:
    code: str
    why: str
    check: Callable[[Source], Iterator[Breach]]


# --- helpers -------------------------------------------------------------------------------------


def _functions(tree: ast.Module) -> Iterator[tuple[ast.AST, str]]:
    """Every node with the name of the innermost function around it ("" at module level)."""

    def walk(node: ast.AST, name: str) -> Iterator[tuple[ast.AST, str]]:
        for child in ast.iter_child_nodes(node):
            yield child, name
            inner = name
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                inner = child.name
            yield from walk(child, inner)

    yield from walk(tree, "")


def _docstrings(tree: ast.Module) -> set[int]:
    """ids of the string nodes that are documentation."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            found.add(id(node.value))
    return found


def _strings(tree: ast.Module) -> Iterator[ast.Constant]:
    documentation = _docstrings(tree)
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in documentation
        ):
            yield node


def _method(node: ast.AST) -> str:
    """The name of the method that ``node`` calls, or ""."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr
    return ""


def _receiver(node: ast.Call) -> str:
    return ast.unparse(node.func.value) if isinstance(node.func, ast.Attribute) else ""


# --- rules ---------------------------------------------------------------------------------------

_STATE_SQL = re.compile(r"\bUPDATE\b.*\bSET\b[^;]*\bstate\s*=", re.IGNORECASE | re.DOTALL)


def _state_in_transitions(source: Source) -> Iterator[Breach]:
    if not source.ours or source.guards or source.path.name == "states.py":
        return
    for node, function in _functions(source.tree):
        if function.endswith("_transition"):
            continue
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, ast.AugAssign):
            targets = [node.target]
        for target in targets:
            if isinstance(target, ast.Attribute) and target.attr == "state":
                yield target.lineno, ast.unparse(target)
        if _method(node) == "update":
            assert isinstance(node, ast.Call)
            if any(keyword.arg == "state" for keyword in node.keywords):
                yield node.lineno, "update(state=…)"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if name == "setattr" and "'state'" in ast.unparse(node):
                yield node.lineno, "setattr(…, 'state', …)"
            elif name == "compare_and_set":
                yield node.lineno, "compare_and_set"
    for text in _strings(source.tree):
        if _STATE_SQL.search(str(text.value)):
            yield text.lineno, "UPDATE … SET state"


def _row_locks(source: Source) -> Iterator[Breach]:
    if source.locks:
        return
    for node in ast.walk(source.tree):
        if _method(node) == "select_for_update":
            assert isinstance(node, ast.Call)
            yield node.lineno, "select_for_update"


_FOR_UPDATE = re.compile(r"\bFOR\s+(NO\s+KEY\s+UPDATE|UPDATE|KEY\s+SHARE|SHARE)\b")


def _raw_locks(source: Source) -> Iterator[Breach]:
    if source.locks or source.guards:
        return
    for text in _strings(source.tree):
        found = _FOR_UPDATE.search(str(text.value))
        if found:
            yield text.lineno, found.group()


_WRITES = {
    "save",
    "delete",
    "create",
    "bulk_create",
    "bulk_update",
    "get_or_create",
    "update_or_create",
    "cursor",
}
_NOT_ROWS = re.compile(r"(^|\.)(cache|session|messages)$")


def _faces_do_not_write(source: Source) -> Iterator[Breach]:
    if not source.face:
        return
    for node in ast.walk(source.tree):
        name = _method(node)
        if not name:
            continue
        assert isinstance(node, ast.Call)
        # A dict is updated by position, a queryset by keyword.
        update = name == "update" and bool(node.keywords) and not node.args
        if (name in _WRITES or update) and not _NOT_ROWS.search(_receiver(node)):
            yield node.lineno, f"{_receiver(node)}.{name}"


_PATHLIKE = re.compile(r"(path|dir|directory|folder|root|file)s?$", re.IGNORECASE)


def _is_path(node: ast.expr) -> bool:
    if isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    ):
        return True
    if isinstance(node, ast.BinOp):
        return _is_path(node.left) or _is_path(node.right)
    if isinstance(node, ast.Call):
        return ast.unparse(node.func).endswith("Path")
    return bool(_PATHLIKE.search(ast.unparse(node)))


def _no_float(source: Source) -> Iterator[Breach]:
    if not source.ours:
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call | ast.BinOp | ast.AugAssign):
            continue
        found = ""
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            if called in ("float", "round") or called.endswith("FloatField"):
                found = called
        elif isinstance(node.op, ast.Div):
            sides = (
                (node.left, node.right)
                if isinstance(node, ast.BinOp)
                else (node.target, node.value)
            )
            if not any(_is_path(side) for side in sides):
                found = "true division"
        elif isinstance(node, ast.BinOp) and any(
            isinstance(side, ast.Constant) and isinstance(side.value, float)
            for side in (node.left, node.right)
        ):
            found = "arithmetic with a float"
        if found and "# not money:" not in source.line(node.lineno):
            yield node.lineno, found


_MONEY = re.compile(r"_(fen|points|bp)\b")


def _one_division(source: Source) -> Iterator[Breach]:
    if not source.ours or source.path == PurePosixPath("config/kernel/money.py"):
        return
    for node in ast.walk(source.tree):
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.FloorDiv)
            and _MONEY.search(ast.unparse(node))
            and "# not money:" not in source.line(node.lineno)
        ):
            yield node.lineno, ast.unparse(node)


def _clock_at_the_edge(source: Source) -> Iterator[Breach]:
    parts = source.path.parts
    inner = source.path.name in ("handlers.py", "events.py", "states.py") or "pricing" in parts
    if parts[0] not in APPS or not (inner or source.guards or "services" in parts):
        return
    for node in ast.walk(source.tree):
        if _method(node) in ("now", "today", "utcnow"):
            assert isinstance(node, ast.Call)
            yield node.lineno, f"{_receiver(node)}.{_method(node)}()"


def _services_by_keyword(source: Source) -> Iterator[Breach]:
    if source.path.parts[0] not in APPS or "services" not in source.path.parts:
        return
    for node in source.tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == source.path.stem:
            if len(node.args.posonlyargs) + len(node.args.args) > 1 or node.args.vararg:
                yield node.lineno, f"{node.name} takes several positional arguments"
            names = {argument.arg for argument in node.args.kwonlyargs}
            if "actor" in names and "now" not in names:
                yield node.lineno, f"{node.name} knows who but not when"


def _readable_in_one_sitting(source: Source) -> Iterator[Breach]:
    lines = source.text.count("\n")
    if lines >= MAX_LINES:
        yield lines, f"{lines} lines"


def _translatable(source: Source) -> Iterator[Breach]:
    """A DomainError's message is a msgid that gettext can find: a literal, not an f-string."""
    if not source.ours:
        return
    for node in ast.walk(source.tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
            continue
        if node.func.id in ("_", "gettext", "gettext_lazy", "ngettext") and node.args:
            argument = node.args[0]
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                yield node.lineno, f"{node.func.id}({ast.unparse(argument)})"


def _kernel_only(source: Source) -> Iterator[Breach]:
    if not source.ours:
        return
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif node.module == "config":
            names = [f"config.{alias.name}" for alias in node.names]
        else:
            names = [node.module or ""]
        for name in names:
            if name.split(".")[0] == "config" and name.split(".")[:2] != ["config", "kernel"]:
                yield node.lineno, name


_SKIPS = {"skip", "skipif", "xfail", "importorskip"}


def _every_test_runs(source: Source) -> Iterator[Breach]:
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Attribute) and node.attr in _SKIPS:
            name = ast.unparse(node)
            if name.startswith("pytest."):
                yield node.lineno, name


RULES = (
    Rule(
        "state-in-transition",
        "a state changes in a *_transition function or a guard, which write its event",
        _state_in_transitions,
    ),
    Rule("row-locks", "select_for_update stands in locks.py alone, in one order", _row_locks),
    Rule("raw-locks", "SQL locks rows in locks.py, guards and the ledger alone", _raw_locks),
    Rule(
        "faces-do-not-write",
        "api, web and admin call one service; they write no row themselves",
        _faces_do_not_write,
    ),
    Rule("no-float", "money is integers of fen: no float, round or true division", _no_float),
    Rule(
        "one-division",
        "money is divided by the functions of config.kernel.money alone",
        _one_division,
    ),
    Rule("clock-at-the-edge", "services and guards are given now", _clock_at_the_edge),
    Rule(
        "services-by-keyword",
        "a service takes keywords (what it is about may come first), who and when together",
        _services_by_keyword,
    ),
    Rule(
        "kernel-only",
        "apps and the kernel know config.kernel and nothing else of config",
        _kernel_only,
    ),
    Rule("every-test-runs", "a test that is left out proves nothing", _every_test_runs),
    Rule("translatable", "a msgid is a literal", _translatable),
    Rule("file-length", f"a file has fewer than {MAX_LINES} lines", _readable_in_one_sitting),
)


# --- running -------------------------------------------------------------------------------------


def check(path: str, text: str) -> list[tuple[int, Rule, str]]:
    """Breaches in one Python file: (line, rule, what), in the order of the rules."""
    source = Source.parse(path, text)
    test = source.path.parts[0] == "tests"
    return [
        (line, rule, what)
        for rule in RULES
        if (rule.check is _every_test_runs) == test
        for line, what in sorted(set(rule.check(source)))
    ]


def files() -> Iterator[Path]:
    """The project's Python files; what makemigrations writes is its own affair."""
    for top in ("config", *APPS, "tests"):
        for path in sorted((ROOT / top).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


def breaches() -> list[str]:
    found = []
    for path in files():
        name = path.relative_to(ROOT).as_posix()
        for line, rule, what in check(name, path.read_text(encoding="utf-8")):
            found.append(f"{name}:{line}: {rule.code}: {what} ({rule.why})")
    return found


def main() -> int:
    found = breaches()
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
