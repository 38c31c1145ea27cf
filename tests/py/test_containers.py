"""Logs that are no JSON Lines: an array, an object that holds records, documents one after another. The same rows as of the lines."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import compact, engine, scan_bytes, scan_lines

PLACE = ("line", "byte_start", "byte_end", "uid", "payload_bytes")
BODIES: list[dict[str, Any]] = [
    {"model": "gpt-5", "input": 'a ]}, " \\ [{', "previous_response_id": "resp_1"},
    {"model": "gpt-5", "input": [{"role": "user", "content": "x\n" * 40}], "store": False},
    {"model": "gpt-5", "messages": [{"role": "user", "content": "é" * 90}], "tools": [[[{}]]]},
]


def held(pointer: str, records: list[Any]) -> Any:
    """An object with these records at the pointer, and members before and after it."""
    value: Any = records
    for name in reversed(pointer.split("/")[1:]):
        value = [value] if name == "*" else {"before": [{"x": "]"}], name: value, "after": {"y": [1, {}]}}
    return value


POINTERS = [
    "/Records", "/records", "/Events", "/events", "/logEvents", "/log/entries", "/data", "/runs", "/result", "/interactions", "/http_interactions",
    "/resourceSpans/*/scopeSpans/*/spans", "/resourceLogs/*/scopeLogs/*/logRecords", "/*/spans",
]  # fmt: skip
SHAPES: dict[str, tuple[bytes, str]] = {
    "array": (compact(BODIES), "array"),
    "array of lines": (b"[" + b",\r\n".join(map(compact, BODIES)) + b"]\r\n", "array"),
    "printed array": (json.dumps(BODIES, indent=2).encode(), "array"),
    "arrays": (b"[]\n" + compact(BODIES[:1]) + b"\n" + compact(BODIES[1:]), "array"),
    "documents": (b"\n".join(json.dumps(b, indent=4).encode() for b in BODIES), "documents"),
    "mark first": (b"\xef\xbb\xbf" + json.dumps(BODIES).encode(), "array"),
    **{p: (compact(held(p, BODIES)), p) for p in POINTERS},
    **{p + ", printed": (json.dumps(held(p, BODIES), indent=1).encode(), p) for p in POINTERS},
}


def cells(row: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k not in PLACE}


@pytest.mark.parametrize("name", SHAPES)
def test_rows_are_those_of_the_lines(name: str) -> None:
    data, container = SHAPES[name]
    got, want = scan_bytes(data, evidence=True), scan_lines(map(compact, BODIES))
    assert got.summary["container"] == container
    assert [r["payload_hash"] for r in got.rows] == [r["payload_hash"] for r in want.rows]
    assert [cells(r) for r in got.rows] == [cells(r) for r in want.rows]
    assert got.summary["records"] == 3
    assert not got.summary["incomplete"]
    for row, body in zip(got.rows, BODIES, strict=True):
        assert json.loads(data[row["byte_start"] : row["byte_end"]]) == body
        assert row["line"] == data.count(b"\n", 0, row["byte_start"]) + 1
    for size, threads in ((1, 1), (7, 2), (4096, 3)):
        assert scan_bytes(data, size=size, threads=threads, evidence=True) == got


@pytest.mark.parametrize("data", [b"{}\n{}", b"[1]\n[2]\n", b'{"data":[1]}', b"[INFO] x\n{}\n"])
def test_lines_stay_lines(data: bytes) -> None:
    got = scan_bytes(data)
    assert (got.summary["container"], got.summary["records"]) == ("jsonl", len(data.split()) if b"INFO" not in data else 2)


def test_documents_that_hold_records_may_stand_on_lines() -> None:
    """As the collector's file exporter writes them. One that is cut costs its own records only, wherever it is cut."""
    spans = [
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[%s]}]}]}' % b",".join(b'{"k":"%d%d"}' % (d, i) for i in range(3)) for d in range(3)
    ]
    whole = scan_bytes(b"\n".join(spans) + b"\n")
    assert (whole.summary["container"], whole.summary["records"]) == ("/resourceSpans/*/scopeSpans/*/spans", 9)
    assert [row["line"] for row in whole.rows] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    for cut in range(1, len(spans[1])):
        data = b"\n".join([spans[0], spans[1][:cut], spans[2]])
        got = scan_bytes(data, size=7 if cut % 2 else 4096)
        good = [data[row["byte_start"] : row["byte_end"]] for row in got.rows if row["error"] is None]
        assert good[:3] + good[-3:] == [b'{"k":"%d%d"}' % (d, i) for d in (0, 2) for i in range(3)]
        assert got.summary["rejected"], "what is missing is said"


