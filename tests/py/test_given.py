"""Records that are given to the core one by one, each with its place; and records that it gives as they stand."""

import random
from typing import Any

import pytest

import stateprint as sp
from batches import rules
from harness import Row, compact, engine, scan_bytes
from stateprint import _core

BODY = {"model": "gpt-5", "input": "x", "previous_response_id": "resp_1", "store": False}
Given = tuple[bytes, int, int, int, str | None] | tuple[bytes, int, int, int, str | None, bool]


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


def test_a_record_may_have_no_bytes() -> None:
    core = new(evidence=True)
    core.put(compact(BODY), 3, 40, 40)
    core.finish()
    pair = core.take()
    assert pair is not None
    assert pair[1] is not None
    (row,) = pair[0].to_pylist()
    assert (row["line"], row["uid"].split(":")[1], row["byte_start"], row["byte_end"]) == (3, "28", None, None)
    assert {(mark["byte_start"], mark["byte_end"]) for mark in pair[1].to_pylist()} == {(None, None)}


def test_records_over_the_limit() -> None:
    short = sp.Engine(limits={"max_line_bytes": 50}).rules
    core = _core.Scan(short, source="test", container="yaml")
    core.put(b" " * 51, 1, 0, 99)
    core.put(b"{}" + b" " * 48, 2, 99, 100)
    core.finish()
    pair = core.take()
    assert pair is not None
    assert [(row["error"] or "-").split(" ")[0] for row in pair[0].to_pylist()] == ["line_too_long", "-"]


def test_a_record_may_be_what_stands_there() -> None:
    """Then its marks have bytes of their own."""
    text = compact(BODY)
    places = []
    for made in (True, False):
        core = new(evidence=True)
        core.put(text, 1, 40, 40 + len(text), None, made)
        core.finish()
        pair = core.take()
        assert pair is not None
        assert pair[1] is not None
        places.append(
            {(mark["byte_start"], mark["byte_end"]) for mark in pair[1].to_pylist() if mark["pointer"] == "/previous_response_id"}
        )
    start = 40 + text.index(b'"previous_response_id"')
    assert places[0] == {(40, 40 + len(text))}
    assert all(start < first and last < 40 + len(text) for first, last in places[1])


def pieces_of(data: bytes, step: int, **options: Any) -> tuple[list[tuple[bytes, int, int, int, str | None, bool]], dict[str, Any]]:
    """The records as they stand, of bytes that come in steps."""
    core = _core.Scan(engine().rules, source="test", **options)
    found = []
    for at in range(0, len(data), step):
        core.feed(data[at : at + step])
        while (records := core.cut()) is not None:
            found += records
    core.finish()
    while (records := core.cut()) is not None:
        found += records
    assert core.tell() is None
    return found, core.summary()


@pytest.mark.parametrize("form", ["lines", "array"])
def test_records_as_they_stand(form: str) -> None:
    """Given to another core, they are what the first one would have read; however the bytes come."""
    texts = [text for text, *_ in many() if text]
    data = b"[" + b",\n".join(texts) + b"]" if form == "array" else b"\n\n".join(texts)
    records, summary = pieces_of(data, 1 << 20, threads=2)
    assert (records, summary) == pieces_of(data, 70_001)
    assert [data[start:end] for _, _, start, end, _, _ in records] == [text for text, *_ in records] == texts
    assert [line for _, line, *_ in records] == [data.count(b"\n", 0, start) + 1 for _, _, start, *_ in records]
    assert (summary["records"], sum(summary["classified"].values())) == (len(texts), 0)
    want = scan_bytes(data, evidence=True)
    rows, marks, _ = rows_of(records, source_id=summary["source_id"])
    assert (rows, marks) == (want.rows, want.marks)


def test_a_record_that_cannot_be_read_is_one() -> None:
    data = b'{"a":1}\n' + b" " * 60 + b'{}\n{"b"'
    core = _core.Scan(sp.Engine(limits={"max_line_bytes": 50}).rules, source="test")
    core.feed(data)
    core.finish(cut=True)
    found = []
    while (records := core.cut()) is not None:
        found += [(line, start, end, error) for _, line, start, end, error, _ in records]
    assert found == [(1, 0, 7, None), (2, 8, 70, "line_too_long"), (3, 71, 75, "input_cut")]


def test_the_reader_is_told_before_rows_are_taken() -> None:
    core = _core.Scan(engine().rules, source="test")
    core.feed(compact(BODY) + b"\n")
    assert core.tell() is None
    core.finish()
    assert core.tell() == "bodies"
    assert core.take() is not None
    assert core.tell() is None


def test_what_is_refused() -> None:
    core = new()
    with pytest.raises(ValueError, match="statuses"):
        core.put(b"{}", 1, 0, 2, "nonsense")
    with pytest.raises(ValueError, match="end"):
        core.put(b"{}", 1, 2, 0)
    with pytest.raises(ValueError, match="end"):
        core.put(b"{}", 1, 2, 5, None, False)
    with pytest.raises(ValueError, match="container"):
        _core.Scan(rules(), source="test").put(b"{}", 1, 0, 2)
    core.finish()
    with pytest.raises(ValueError, match="finished"):
        core.put(b"{}", 1, 0, 2)
    assert core.take() is None
