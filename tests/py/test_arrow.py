"""Arrow capsules of the core, as other libraries take them."""

import ctypes
import gc
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from batches import exchanges, many, rules, scan, timed
from harness import ROOT, SANITIZED
from stateprint import _core

pa = pytest.importorskip("pyarrow")

KINDS = {
    "utf8": pa.string(),
    "int64": pa.int64(),
    "int32": pa.int32(),
    "bool": pa.bool_(),
    "timestamp[us, UTC]": pa.timestamp("us", "UTC"),
    "dictionary<int32, utf8>": pa.dictionary(pa.int32(), pa.string()),
    "list<utf8>": pa.list_(pa.field("item", pa.string())),
}


class OnlyStream:
    """A table that has nothing but the protocol; each call exports it anew."""

    def __init__(self, batches: list[_core.Batch], table: str = "exchanges", metadata: dict[str, str] | None = None) -> None:
        self.parts, self.table_name, self.metadata = batches, table, metadata

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        assert requested_schema is None or type(requested_schema).__name__ == "PyCapsule"
        return _core.stream(self.parts, self.table_name, self.metadata)


class OnlyArray:
    def __init__(self, batch: _core.Batch) -> None:
        self.batch = batch

    def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
        return self.batch.__arrow_c_array__(requested_schema)


def rows_of(batches: list[_core.Batch]) -> list[dict[str, Any]]:
    return [row for batch in batches for row in batch.to_pylist()]


def resident() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def assert_no_leak(work: Callable[[], object], rounds: int, allowed: int) -> None:
    """`work` is done often, and memory does not grow with it."""
    for _ in range(3):
        work()
    gc.collect()
    before = resident()
    for _ in range(rounds):
        work()
    gc.collect()
    assert resident() - before < allowed


@pytest.mark.parametrize("table", ["exchanges", "evidence"])
def test_schema(table: str) -> None:
    schema = pa.table(OnlyStream([], table)).schema
    assert [(f.name, f.type) for f in schema] == [(name, KINDS[kind]) for name, kind, _ in _core.columns(table)]
    assert [f.nullable for f in schema] == [f.name != "uid" for f in schema]
    assert schema.metadata[b"stateprint.schema"] == table.encode()
    assert schema.metadata[b"stateprint.version"] == _core.__version__.encode()


def test_metadata() -> None:
    own = pa.schema(exchanges()).metadata
    assert set(own) == {b"stateprint.schema", b"stateprint.version", b"stateprint.rules"}
    assert own[b"stateprint.rules"].decode() in rules().describe().decode()
    assert pa.table(OnlyStream([exchanges()])).schema.metadata == own
    given = {"a": "ü", "empty": "", "no\0end": "x" * 10000}
    assert pa.table(OnlyStream([exchanges()], metadata=given)).schema.metadata == {k.encode(): v.encode() for k, v in given.items()}
    assert not pa.table(OnlyStream([], metadata={})).schema.metadata


def test_array() -> None:
    batch = exchanges()
    for source in (batch, OnlyArray(batch)):
        taken = pa.record_batch(source)
        taken.validate(full=True)
        assert taken.to_pylist() == batch.to_pylist()
    assert batch.rows == len(batch) == 100
    assert batch.nbytes > 100 * 100


def test_evidence() -> None:
    data = b'{"model":"gpt-5","input":"hi","previous_response_id":"resp_1"}\n'
    ((_, evidence),) = scan(data * 3, evidence=True)
    assert evidence is not None
    assert evidence.table == "evidence"
    taken = pa.record_batch(evidence)
    taken.validate(full=True)
    assert taken.to_pylist() == evidence.to_pylist()
    with pytest.raises(ValueError):
        _core.stream([evidence], "exchanges")


def test_time() -> None:
    batch = timed()
    (row,) = batch.to_pylist()
    assert row["time"].isoformat() == "2026-03-01T12:34:56.000001+00:00"
    assert pa.record_batch(batch)["time"][0].as_py() == row["time"]


@pytest.mark.parametrize("offset", [0, 1, 7, 8, 9, 50, 99, 100, 1000])
@pytest.mark.parametrize("length", [None, 0, 1, 8, 33])
def test_slices(offset: int, length: int | None) -> None:
    batch = exchanges()
    want = batch.to_pylist()[offset:][:length]
    part = batch.slice(offset, length)
    assert part.to_pylist() == want
    for again in (part, part.slice(0)):
        taken = pa.record_batch(again)
        taken.validate(full=True)
        assert taken.to_pylist() == want
    assert part.slice(1).to_pylist() == want[1:]


