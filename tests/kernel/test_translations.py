"""Simplified Chinese is complete: every msgid of the source has its translation, and says the
same fields."""

import ast
import re
from pathlib import Path

import polib
import pytest

ROOT = Path(__file__).resolve().parents[2]
CATALOGUE = ROOT / "config" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
PACKAGES = ["config", "stores", "members", "coupons", "mall", "guides"]
GETTEXT = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy"}
TAG = re.compile(r"""{%-?\s*translate\s+(?:"([^"]+)"|'([^']+)')(?!\s+context)""")
FIELD = re.compile(r"%\(\w+\)[sd]|\{\w*\}")


@pytest.fixture(scope="module")
def catalogue() -> polib.POFile:
    return polib.pofile(str(CATALOGUE))


def msgids_of_python() -> set[str]:
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if "migrations" in path.parts:
                continue
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                    continue
                if node.func.id in GETTEXT and node.args:
                    text = node.args[0]
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        found.add(text.value)
    return found


def msgids_of_templates() -> set[str]:
    return {
        double or single
        for path in (ROOT / "templates").rglob("*.html")
        for double, single in TAG.findall(path.read_text(encoding="utf-8"))
    }


def test_every_msgid_of_the_source_is_in_the_catalogue(catalogue):
    known = {entry.msgid for entry in catalogue if not entry.obsolete}
    used = msgids_of_python() | msgids_of_templates()
    assert len(used) > 700
    assert sorted(used - known) == [], "run makemessages and translate these"


def test_every_entry_is_translated(catalogue):
    assert [e.msgid for e in catalogue if not e.translated() or e.fuzzy] == []


def test_a_translation_has_the_fields_of_its_msgid(catalogue):
    for entry in catalogue:
        texts = entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]
        wanted = set(FIELD.findall(entry.msgid_plural or entry.msgid))
        for text in texts:
            assert set(FIELD.findall(text)) == wanted, entry.msgid


def test_no_translation_is_left_in_english(catalogue):
    """Latin words may stay only where they are names."""
    same = {e.msgid for e in catalogue if e.msgstr == e.msgid}
    assert same <= {"English", "SKU", "SKUs", '[{"name": …, "value": …}]'}
