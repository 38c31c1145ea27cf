"""Tables as logs: Parquet, Arrow files, frames. Rows are records, and they are those that the same log gives as JSON Lines."""

import contextlib
import datetime as dt
import decimal
import gzip
import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stateprint as sp
from harness import DATA, Row, compact, load_jsonl, summed
from stateprint.inputs.places import expand

SAMPLES = DATA / "samples"
URL = "https://api.openai.com/v1/responses"
PLACE = {"uid", "source", "line", "byte_start", "byte_end"}
"""Columns that tell where a row comes from."""


def body(i: int = 1) -> str:
    return json.dumps({"model": "gpt-5", "input": "héllo", "previous_response_id": f"resp_{i}"})


def log(n: int) -> list[Row]:
    return [{"ts": f"2026-03-01T00:00:{i % 60:02}Z", "method": "POST", "url": URL, "body": body(i), "status": 200} for i in range(n)]


def parquet(tmp_path: Path, table: pa.Table, **options: Any) -> Path:
    path = tmp_path / "log"
    pq.write_table(table, path, **options)
    return path


def ipc(tmp_path: Path, table: pa.Table, *, stream: bool) -> Path:
    path = tmp_path / "log"
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(path, table.schema) as writer:
        writer.write_table(table, max_chunksize=7)
    return path


MADE: dict[str, Callable[[Path, pa.Table], Any]] = {
    "pyarrow": lambda _, table: table,
    "polars": lambda _, table: pl.from_arrow(table),
    "pandas": lambda _, table: table.to_pandas(),
    "duckdb": lambda _, table: duckdb.from_arrow(table),
    "parquet": lambda tmp_path, table: parquet(tmp_path, table, row_group_size=7),
    "zstd": lambda tmp_path, table: parquet(tmp_path, table, compression="zstd", use_dictionary=False),
    "arrow file": lambda tmp_path, table: ipc(tmp_path, table, stream=False),
    "arrow stream": lambda tmp_path, table: ipc(tmp_path, table, stream=True),
}


def without_place(rows: list[Row]) -> list[Row]:
    return [{name: value for name, value in row.items() if name not in PLACE} for row in rows]


@pytest.mark.parametrize("kind", MADE)
def test_rows_are_those_of_the_lines(kind: str, tmp_path: Path) -> None:
    rows = log(30)
    path = tmp_path / "log.jsonl"
    path.write_bytes(b"".join(compact(row) + b"\n" for row in rows))
    want, _ = summed(path)
    got, scan = summed(MADE[kind](tmp_path, pa.Table.from_pylist(rows)), threads=2)
    assert without_place(got) == without_place(want)
    assert [(row["line"], int(row["uid"].split(":")[1], 16), row["byte_start"]) for row in got] == [(i + 1, i, None) for i in range(30)]
    (part,) = scan.summary.inputs
    assert (part["format"], part["complete"], part["bytes"] > 0) == ("flat", True, True)
    assert part["container"] == {"parquet": "parquet", "zstd": "parquet"}.get(kind, "arrow" if "arrow " in kind else "table")


@pytest.mark.parametrize(
    "name", ["langfuse-blob-observations.jsonl", "litellm-spendlogs.jsonl", "kong-ai-log.jsonl", "datadog-llmobs-spans.jsonl"]
)
def test_readers_know_columns_by_their_names(name: str) -> None:
    """Nested values are columns of structures. What one row lacks is null in it."""
    want, before = summed(SAMPLES / name)
    got, scan = summed(pa.Table.from_pylist(load_jsonl(SAMPLES / name)))
    about = ("state", "effects", "model", "request_id", "time", "tokens_in", "body_state", "grade", "operation")
    assert [[row[column] for column in about] for row in got] == [[row[column] for column in about] for row in want]
    assert scan.summary.inputs[0]["format"] == before.summary.inputs[0]["format"]


