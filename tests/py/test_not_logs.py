"""Files that hold no calls, most of them near misses: no reader claims them, and nothing is said of them with confidence."""

from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, engine

FOLDER = DATA / "not-logs"
FILES = sorted(path for path in FOLDER.iterdir() if path.name != "README.md")


def scanned(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    scan = sp.scan(path, engine=engine(), strict=False)
    rows = [row for batch in scan for row in batch.to_pylist()]
    return rows, scan.summary.to_dict()


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_reader_claims_it(path: Path) -> None:
    assert {part["format"] for part in scanned(path)[1]["inputs"]} <= {None, "bodies"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_nothing_is_said_with_confidence(path: Path) -> None:
    said = [
        (row["line"], row["state"], row["confidence"], row["operation"])
        for row in scanned(path)[0]
        if row["state"] in ("stateful", "stateless") and row["confidence"] != "inferred"
    ]
    assert said == []


def test_the_files_are_there() -> None:
    assert len(FILES) == 60
    assert sum(not path.name.startswith(("far-", "td-")) for path in FILES) == 50
