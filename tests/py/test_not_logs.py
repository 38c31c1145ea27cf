"""Files that hold no calls, most of them near misses: no reader claims them, and nothing is said of them with confidence."""

from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, engine

FOLDER = DATA / "not-logs"
OWN = sorted(path for path in FOLDER.iterdir() if path.name != "README.md")
OTHERS = [
    path
    for pattern in ("jsontestsuite/test_*/y_*.json", "nativejson-roundtrip/*.json", "rfc8785/input/*.json", "jansson/valid/*/input")
    for path in sorted(DATA.glob(pattern))
]
"""JSON of the test suites of others."""
FILES = OWN + OTHERS


def named(path: Path) -> str:
    return path.relative_to(DATA).as_posix()


def scanned(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    scan = sp.scan(path, engine=engine(), strict=False)
    rows = [row for batch in scan for row in batch.to_pylist()]
    return rows, scan.summary.to_dict()


@pytest.mark.parametrize("path", FILES, ids=named)
def test_no_reader_claims_it(path: Path) -> None:
    assert {part["format"] for part in scanned(path)[1]["inputs"]} <= {None, "bodies"}


@pytest.mark.parametrize("path", FILES, ids=named)
def test_nothing_is_said_with_confidence(path: Path) -> None:
    said = [
        (row["line"], row["state"], row["confidence"], row["operation"])
        for row in scanned(path)[0]
        if row["state"] in ("stateful", "stateless") and row["confidence"] != "inferred"
    ]
    assert said == []


@pytest.mark.parametrize("path", FILES, ids=named)
def test_peek_claims_nothing(path: Path) -> None:
    found = sp.peek(path, engine=engine())
    assert (found.confidence, found.is_log, found.candidates, found.exchanges, found.mapping) == ("unknown", False, (), (), None)
    assert found.reasons
    with pytest.raises(sp.InputError, match="no call is recognised"):
        found.write_map("never.toml")


def test_the_files_are_there() -> None:
    assert len(FILES) >= 200
    near = [path for path in OWN if not path.name.startswith(("far-", "td-"))]
    assert sum(path.name.startswith(("messages-", "input-", "prompt-")) for path in near) >= 50
