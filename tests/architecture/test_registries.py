"""What the project registers by name: names are unique, and found where people look for them."""

import ast
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import TypeVar

from django.apps import apps

from config.kernel import audit, events
from config.kernel.errors import DomainError
from tests.architecture.conventions import APPS, ROOT

OURS = ("kernel", *APPS)
T = TypeVar("T")


def import_everything() -> None:
    """So that every subclass is known, whatever else the test run has imported."""
    for name in ("config.kernel", *APPS):
        package = import_module(name)
        for module in walk_packages(package.__path__, f"{name}."):
            if ".migrations" not in module.name and ".management" not in module.name:
                import_module(module.name)


def descendants(base: type[T]) -> Iterator[type[T]]:
    for child in base.__subclasses__():
        yield child
        yield from descendants(child)


def of_ours(base: type[T]) -> list[type[T]]:
    import_everything()
    found = {c for c in descendants(base) if c.__module__.startswith(("config.", *APPS))}
    return sorted(found, key=lambda c: (c.__module__, c.__qualname__))


def repeated(names: Iterable[str]) -> set[str]:
    return {name for name, times in Counter(names).items() if times > 1}


def test_repetition_is_seen():
    assert repeated(["a", "b", "a"]) == {"a"}


def test_kinds_of_event_are_unique_and_carry_their_app():
    kinds = {c: c.__dict__["kind"] for c in of_ours(events.EventBase) if "kind" in c.__dict__}

    assert len(kinds) >= 10
    assert repeated(kinds.values()) == set()
    for event, kind in kinds.items():
        app = event.__module__.removeprefix("config.").split(".")[0]
        assert kind.split(".")[0] == app, event


def test_every_event_names_its_subject():
    """On the class, or as a field where one kind of event is about rows of many tables."""
    for event in of_ours(events.EventBase):
        if hasattr(event, "kind"):
            by_field = "subject_type" in {field.name for field in fields(event)}
            assert by_field or event.subject_type, event


def test_every_event_that_is_listened_to_has_one_consumer_of_a_name():
    for name, consumer in events.consumers.items():
        assert name == consumer.name
        assert name.split(".")[0] in OURS, f"{name} should start with its app"


def test_codes_of_errors_are_unique_and_stable():
    errors = [e for e in of_ours(DomainError) if "code" in e.__dict__]

    assert len(errors) >= 10
    assert repeated(e.__dict__["code"] for e in errors) == set()
    for error in errors:
        code = error.__dict__["code"]
        assert code == code.lower(), error
        assert code.replace("_", "").isalnum(), error
        assert 400 <= error.status < 600, error


def test_constraints_and_indexes_start_with_their_table():
    misnamed = []
    for model in apps.get_models():
        if model._meta.app_label not in OURS:
            continue
        table = model._meta.db_table
        for thing in (*model._meta.constraints, *model._meta.indexes):
            if not thing.name.startswith(f"{table}_"):
                misnamed.append(thing.name)

    assert misnamed == []


def test_tables_are_named_after_their_app():
    for model in apps.get_models():
        if model._meta.app_label in OURS:
            assert model._meta.db_table == f"{model._meta.app_label}_{model._meta.model_name}"


def words_in_strings(folder: Path) -> set[str]:
    found: set[str] = set()
    for path in folder.rglob("test_*.py"):
        if "architecture" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.update(node.value.split())
    return found


def test_every_audit_line_is_planted_by_a_test():
    """A line that nobody has seen fail proves nothing: some test names its code."""
    import_everything()
    planted = words_in_strings(ROOT / "tests")

    assert len(audit.lines()) >= 20
    assert [line.code for line in audit.lines() if line.code not in planted] == []


def test_every_audit_line_is_on_the_page_of_invariants():
    whole = (ROOT / "docs" / "invariants.md").read_text(encoding="utf-8")
    page, _races = whole.split("\n# Races\n")

    rows = [f"| {line.number} | `{line.code}` | {line.title} |" for line in audit.lines()]
    assert [row for row in rows if row not in page] == []
    assert len(re.findall(r"^\| \d+ \| `", page, re.MULTILINE)) == len(rows)


def test_every_race_on_the_page_of_invariants_has_its_test():
    whole = (ROOT / "docs" / "invariants.md").read_text(encoding="utf-8")
    _lines, races = whole.split("\n# Races\n")
    tests = ROOT / "tests" / "concurrency"
    told = 0
    for row in re.findall(r"^\| .* \|$", races, re.MULTILINE):
        cells = row.split(" | ")
        # Files, and after them the beginnings of names: `test_x`, `test_y`: `begins_with`.
        for files, names in re.findall(
            r"((?:`test_\w+`(?:, )?)+)(?:: ((?:`\w+`(?:, )?)+))?", cells[-2]
        ):
            for file in re.findall(r"\w+", files):
                text = (tests / f"{file}.py").read_text(encoding="utf-8")
                for name in re.findall(r"\w+", names) or [""]:
                    assert f"def test_{name}" in text, f"{file}: {name}"
                    told += 1
    assert told > 30
