"""Records that are given to the core one by one, each with its place; and records that it gives as they stand."""

import array
import itertools
import random
from typing import Any

import pytest

from batches import rules
from harness import ROOT, Row, compact, engine
from stateprint import _core

BODY = {"model": "gpt-5", "input": "x", "previous_response_id": "resp_1", "store": False}
Given = tuple[bytes, int, int, int, str | None]


def new(**options: Any) -> _core.Scan:
    return _core.Scan(engine().rules, source="test", **{"container": "yaml", **options})


def rows_of(records: list[Given], *, step: int = 1, **options: Any) -> tuple[list[Row], list[Row], dict[str, Any]]:
    """Takes what there is after every `step` records."""
    core = new(evidence=True, **options)
    rows: list[Row] = []
    marks: list[Row] = []

    def take() -> None:
        while (pair := core.take()) is not None:
            rows.extend(pair[0].to_pylist())
            marks.extend(pair[1].to_pylist() if pair[1] is not None else [])

    for i, record in enumerate(records):
        core.put(*record)
        if i % step == 0:
            take()
    core.finish()
    take()
    return rows, marks, core.summary()


def many() -> list[Given]:
    rng = random.Random(1)
    found: list[Given] = []
    for i in range(2000):
        text = compact({**BODY, "input": "x" * rng.choice([0, 10, 4000])})
        error = "too_many_nodes" if i % 97 == 5 else None
        found.append((b"" if error else text, 3 * i + 1, 100 * i, 100 * i + i % 3, error))
    return found


def test_places_are_those_given() -> None:
    records = many()
    rows, marks, summary = rows_of(records)
    assert [(row["line"], int(row["uid"].split(":")[1], 16)) for row in rows] == [(line, start) for _, line, start, _, _ in records]
    bytes_ = [(start, end) if end > start else (None, None) for _, _, start, end, _ in records]
    assert [(row["byte_start"], row["byte_end"]) for row in rows] == bytes_
    assert [(row["error"] or "-").split(" ")[0] for row in rows] == [error or "-" for *_, error in records]
    places = dict(zip((row["uid"] for row in rows), bytes_, strict=True))
    assert all((mark["byte_start"], mark["byte_end"]) == places[mark["uid"]] for mark in marks)
    assert summary["records"] == summary["lines_total"] == len(records)
    assert (summary["container"], summary["format"]) == ("yaml", "bodies")


def test_the_same_on_any_threads_and_however_taken() -> None:
    want = rows_of(many())
    for step, threads in ((1, 4), (100, 2), (5000, 3)):
        assert rows_of(many(), step=step, threads=threads) == want


def test_a_text_as_it_stands_has_places_in_it() -> None:
    text = compact(BODY)
    core = new(evidence=True)
    core.put(text, 7, 1000, 1000 + len(text), made=False)
    core.finish()
    pair = core.take()
    assert pair is not None
    assert pair[1] is not None
    (mark,) = [mark for mark in pair[1].to_pylist() if mark["pointer"] == "/previous_response_id"]
    assert text[mark["byte_start"] - 1000 : mark["byte_end"] - 1000] == b'"resp_1"'
    with pytest.raises(ValueError, match="end"):
        new().put(text, 1, 0, 3, made=False)


def test_late_pieces_are_flagged() -> None:
    core = new()
    core.put(compact(BODY), 1, 0, 1, late=True)
    core.put(compact(BODY), 2, 1, 2)
    core.finish()
    pair = core.take()
    assert pair is not None
    assert [row["flags"] for row in pair[0].to_pylist()] == [["late_pieces"], []]


def test_rows_of_a_table() -> None:
    texts = [compact({**BODY, "input": "x" * i}) for i in range(100)]
    offsets = array.array("q", itertools.accumulate(map(len, texts), initial=0))
    core = new(container="table")
    core.put_rows(b"".join(texts), offsets, 11)
    core.finish()
    pair = core.take()
    assert pair is not None
    rows = pair[0].to_pylist()
    assert [(row["line"], row["uid"].split(":")[1], row["payload_bytes"]) for row in rows] == [
        (11 + i, f"{10 + i:x}", len(text)) for i, text in enumerate(texts)
    ]
    assert {row["byte_start"] for row in rows} == {None}
    for bad in ([0, 5, 3], [-1, 3], [0, 10**6]):
        with pytest.raises(ValueError, match="offsets"):
            new().put_rows(b"x" * 100, array.array("q", bad), 1)
    with pytest.raises(ValueError, match="1"):
        new().put_rows(b"", array.array("q", [0]), 0)


def test_records_over_the_limit() -> None:
    import stateprint as sp

    short = sp.Engine(limits={"max_line_bytes": 50}).rules
    core = _core.Scan(short, source="test", container="yaml")
    core.put(b" " * 51, 1, 0, 99)
    core.put(b"{}" + b" " * 48, 2, 99, 100)
    core.finish()
    pair = core.take()
    assert pair is not None
    assert [(row["error"] or "-").split(" ")[0] for row in pair[0].to_pylist()] == ["line_too_long", "-"]


def test_what_is_refused() -> None:
    core = new()
    with pytest.raises(ValueError, match="statuses"):
        core.put(b"{}", 1, 0, 2, "nonsense")
    with pytest.raises(ValueError, match="end"):
        core.put(b"{}", 1, 2, 0)
    with pytest.raises(ValueError, match="container"):
        _core.Scan(rules(), source="test").put(b"{}", 1, 0, 2)
    core.finish()
    with pytest.raises(ValueError, match="finished"):
        core.put(b"{}", 1, 0, 2)
    assert core.take() is core.cut() is core.tell() is None


def test_records_as_they_stand() -> None:
    """Put again, they give the same rows."""
    data = b'{"a": 1}\n\n{"model":"gpt-5","input":"hi"}\r\n{oops}\n{"b":'
    first = _core.Scan(engine().rules, source="test", source_id="x")
    first.feed(data)
    first.finish(True)
    pair = first.take()
    assert pair is not None
    want = pair[0].to_pylist()
    cutter = _core.Scan(engine().rules, source="test")
    cutter.feed(data)
    cutter.finish(True)
    assert cutter.tell() == "bodies"
    records = cutter.cut()
    assert records is not None
    assert [data[start:end] for _, _, start, end, *_ in records] == [text for text, *_ in records]
    again = new(source_id="x")
    for text, line, start, end, error, late, made in records:
        again.put(text, line, start, end, error, late=late, made=made)
    again.finish()
    pair = again.take()
    assert pair is not None
    got = pair[0].to_pylist()
    assert got == want
    counted, all_ = cutter.summary(), first.summary()
    for key in ("lines_total", "lines_blank", "records", "bytes", "container", "file_flags"):
        assert counted[key] == all_[key]


def test_records_of_a_container_as_they_stand() -> None:
    data = (ROOT / "tests/data/samples/otlp-genai-logs-latest.json").read_bytes()
    for size in (1 << 20, 1000):
        core = _core.Scan(engine().rules, source="test")
        records = []
        for at in range(0, len(data), size):
            core.feed(data[at : at + size])
            records += core.cut() or []
        core.finish()
        while (more := core.cut()) is not None:
            records += more
        assert len(records) == 4
        assert all(data[start:end] == text for text, _, start, end, *_ in records)
        assert [line for _, line, *_ in records] == [data.count(b"\n", 0, start) + 1 for _, _, start, *_ in records]
        assert core.tell() is None
