"""Damaged samples of every format: nothing stops a scan, and no record goes without a row or a count."""

import functools
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import DATA

SAMPLES = sorted(p.name for p in (DATA / "samples").iterdir() if p.suffix in {".jsonl", ".json", ".har"} and p.name != "readings.jsonl")
CUTS = 11
FIRST_CALL = {"azure-apim-llmlog.jsonl": 3}
"""Lines that are joined to one row; without one of them the others are."""


@functools.cache
def plain() -> sp.Engine:
    return sp.Engine()


def read(path: Path) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    scan = sp.scan(path, engine=plain(), strict=False)
    rows = [row for batch in scan for row in batch.to_pylist()]
    summary = scan.summary.to_dict()
    told = [sum(summary[kind].values()) for kind in ("classified", "rejected", "passed_over")]
    assert summary["records"] == sum(told)
    assert len(rows) == told[0] + told[1]
    assert all((row["error"] is None) != (row["state"] is None) for row in rows)
    return rows, summary


def damaged(data: bytes) -> dict[str, bytes]:
    """By name: a byte that is no UTF-8, a NUL and a name that stands twice, each inside of the first value that is a string."""
    at = data.index(b'":', data.index(b"{")) + 2
    at = data.index(b'"', at) + 1
    first = data.index(b'"', data.index(b"{"))
    name = data[first : data.index(b'"', first + 1) + 1]
    return {
        "utf8": data[:at] + b"\xc3\x28" + data[at:],
        "nul": data[:at] + b"\0" + data[at:],
        "twice": data[:first] + name + b": 1, " + data[first:],
    }


@pytest.mark.parametrize("name", SAMPLES)
def test_a_cut_file(name: str, tmp_path: Path) -> None:
    """What stood whole before the cut is read as it is in the whole file; of the rest something is said."""
    data = (DATA / "samples" / name).read_bytes()
    whole, _ = read(DATA / "samples" / name)
    for k in range(1, CUTS):
        path = tmp_path / name
        path.write_bytes(data[: len(data) * k // CUTS])
        rows, summary = read(path)
        assert rows or summary["passed_over"] or not summary["complete"], k
        if name.endswith(".jsonl"):
            lines = data[: len(data) * k // CUTS].count(b"\n")
            kept = [row["uid"].split(":")[1] for row in rows if row["line"] <= lines]
            assert kept == [row["uid"].split(":")[1] for row in whole if row["line"] <= lines]


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("kind", ["utf8", "nul", "twice"])
def test_a_damaged_record(name: str, kind: str, tmp_path: Path) -> None:
    """A record that is refused says why; the others are there as before. A name that stands twice is no damage, but flagged."""
    path = tmp_path / name
    path.write_bytes(damaged((DATA / "samples" / name).read_bytes())[kind])
    rows, summary = read(path)
    whole, before = read(DATA / "samples" / name)
    lines = before["inputs"][0]["container"] == "jsonl"
    if lines:
        assert summary["records"] == before["records"]
        call = FIRST_CALL.get(name, 1)
        assert [row["state"] for row in rows if row["line"] > call] == [row["state"] for row in whole if row["line"] > call]
    refused = set(summary["rejected"])
    if kind != "twice" and lines:
        assert refused == {"invalid_utf8" if kind == "utf8" else "nul_byte"}
    assert refused or rows or summary["passed_over"] or not summary["complete"]