def test_stream_can_be_read_again() -> None:
    batches = many()
    assert len(batches) > 1
    table = OnlyStream(batches)
    for _ in range(2):
        taken = pa.table(table)
        taken.validate(full=True)
        assert taken.to_pylist() == rows_of(batches)
    assert [b.num_rows for b in pa.RecordBatchReader.from_stream(table)] == [b.rows for b in batches]


def test_empty() -> None:
    empty = exchanges([])
    assert (empty.rows, empty.to_pylist(), empty.to_ndjson()) == (0, [], b"")
    for batches in ([], [empty], [empty, exchanges(), empty]):
        taken = pa.table(OnlyStream(batches))
        taken.validate(full=True)
        assert taken.to_pylist() == rows_of(batches)
    assert pa.record_batch(empty).num_rows == 0


@pytest.mark.skipif(SANITIZED, reason="these libraries don't run under the sanitizers")
def test_polars() -> None:
    pl = pytest.importorskip("polars")
    for batches in (many(), [exchanges().slice(3, 40)], []):
        frame = pl.DataFrame(OnlyStream(batches))
        assert frame.to_dicts() == rows_of(batches)
        assert frame.columns == [name for name, _, _ in _core.columns("exchanges")]
    assert frame.schema["time"] == pl.Datetime("us", "UTC")
    assert frame.schema["flags"] == pl.List(pl.String)


@pytest.mark.skipif(SANITIZED, reason="these libraries don't run under the sanitizers")
def test_duckdb() -> None:
    duckdb = pytest.importorskip("duckdb")
    with duckdb.connect() as db:
        for batches in (many(), [exchanges().slice(3, 40)], []):
            log = OnlyStream(batches)  # noqa: F841  found by name
            want = rows_of(batches)
            assert db.sql("select uid, line, effects, turns, inference from log").fetchall() == [
                (r["uid"], r["line"], r["effects"], r["turns"], r["inference"]) for r in want
            ]
            states = dict(db.sql("select state, count(*) from log group by all").fetchall())
            assert states == {s: sum(r["state"] == s for r in want) for s in {r["state"] for r in want}}
        one = OnlyStream([timed()])  # noqa: F841
        assert db.sql("select epoch_us(time) from one").fetchall() == [(1772368496000001,)]


@pytest.mark.skipif(SANITIZED, reason="these libraries don't run under the sanitizers")
def test_pandas() -> None:
    pd = pytest.importorskip("pandas")
    for batches in (many(), [exchanges().slice(3, 40)], []):
        table = OnlyStream(batches)
        frames = [pa.table(table).to_pandas()]
        if hasattr(pd.DataFrame, "from_arrow"):
            frames.append(pd.DataFrame.from_arrow(table))
        for frame in frames:
            assert list(frame.columns) == [name for name, _, _ in _core.columns("exchanges")]
            assert frame["uid"].tolist() == [r["uid"] for r in rows_of(batches)]
            assert frame["line"].tolist() == [r["line"] for r in rows_of(batches)]


def test_capsules() -> None:
    batch = exchanges()
    schema, array = batch.__arrow_c_array__()
    assert [repr(c).split('"')[1] for c in (batch.__arrow_c_schema__(), schema, array)] == ["arrow_schema", "arrow_schema", "arrow_array"]
    assert '"arrow_array_stream"' in repr(_core.stream([batch], "exchanges"))


def test_consumed_twice() -> None:
    capsule = _core.stream([exchanges()], "exchanges")

    class Once:
        def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
            return capsule

    assert pa.table(Once()).num_rows == 100
    with pytest.raises(pa.ArrowInvalid):
        pa.table(Once())
    pair = exchanges().__arrow_c_array__()

    class OnceArray:
        def __arrow_c_array__(self, requested_schema: object | None = None) -> tuple[object, object]:
            return pair

    assert pa.record_batch(OnceArray()).num_rows == 100
    with pytest.raises(pa.ArrowInvalid):
        pa.record_batch(OnceArray())


