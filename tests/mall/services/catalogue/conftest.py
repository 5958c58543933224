"""The small files in a folder."""

import csv
from pathlib import Path

import pytest

from tests.mall.services.catalogue.files import HEADERS, SMALL


@pytest.fixture
def folder(tmp_path):
    """``folder(skus=[...])`` writes files; the rest comes from SMALL, ``None`` leaves one out."""

    def write(**files) -> Path:
        for name, rows in (SMALL | files).items():
            path = tmp_path / f"{name}.csv"
            path.unlink(missing_ok=True)
            if rows is None:
                continue
            if isinstance(rows, bytes):
                path.write_bytes(rows)
                continue
            with path.open("w", newline="", encoding="utf-8") as handle:
                writer = csv.writer(handle)
                writer.writerow(HEADERS[name].split(","))
                writer.writerows(rows)
        return tmp_path

    return write
