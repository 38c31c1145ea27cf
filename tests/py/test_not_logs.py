"""Files that hold no calls, most of them near misses: no reader claims them, and nothing is said of them with confidence."""

from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, engine

FOLDER = DATA / "not-logs"
FILES = sorted(path for path in FOLDER.iterdir() if path.name != "README.md")
# Files that are taken for what they are not. Whoever mends it takes them off: a file here that is well is a failure.
WANTED_FORMAT = {"access-shop.jsonl", "custom-id-buttons.jsonl", "model-printer.json", "request-approval.jsonl"}
WANTED_STATE = {"input-api-fuzz.json", "input-sensor.jsonl"}


def marked(wanted: set[str]) -> list[Any]:
    mark = pytest.mark.xfail(strict=True, reason="taken for a log")
    return [pytest.param(path, marks=mark if path.name in wanted else (), id=path.name) for path in FILES]


def scanned(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    scan = sp.scan(path, engine=engine(), strict=False)
    rows = [row for batch in scan for row in batch.to_pylist()]
    return rows, scan.summary.to_dict()


@pytest.mark.parametrize("path", marked(WANTED_FORMAT))
def test_no_reader_claims_it(path: Path) -> None:
    assert {part["format"] for part in scanned(path)[1]["inputs"]} <= {None, "bodies"}


@pytest.mark.parametrize("path", marked(WANTED_STATE))
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
    names = {path.name for path in FILES}
    assert names >= WANTED_FORMAT
    assert names >= WANTED_STATE
