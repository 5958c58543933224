"""Compiled translations are not committed, and msgfmt may be missing: polib makes them."""

import os
from pathlib import Path

import polib


def translations_compile(folder: Path) -> int:
    """Compile every ``*/LC_MESSAGES/*.po`` newer than its ``.mo``; returns how many."""
    compiled = 0
    for source in sorted(folder.glob("*/LC_MESSAGES/*.po")):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime >= source.stat().st_mtime:
            continue
        fresh = target.with_name(f"{target.name}.{os.getpid()}")
        polib.pofile(str(source)).save_as_mofile(str(fresh))
        fresh.replace(target)
        compiled += 1
    return compiled