def test_a_table_of_one_column_is_that_column(tmp_path: Path) -> None:
    """Its values are the records, whatever it is called: texts, bytes, structures."""
    values = [body(1), body(2), None]
    texts = pa.table({"payload": values})
    coded = pa.table({"x": pa.array(values).dictionary_encode()})
    raw = pa.table({"x": pa.array([value and value.encode() for value in values], pa.binary())})
    tree = pa.table({"x": [value and json.loads(value) for value in values]})
    for table in (texts, coded, raw, tree):
        rows, _ = summed(parquet(tmp_path, table))
        assert [row["previous_id"] for row in rows] == ["resp_1", "resp_2", None]
        assert rows[2]["error"].startswith("not_an_object")


def test_a_column_by_itself() -> None:
    values = [body(1), body(2), None]
    table = pa.table({"payload": values})
    for column in (pl.Series(values), pd.Series(values), table["payload"], table.to_pandas()["payload"], pl.DataFrame({"x": values})["x"]):
        rows, _ = summed(column)
        assert [row["previous_id"] for row in rows] == ["resp_1", "resp_2", None]


def test_a_mapping_names_columns(tmp_path: Path) -> None:
    mapping = {"grade": "wire", "fields": {"body": ["/sent"], "url": ["/to"], "time": ["/at"]}}
    table = pa.table({"sent": [body()], "to": [URL], "at": [dt.datetime(2026, 3, 1, tzinfo=dt.UTC)]})
    (row,), _ = summed(table, engine=sp.Engine(map=mapping))
    assert (row["previous_id"], row["host"], row["time"]) == ("resp_1", "api.openai.com", dt.datetime(2026, 3, 1, tzinfo=dt.UTC))
    (row,), _ = summed(table.select(["sent"]), engine=sp.Engine(map={**mapping, "records": "lines"}))
    assert row["previous_id"] == "resp_1"


def test_values_of_all_types(tmp_path: Path) -> None:
    """Headers may be a map; times are UTC unless they say otherwise; bytes are text, or base64."""
    at = dt.datetime(2026, 3, 1, 12, 0, 0, 250000, dt.UTC)
    columns = {
        "headers": pa.array([[("x-request-id", "r-1")], None], pa.map_(pa.string(), pa.string())),
        "body": pa.array([body().encode(), b"\xff\xfe"], pa.large_binary()),
        "url": [URL, URL],
        "ts": pa.array([at.replace(tzinfo=None), None], pa.timestamp("ns")),
        "status": pa.array([decimal.Decimal(200), None], pa.decimal128(5, 0)),
        "a": [math.nan, math.inf],
        "b": pa.array([[{"x": math.nan}], []], pa.list_(pa.struct({"x": pa.float64()}))),
        "c": pa.array([dt.date(2026, 3, 1), None]),
        "d": pa.array([dt.timedelta(seconds=1), None]),
        "e": pa.array([decimal.Decimal("1.5"), None]),
        "f": pa.array([pd.Timestamp("2026-03-01T12:00:00.000000001+01:00"), None], pa.timestamp("ns", "Europe/Berlin")),
    }
    rows, _ = summed(parquet(tmp_path, pa.table(columns)))
    assert [row["error"] for row in rows] == [None, None]
    assert (rows[0]["time"], rows[0]["status"], rows[0]["previous_id"]) == (at, 200, "resp_1")
    assert rows[1]["flags"] == ["body_not_json"]
    mapping = {"grade": "wire", "fields": {"time": ["/f"], "id": ["/headers/x-request-id"], "body": ["/body"]}}
    rows, _ = summed(pa.table(columns), engine=sp.Engine(map=mapping))
    assert (rows[0]["time"], rows[0]["request_id"]) == (dt.datetime(2026, 3, 1, 11, tzinfo=dt.UTC), "r-1")


def test_a_column_that_stands_twice_is_flagged() -> None:
    columns = [pa.array([body()]), pa.array([URL]), pa.array(["POST"]), pa.array(["PUT"])]
    (row,), _ = summed(pa.Table.from_arrays(columns, ["body", "url", "method", "method"]))
    assert "duplicate_key" in row["flags"]