def test_a_second_document_on_a_line_stays_a_reject() -> None:
    got = scan_bytes(b"{}{}\n{}\n")
    assert (got.summary["container"], got.summary["rejected"]) == ("jsonl", {"trailing_data": 1})


def test_what_a_record_is_can_be_said() -> None:
    data = b'{"Records":[{},{}]}\n{"a":{"b":[{},{},{}]}}\n'
    for records, n, container in (
        (None, 3, "/Records"),
        ("lines", 2, "jsonl"),
        ("/Records", 3, "/Records"),
        ("/a/b\n/Records", 5, "/Records"),
    ):
        summary = scan_bytes_of(data, records)
        assert (summary["records"], summary["container"]) == (n, container)
    with pytest.raises(sp.ConfigError) as caught:
        list(sp.scan(__file__, engine=engine(), records="Records"))
    assert caught.value.code == "option"


def scan_bytes_of(data: bytes, records: str | None) -> dict[str, Any]:
    from stateprint import _core

    scan = _core.Scan(engine().rules, source="test", records=records)
    scan.feed(data)
    scan.finish()
    while scan.take() is not None:
        pass
    return scan.summary()


def codes(rows: list[dict[str, Any]]) -> list[str]:
    return [(row["error"] or "-").split(" ")[0] for row in rows]


@pytest.mark.parametrize(
    ("text", "want", "incomplete"),
    [
        ('[{},{"a":tru},{}]', ["-", "syntax", "-"], False),
        ("[1,null,[{}],{}]", ["not_an_object"] * 3 + ["-"], False),
        ('[\n{"a":{"b":1},\n{},\n{}\n]', ["truncated", "-", "-"], False),
        ('[{},{"a":[1},{}]', ["-", "syntax", "-"], False),
        ('[{},{"a":', ["-", "truncated"], True),
        ("[{},{}", ["-", "-", "truncated"], True),
        ('[{},{"a":{"b":1},{},{}]', ["-", "syntax"], True),
        ('{\n "a": 1\n}\n{\n "a"\n}\n{\n}', ["-", "syntax", "-"], False),
    ],
)
def test_damage_gives_a_row_and_the_next_is_found(text: str, want: list[str], incomplete: bool) -> None:
    got = scan_bytes(text.encode())
    assert codes(got.rows) == want
    assert got.summary["incomplete"] is incomplete
    assert got.summary["records"] == len(want) == sum(got.summary["classified"].values()) + sum(got.summary["rejected"].values())


def test_a_cut_input_says_so(tmp_path: Path) -> None:
    assert codes(scan_bytes(b'[{},{"a":1', cut=True).rows) == ["-", "input_cut"]
    path = tmp_path / "log.json"
    path.write_bytes(b"[{},\n{}")
    scan = sp.scan(path, engine=engine(), strict=False)
    assert codes(scan.table().to_pylist()) == ["-", "-", "truncated"]
    assert not scan.summary.complete
    assert [error.code for error in scan.errors] == ["unclosed"]


def test_records_over_the_limit_are_skipped() -> None:
    rules = sp.Engine(limits={"max_line_bytes": 1000}).rules
    records = [{"a": 1}, {"b": "x" * 300_000}, {"c": [{}] * 700}, {"d": 1}, {"e": "y" * 985}]
    for data in (compact(records), json.dumps(held("/log/entries", records), separators=(",", ":")).encode()):
        got = scan_bytes(data, rules=rules)
        assert codes(got.rows) == ["-", "line_too_long", "line_too_long", "-", "-"]
        for row, record in zip(got.rows, records, strict=True):
            assert json.loads(data[row["byte_start"] : row["byte_end"]]) == record
        for size, threads in ((1000, 1), (4096, 2)):
            assert scan_bytes(data, size=size, threads=threads, rules=rules) == got


def test_many_slices() -> None:
    rng = random.Random(1)
    bodies = [{"model": "m", "input": "}" * rng.choice([1, 500, 90_000]), "n": i} for i in range(300)]
    data = b"[" + b",\n".join(map(compact, bodies)) + b"]"
    got = scan_bytes(data, threads=3, size=1 << 20)
    assert [r["line"] for r in got.rows] == list(range(1, 301))
    assert [json.loads(data[r["byte_start"] : r["byte_end"]])["n"] for r in got.rows] == list(range(300))
    assert scan_bytes(data) == got