def test_outlives_its_batch() -> None:
    batch = exchanges()
    want = batch.to_pylist()
    taken = pa.record_batch(batch)
    part = taken.slice(40, 3)
    column = taken.column("facts")
    del batch, taken
    gc.collect()
    exchanges(range(50, 150))  # memory that was freed would be used again
    assert part.to_pylist() == want[40:43]
    assert column.to_pylist() == [row["facts"] for row in want]


def test_released_in_other_threads() -> None:
    batches = many()
    tables = [pa.table(OnlyStream(batches)) for _ in range(8)]
    del batches
    threads = [threading.Thread(target=lambda: [tables.pop().to_pylist() for _ in range(2)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not tables


class Schema(ctypes.Structure):
    """struct ArrowSchema, to call release as a consumer without Python's lock would."""


Schema._fields_ = [
    ("format", ctypes.c_char_p),
    ("name", ctypes.c_char_p),
    ("metadata", ctypes.c_void_p),
    ("flags", ctypes.c_int64),
    ("n_children", ctypes.c_int64),
    ("children", ctypes.c_void_p),
    ("dictionary", ctypes.c_void_p),
    ("release", ctypes.CFUNCTYPE(None, ctypes.c_void_p)),  # CFUNCTYPE gives the lock away
    ("private_data", ctypes.c_void_p),
]


def test_release_by_hand() -> None:
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype, pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    capsule = exchanges().__arrow_c_schema__()
    there = Schema.from_address(pointer_of(capsule, b"arrow_schema"))
    moved = Schema()
    ctypes.memmove(ctypes.byref(moved), ctypes.byref(there), ctypes.sizeof(Schema))
    ctypes.memset(ctypes.byref(there, Schema.release.offset), 0, ctypes.sizeof(ctypes.c_void_p))
    del capsule  # finds that it was moved
    assert (moved.format, moved.n_children) == (b"+s", len(_core.columns("exchanges")))
    moved.release(ctypes.byref(moved))
    assert not moved.release


@pytest.mark.skipif(SANITIZED or not Path("/proc/self/statm").exists(), reason="measures memory")
@pytest.mark.parametrize("how", ["array", "stream", "consumed", "half", "slice"])
def test_no_leak(how: str) -> None:
    data = b"".join(b'{"model":"gpt-5","input":"hi","metadata":{"n":"%d"}}\n' % i for i in range(2000))

    def work() -> object:
        ((batch, _),) = scan(data)
        assert batch.nbytes > 500_000
        if how == "array":
            return batch.__arrow_c_array__()
        if how == "stream":
            return _core.stream([batch] * 3, "exchanges")
        if how == "consumed":
            return pa.table(OnlyStream([batch, batch]))
        if how == "half":
            reader = pa.RecordBatchReader.from_stream(OnlyStream([batch, batch]))
            return reader.read_next_batch()
        return pa.record_batch(batch.slice(5, 10))

    assert_no_leak(work, 60, 12_000_000)  # 60 times over half a megabyte


def test_release_at_shutdown() -> None:
    """Exports that are alive when the interpreter goes, in globals, cycles and threads of a consumer."""
    code = """
import sys
sys.path[:0] = [sys.argv[1]]
import pyarrow as pa
from batches import many, exchanges
from stateprint import _core
from test_arrow import OnlyStream
table = pa.table(OnlyStream(many()))
reader = pa.RecordBatchReader.from_stream(OnlyStream(many()))
first = reader.read_next_batch()
capsules = [_core.stream(many(), "exchanges"), *exchanges().__arrow_c_array__()]
ring = [table, reader, capsules]
ring.append(ring)
sys.modules["kept"] = ring
"""
    command = [sys.executable, "-c", code, str(ROOT / "tests/py")]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_bad_arguments() -> None:
    batch = exchanges()
    wrong: Any
    for wrong in ([1], [None], 5, [batch, "x"]):
        with pytest.raises(TypeError):
            _core.stream(wrong, "exchanges")
    for wrong in ({"a": 1}, {1: "a"}, {"a": None}, [("a", "b")]):
        with pytest.raises(TypeError):
            _core.stream([batch], "exchanges", wrong)
    with pytest.raises(ValueError):
        _core.stream([batch], "edges")
    with pytest.raises(ValueError):
        _core.stream([batch], "evidence")
    with pytest.raises(TypeError):
        type(batch)()