def test_text_that_is_none_is_a_reject() -> None:
    bad = pa.StringArray.from_buffers(2, pa.py_buffer(b"\0\0\0\0\2\0\0\0\4\0\0\0"), pa.py_buffer(b"\xc3\x28{}"))
    rows, scan = summed(pa.table({"body": bad, "url": [URL, URL]}))
    assert [(row["error"] or "-").split(" ")[0] for row in rows] == ["invalid_utf8", "-"]
    assert scan.errors == []


def outside() -> pa.Array:
    """Texts of which one lies outside its memory."""
    return pa.StringArray.from_buffers(2, pa.py_buffer(b"\0\0\0\0\xff\xff\xff\x10\4\0\0\0"), pa.py_buffer(b"{}{}"))


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("inside", ["column", "list", "large list", "structure", "map"])
def test_values_outside_of_a_file_are_not_read(inside: str, stream: bool, tmp_path: Path) -> None:
    """In a process of its own: without the check they end it, or show what else is in memory."""
    made = {
        "column": outside,
        "list": lambda: pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), outside()),
        "large list": lambda: pa.LargeListArray.from_arrays(pa.array([0, 1, 2], pa.int64()), outside()),
        "structure": lambda: pa.StructArray.from_arrays([outside()], ["x"]),
        "map": lambda: pa.MapArray.from_arrays(pa.array([0, 1, 2], pa.int32()), pa.array(["a", "b"]), outside()),
    }
    path = ipc(tmp_path, pa.table({"body": made[inside](), "url": [URL, URL]}), stream=stream)
    assert errors_of(path) == "table_data 1"


def test_what_a_damaged_file_says_of_a_column_is_not_asked_for(tmp_path: Path) -> None:
    """Two bytes of the metadata of a chunk, which end the process when pyarrow reads them."""
    assert errors_of(DATA / "tables" / "chunk-metadata.parquet") == "table_data 1"


def errors_of(path: Path) -> str:
    """Codes of the errors of a scan in a process of its own, and the row from which on nothing could be read."""
    code = "import stateprint as sp, sys; s = sp.scan(sys.argv[1], strict=False); n = len(s.table())"
    code += "; print(*(error.code for error in s.errors), n + 1)"
    return subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("inside", ["column", "dictionary", "list", "structure", "map"])
def test_text_that_is_none_costs_its_row_only(inside: str, stream: bool, tmp_path: Path) -> None:
    bad = pa.StringArray.from_buffers(2, pa.py_buffer(b"\0\0\0\0\2\0\0\0\4\0\0\0"), pa.py_buffer(b"\xc3\x28{}"))
    made = {
        "column": bad,
        "dictionary": pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.int32()), bad),
        "list": pa.ListArray.from_arrays(pa.array([0, 1, 2], pa.int32()), bad),
        "structure": pa.StructArray.from_arrays([bad], ["x"]),
        "map": pa.MapArray.from_arrays(pa.array([0, 1, 2], pa.int32()), pa.array(["a", "b"]), bad),
    }
    rows, scan = summed(ipc(tmp_path, pa.table({"body": [body(), body()], "url": [URL, URL], "x": made[inside]}), stream=stream))
    assert [(row["error"] or "-").split(" ")[0] for row in rows] == ["invalid_utf8", "-"]
    assert scan.errors == []


def test_types_that_are_rare_are_read(tmp_path: Path) -> None:
    columns = {
        "body": pa.array([body()], pa.string_view()),
        "url": pa.array([URL], pa.large_string()),
        "a": pa.RunEndEncodedArray.from_arrays([1], ["x"]),
        "b": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array(["x"]), pa.array([1])]),
        "c": pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}"])),
        "d": pa.array([["x"]], pa.list_(pa.string(), 1)),
        "e": pa.array([["x"]], pa.large_list(pa.dictionary(pa.int8(), pa.large_string()))),
        "f": pa.array([["x"]], pa.list_view(pa.string())),
    }
    rows, scan = summed(ipc(tmp_path, pa.table(columns), stream=False))
    assert [(row["error"], row["previous_id"]) for row in rows] == [(None, "resp_1")]
    assert scan.errors == []


