"""Lines, line ends, encodings and compression: the counts of every file exactly, however it is read."""

import json
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, SANITIZED, engine, scan_bytes

FRAMING: list[dict[str, Any]] = json.loads((DATA / "framing/manifest.json").read_bytes())
GZ: list[dict[str, Any]] = json.loads((DATA / "gz/manifest.json").read_bytes())
BIG = 64 << 20  # bytes unpacked that take a while under a sanitizer


COUNTS = ("lines_total", "lines_blank", "classified", "rejected", "rejected_by_reason")


def counts(summary: Any) -> dict[str, Any]:
    return {
        "lines_total": summary["lines_total"],
        "lines_blank": summary["lines_blank"],
        "classified": sum(summary["classified"].values()),
        "rejected": sum(summary["rejected"].values()),
        "rejected_by_reason": {code: n for code, n in summary["rejected"].items() if n},
    }


def wanted(entry: dict[str, Any]) -> dict[str, Any]:
    """The counts of the manifest; it leaves open what comes out of a stream that is damaged in the middle."""
    return {k: entry[k] for k in COUNTS if entry["lines_total"] is not None}


@pytest.mark.parametrize("entry", FRAMING, ids=lambda e: e["file"])
def test_framing(entry: dict[str, Any]) -> None:
    data = (DATA / "framing" / entry["file"]).read_bytes()
    whole = scan_bytes(data)
    assert counts(whole.summary) == wanted(entry)
    assert sorted(whole.summary["file_flags"]) == sorted(entry["file_flags"])
    assert len(whole.rows) == entry["classified"] + entry["rejected"]
    for size in (1, 2, 3, 7, 4096):
        assert scan_bytes(data, size=size) == whole, f"read size {size}"


@pytest.mark.parametrize("entry", [e for e in FRAMING if e["input_error"]], ids=lambda e: e["file"])
def test_framing_input_errors(entry: dict[str, Any]) -> None:
    scan = sp.scan(DATA / "framing" / entry["file"], engine=engine())
    with pytest.raises(sp.InputError) as caught:
        list(scan)
    assert caught.value.code == entry["input_error"].split()[0].split(":")[0]


@pytest.mark.parametrize("entry", GZ, ids=lambda e: e["file"])
@pytest.mark.usefixtures("inflater")
def test_gzip(entry: dict[str, Any]) -> None:
    if SANITIZED and "bomb" in entry["file"]:
        pytest.skip("the bombs take minutes under a sanitizer")
    scan = sp.scan(DATA / "gz" / entry["file"], engine=engine(), strict=False)
    rows = sum(len(batch) for batch in scan)
    got = counts(scan.summary)
    assert rows == got["classified"] + got["rejected"] == scan.summary["lines"]
    if entry["lines_total"] is None:  # how much comes out before the damage depends on how it is unpacked
        assert got["lines_total"] <= entry["max_lines"]
        assert got["rejected_by_reason"] in ({}, {"input_cut": 1})
    else:
        assert got == wanted(entry)
    codes = [error.code for error in scan.errors]
    assert codes == ([entry["input_error"]] if entry["input_error"] else [])


def test_row_positions_cover_the_input() -> None:
    data = (DATA / "framing/mixed-ends.jsonl").read_bytes()
    rows = scan_bytes(data).rows
    lines = data.split(b"\n")
    for row in rows:
        assert data[row["byte_start"] : row["byte_end"]] == lines[row["line"] - 1].removesuffix(b"\r")


def test_hints() -> None:
    for name, hint in (("cr-only.jsonl", "cr_only"), ("json-array.json", None), ("lf.jsonl", None)):
        assert scan_bytes((DATA / "framing" / name).read_bytes()).summary["hints"] == ([hint] if hint else [])


def test_renaming_changes_nothing(tmp_path: Path) -> None:
    data = (DATA / "gz/ok-3.jsonl.gz").read_bytes()
    (tmp_path / "a.txt").write_bytes(data)
    (tmp_path / "b.jsonl.gz").write_bytes(data)
    first, second = (sp.scan(tmp_path / name, engine=engine()).table().to_pylist() for name in ("a.txt", "b.jsonl.gz"))
    assert [{**row, "source": ""} for row in first] == [{**row, "source": ""} for row in second]
