"""What the tests share: test data, scans through the core and through the package, logs in the forms that the readers know."""

import functools
import io
import json
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import stateprint as sp
from stateprint import _core
from stateprint.inputs import streams

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "tests" / "data"
SANITIZED = os.environ.get("STATEPRINT_SANITIZED") == "1"
Row = dict[str, Any]


def load_jsonl(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n") if line.strip()]


@functools.cache
def cases() -> list[dict[str, Any]]:
    return load_jsonl(DATA / "cases.jsonl")


@dataclass(frozen=True)
class Outcome:
    """What a scan gave: rows in order, marks in order, and the summary."""

    rows: list[Row]
    marks: list[Row]
    summary: dict[str, Any]

    def marks_of(self, row: Row) -> list[Row]:
        return [mark for mark in self.marks if mark["uid"] == row["uid"]]


@functools.cache
def engine() -> sp.Engine:
    return sp.Engine()


def summed(path: Path, **options: Any) -> tuple[list[Row], sp.Scan]:
    """The rows of a scan, and the scan: no record is without a row or a count."""
    scan = sp.scan(path, **{"engine": engine(), "strict": False, **options})
    rows = [row for batch in scan for row in batch.to_pylist()]
    told = [sum(kind.values()) for kind in (scan.summary.classified, scan.summary.rejected, scan.summary.passed_over)]
    assert scan.summary.records == scan.summary.lines == sum(told)
    assert len(rows) == told[0] + told[1]
    return rows, scan


def chunks(data: bytes, size: int | None) -> Iterator[bytes]:
    step = size or max(len(data), 1)
    for at in range(0, len(data), step):
        yield data[at : at + step]


def scan_bytes(
    data: bytes,
    *,
    size: int | None = None,
    threads: int = 1,
    form: str | None = None,
    evidence: bool = False,
    cut: bool = False,
    rules: _core.Rules | None = None,
) -> Outcome:
    """The core alone on these bytes, fed in pieces of `size`."""
    scan = _core.Scan(rules or engine().rules, source="test", format=form, threads=threads, evidence=evidence)
    rows: list[Row] = []
    marks: list[Row] = []

    def drain() -> None:
        while (taken := scan.take()) is not None:
            rows.extend(taken[0].to_pylist())
            if taken[1] is not None:
                marks.extend(taken[1].to_pylist())

    for piece in chunks(data, size):
        scan.feed(piece)
        drain()
    scan.finish(cut)
    drain()
    return Outcome(rows, marks, scan.summary())


def scan_lines(lines: Iterable[bytes], **options: Any) -> Outcome:
    return scan_bytes(b"".join(line + b"\n" for line in lines), **options)


# ---------------------------------------------------------------------------------------------------------- JSON as others would write it
def compact(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def contrary(value: Any, rng: random.Random) -> str:
    """The same JSON value, written as differently as the standard allows: members shuffled, letters escaped, white space anywhere."""
    pad = rng.choice(["", " ", "\t", "  "])
    if isinstance(value, str):
        return '"' + "".join(_letter(c, rng) for c in value) + '"'
    if isinstance(value, Mapping):
        members = list(value.items())
        rng.shuffle(members)
        return "{" + pad + ("," + pad).join(f"{contrary(k, rng)}{pad}:{pad}{contrary(v, rng)}" for k, v in members) + pad + "}"
    if isinstance(value, Sequence):
        return "[" + pad + ("," + pad).join(contrary(v, rng) for v in value) + pad + "]"
    return json.dumps(value)


def _letter(c: str, rng: random.Random) -> str:
    if rng.random() < 0.5 or ord(c) < 0x20 or c in '"\\':
        units = c.encode("utf-16-be", "surrogatepass")
        return "".join(f"\\u{units[i]:02x}{units[i + 1]:02X}" for i in range(0, len(units), 2))
    return c


# ------------------------------------------------------------------------------------------------------------------ the forms of JSON Lines
def pair_line(case: Mapping[str, Any]) -> dict[str, Any]:
    line = {"id": case["id"], "request": dict(case["request"])}
    if case.get("response") is not None:
        line["response"] = case["response"]
    return line


def flat_line(case: Mapping[str, Any]) -> dict[str, Any]:
    line = {"ts": "2026-10-01T00:00:00Z", "id": case["id"], **case["request"]}
    response = case.get("response") or {}
    if "status" in response:
        line["status"] = response["status"]
    if "body" in response:
        line["response"] = response["body"]
    if "headers" in response:
        line["response_headers"] = response["headers"]
    return line


def batch_line(case: Mapping[str, Any]) -> dict[str, Any]:
    request = case["request"]
    return {
        "custom_id": case["id"],
        "method": request["method"],
        "url": request["url"].removeprefix("https://api.openai.com"),
        "body": request["body"],
    }


def pack_rows(rows: Iterable[Row], but: Iterable[str] = ("source",)) -> list[bytes]:
    """Rows as comparable bytes, without the columns that may differ."""
    left_out = set(but)
    return [json.dumps({k: v for k, v in row.items() if k not in left_out}, default=str, sort_keys=True).encode() for row in rows]


def unpacked(how: Callable[[bytes, Callable[[int], bytes]], Iterator[bytes]], data: bytes, step: int) -> tuple[bytes, str | None, bool]:
    """What came out, the code of the fault, and whether bytes are missing."""
    stream = io.BytesIO(data)
    pieces = []
    try:
        for piece in how(stream.read(10), lambda n: stream.read(min(n, step))):
            assert len(piece) <= streams.CHUNK + (1 << 17)
            pieces.append(piece)
    except streams.Fault as fault:
        return b"".join(pieces), fault.code, fault.cut
    return b"".join(pieces), None, False