FAR = 2**62
"""Microseconds or seconds to a time, or of a duration, that Python doesn't have."""


@pytest.mark.parametrize(
    "values",
    [
        pa.array([FAR], pa.timestamp("us")),
        pa.array([FAR], pa.timestamp("s", "UTC")),
        pa.array([2**31 - 1], pa.int32()).view(pa.date32()),
        pa.array([FAR], pa.duration("s")),
    ],
    ids=lambda values: str(values.type),
)
def test_times_that_are_too_far_away_are_null(values: pa.Array) -> None:
    (row,), scan = summed(pa.table({"body": [body()], "url": [URL], "ts": values}))
    assert (row["error"], row["previous_id"], row["time"], scan.errors) == (None, "resp_1", None, [])


@pytest.mark.parametrize(
    "values",
    [
        pa.array([[("a", FAR)], [("a", 1)]], pa.map_(pa.string(), pa.timestamp("us"))),
        pa.array([[FAR], [1]], pa.list_(pa.timestamp("us"))),
    ],
    ids=["map", "list"],
)
def test_a_value_that_cannot_be_read_costs_its_row_only(values: pa.Array) -> None:
    rows, scan = summed(pa.table({"body": [body(), body()], "url": [URL, URL], "x": values}))
    assert [(row["error"] or "-").split(" ")[0] for row in rows] == ["syntax", "-"]
    assert scan.errors == []


def test_a_structure_with_a_name_twice_is_a_reject() -> None:
    field = pa.field("store", pa.bool_())
    twice = pa.StructArray.from_arrays([pa.array([True]), pa.array([False])], fields=[field, field])
    rows, scan = summed(pa.table({"body": twice, "url": [URL]}))
    assert [row["error"].split(" ")[0] for row in rows] == ["syntax"]
    assert scan.errors == []


def test_a_name_that_is_no_text(tmp_path: Path) -> None:
    path = parquet(tmp_path, pa.table({"body": [body()], "naïve": [1]}), store_schema=False)
    path.write_bytes(path.read_bytes().replace("naïve".encode(), b"na\xff\xffve"))
    rows, scan = summed(path)
    assert (rows, [error.code for error in scan.errors]) == ([], ["table_data"])


def test_tables_without_rows_or_columns(tmp_path: Path) -> None:
    for table, n in ((pa.table({"body": pa.array([], pa.string())}), 0), (pa.table({"body": [body()]}).select([]), 1)):
        rows, scan = summed(table)
        assert (len(rows), scan.errors) == (n, [])
    assert summed(parquet(tmp_path, pa.table({"a": pa.array([], pa.string())})))[0] == []


def test_frames_stand_beside_files_and_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text(body() + "\n", encoding="utf-8")
    frame = pl.DataFrame(log(2))
    scan = sp.scan([frame, path, frame])
    for _ in range(2):
        rows = scan.table().to_pylist()
        assert [(row["source"], row["line"], row["previous_id"]) for row in rows] == [
            ("<DataFrame>", 1, "resp_0"),
            ("<DataFrame>", 2, "resp_1"),
            (str(path), 1, "resp_1"),
            ("<DataFrame>", 1, "resp_0"),
            ("<DataFrame>", 2, "resp_1"),
        ]


