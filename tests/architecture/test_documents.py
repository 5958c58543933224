"""The documents say what the code reads."""

import re

from tests.architecture.conventions import ROOT

READ = re.compile(r'\benv\.\w+\(\s*"([A-Z_]+)"')
TAKEN = re.compile(r'os\.environ\.get\("([A-Z_]+)"\)')


def test_every_variable_is_in_the_table_of_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    names = set()
    for folder, pattern in (("config/settings", READ), ("config/embedded", TAKEN)):
        for path in (ROOT / folder).glob("*.py"):
            names |= set(pattern.findall(path.read_text(encoding="utf-8")))

    assert {"SECRET_KEY", "DATABASE_URL", "PORT"} <= names
    # The launcher's mark on its own children is nobody else's business.
    assert {name for name in names if not name.startswith("MALL_") and name not in readme} == set()


def test_links_between_documents_lead_somewhere():
    broken = []
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")]
    for document in [*documents, ROOT / "config" / "kernel" / "README.md"]:
        for target in re.findall(r"\]\(([^)#\s]+)\)", document.read_text(encoding="utf-8")):
            here = document.parent / target
            if not target.startswith(("http", "/")) and not here.exists():
                broken.append(f"{document.relative_to(ROOT)}: {target}")

    assert len(documents) > 20
    assert broken == []