def test_batches_are_asked_for_one_by_one() -> None:
    """Rows come before the whole table did, and no more of it is taken than is wanted."""
    asked = []

    def batches() -> Iterator[pa.RecordBatch]:
        for i in range(1000):
            asked.append(i)
            yield pa.record_batch({"payload": [body(i) + " " * 100_000] * 20})

    stream = pa.RecordBatchReader.from_batches(pa.schema({"payload": pa.string()}), batches())
    assert len(sp.scan(stream, limit=5, threads=1).table()) == 5
    assert len(asked) < 20
    scan = sp.scan(pa.table({"payload": [body() + " " * 100_000] * 200}), limit=5, threads=1)
    assert len(scan.table()) == 5
    assert scan.summary.inputs[0]["bytes"] < 5_000_000


def test_a_dictionary_is_not_spread_out(tmp_path: Path) -> None:
    """A small file that stands for a large table is read in bounded memory, and the limit of unpacked bytes holds."""
    large = body().ljust(1_000_000)
    path = parquet(tmp_path, pa.table({"body": [large] * 120, "url": [URL] * 120}))
    assert path.stat().st_size < 2_000_000
    before, most = pa.total_allocated_bytes(), 0

    def look(_: object) -> None:
        nonlocal most
        most = max(most, pa.total_allocated_bytes() - before)

    assert len(sp.scan(path, progress=look, threads=1).table()) == 120
    assert 0 < most < 50_000_000
    rows, scan = summed(path, engine=sp.Engine(limits={"max_unpacked_bytes": 10_000_000}))
    assert [error.code for error in scan.errors] == ["unpacked_limit"]
    assert 0 < len(rows) <= 10


def test_a_damaged_table_says_from_where_on(tmp_path: Path) -> None:
    table = pa.Table.from_pylist(log(300))
    path = parquet(tmp_path, table, row_group_size=100, use_dictionary=False, compression="none", write_page_checksum=True)
    data = bytearray(path.read_bytes())
    start = pq.ParquetFile(path).metadata.row_group(2).column(0).data_page_offset
    data[start : start + 40] = b"\xff" * 40
    path.write_bytes(data)
    rows, scan = summed(path)
    assert len(rows) == 200
    (error,) = scan.errors
    assert (error.code, str(error)) == ("table_data", f"{path}: the table can't be read from row 201 on")


def test_no_more_room_is_made_than_the_file_has(tmp_path: Path) -> None:
    """A page can say that it has any number of bytes."""
    path = parquet(tmp_path, pa.Table.from_pylist(log(3)))
    (place,) = expand([str(path)])
    with contextlib.closing(place.open()) as file:
        anywhere = file.anywhere()
        assert anywhere is not None
        assert anywhere.read(1 << 60) == path.read_bytes()


@pytest.mark.parametrize("kind", ["parquet", "zstd", "arrow file", "arrow stream"])
def test_a_cut_table(kind: str, tmp_path: Path) -> None:
    data = MADE[kind](tmp_path, pa.Table.from_pylist(log(30))).read_bytes()
    path = tmp_path / "cut"
    for k in range(1, 12):
        path.write_bytes(data[: len(data) * k // 12])
        rows, scan = summed(path)
        assert scan.errors or (kind == "arrow stream" and len(rows) <= 30), k
        assert not any(row["error"] for row in rows)


def test_a_table_in_a_stream_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path, pa.Table.from_pylist(log(3)))
    packed = tmp_path / "packed"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    _, scan = summed(packed)
    assert [(error.code, bool(error.hint)) for error in scan.errors] == [("table_in_stream", True)]


def test_a_frame_that_fails_is_an_input_that_fails() -> None:
    def batches() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch({"payload": [body()]})
        raise ValueError("secret")

    stream = pa.RecordBatchReader.from_batches(pa.schema({"payload": pa.string()}), batches())
    rows, scan = summed(stream)
    assert len(rows) == 1
    assert [(error.code, "secret" in str(error)) for error in scan.errors] == [("table_data", False)]


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet(tmp_path, pa.Table.from_pylist(log(1)))
    frame = pl.DataFrame(log(1))
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for given in (path, frame):
        with pytest.raises(sp.ConfigError, match="pyarrow") as caught:
            sp.scan(given).table()
        assert "stateprint[arrow]" in str(caught.value)
