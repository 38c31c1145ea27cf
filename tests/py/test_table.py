"""Tables and scans in Python: protocol, frames, files that are whole or not there, counts that add up."""

import contextlib
import csv
import errno
import io
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stateprint as sp
from harness import DATA, SANITIZED, engine, load_jsonl
from stateprint import _core
from stateprint.table import Output, Table

HOSTILE = DATA / "hostile-lines/all.log"
FORMATS = ("parquet", "arrow", "ndjson", "csv")


@pytest.fixture(scope="module")
def table() -> sp.Table:
    return sp.scan(HOSTILE, engine=engine()).table()


@pytest.fixture
def empty(tmp_path: Path) -> sp.Table:
    (tmp_path / "empty.jsonl").write_bytes(b"")
    return sp.scan(tmp_path / "empty.jsonl", engine=engine()).table()


def plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v.isoformat() if hasattr(v, "isoformat") else v for k, v in row.items()} for row in rows]


# ------------------------------------------------------------------------------------------------------------------------------ protocol
def test_a_table_is_read_again_and_again(table: sp.Table) -> None:
    pa = pytest.importorskip("pyarrow")
    first, second = pa.table(table), pa.table(table)
    assert first.equals(second)
    assert first.num_rows == len(table) == len(table.to_pylist())
    assert first.column_names == table.columns == [name for name, _, _ in _core.columns("exchanges")]
    assert plain(first.to_pylist()) == plain(table.to_pylist())
    assert pa.schema(table).equals(first.schema)
    assert table.evidence.columns == [name for name, _, _ in _core.columns("evidence")]
    assert {row["uid"] for row in table.evidence.to_pylist()} <= {row["uid"] for row in table.to_pylist()}


def test_batches_speak_arrow_too() -> None:
    pa = pytest.importorskip("pyarrow")
    for batch in sp.scan(HOSTILE, engine=engine()):
        assert pa.record_batch(batch).num_rows == len(batch)


def test_a_table_of_no_rows(empty: sp.Table, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    assert (len(empty), empty.to_pylist(), empty.counts("state")) == (0, [], {})
    assert pa.table(empty).column_names == empty.columns
    assert pa.schema(empty).names == pa.schema(empty.evidence).names[:0] + empty.columns
    for module, call in (("pandas", empty.to_pandas), ("polars", empty.to_polars)):
        pytest.importorskip(module)
        assert list(call().columns) == empty.columns
    for suffix in FORMATS:
        empty.write(tmp_path / f"none.{suffix}")
    assert (tmp_path / "none.csv").read_text().rstrip("\r\n").split(",") == empty.columns
    assert (tmp_path / "none.ndjson").read_bytes() == b""


def test_frames(table: sp.Table) -> None:
    frame = (pytest.importorskip("pandas"), table.to_pandas())[1]
    states = frame["state"].value_counts(dropna=False).to_dict()
    assert sum(states.values()) == len(table)
    assert (pytest.importorskip("polars"), table.to_polars())[1].height == len(table)
    duckdb = pytest.importorskip("duckdb")
    relation = table.to_duckdb(duckdb.connect())
    assert relation.aggregate("count(*)").fetchall() == [(len(table),)]
    assert relation.filter("state = 'stateful'").aggregate("count(*)").fetchall() == [(states["stateful"],)]


def test_an_extra_that_is_missing_is_named() -> None:
    code = """
import sys
for name in ("pyarrow", "pandas", "polars", "duckdb"):
    sys.modules[name] = None
import stateprint as sp
t = sp.scan(sys.argv[1]).table()
t.write(sys.argv[2] + ".csv"), t.write(sys.argv[2] + ".ndjson"), t.__arrow_c_schema__(), t.__arrow_c_stream__(), t._repr_html_()
for name, extra in (("pandas", "pandas"), ("polars", "polars"), ("duckdb", "duckdb"), ("arrow", "arrow")):
    try:
        getattr(t, "to_" + name)()
    except ImportError as e:
        assert f"pip install 'stateprint[{extra}]'" in str(e), e
    else:
        raise SystemExit(name)
try:
    t.write(sys.argv[2] + ".parquet")
except ImportError as e:
    print(e)
"""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(_folder()))
        done = subprocess.run([sys.executable, "-c", code, str(HOSTILE), str(folder / "out")], capture_output=True, text=True, check=False)
        assert (done.returncode, "stateprint[arrow]" in done.stdout) == (0, True), done.stderr
        assert sorted(p.name for p in folder.iterdir()) == ["out.csv", "out.ndjson"]


@contextlib.contextmanager
def _folder() -> Iterator[str]:
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        yield name


# --------------------------------------------------------------------------------------------------------------------------------- files
def read_back(path: Path) -> list[dict[str, Any]]:
    suffix = path.suffix
    if suffix == ".ndjson":
        return load_jsonl(path)
    if suffix == ".csv":
        return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))
    if suffix == ".parquet":
        rows: list[dict[str, Any]] = pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()
        return rows
    with pytest.importorskip("pyarrow.ipc").open_file(path) as f:
        found: list[dict[str, Any]] = f.read_all().to_pylist()
        return found


def test_small_batches_are_written_together(tmp_path: Path) -> None:
    parquet, ipc = pytest.importorskip("pyarrow.parquet"), pytest.importorskip("pyarrow.ipc")
    log = tmp_path / "log.jsonl"
    log.write_bytes((DATA / "cases.jsonl").read_bytes() * 12)
    scan = sp.scan(log, engine=engine())
    assert len(list(scan)) > 2
    scan.write(tmp_path / "out.parquet")
    scan.write(tmp_path / "out.arrow")
    with ipc.open_file(str(tmp_path / "out.arrow")) as file:
        assert file.num_record_batches == parquet.ParquetFile(tmp_path / "out.parquet").metadata.num_row_groups == 1
    assert plain(read_back(tmp_path / "out.parquet")) == plain(scan.table().to_pylist())


@pytest.mark.parametrize("suffix", FORMATS)
def test_written_and_read_back(table: sp.Table, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    table.write(path)
    rows = read_back(path)
    assert [row["uid"] for row in rows] == [row["uid"] for row in table.to_pylist()]
    if suffix in {"parquet", "arrow"}:
        assert plain(rows) == plain(table.to_pylist())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    sp.scan(HOSTILE, engine=engine()).write(tmp_path / "streamed", to=suffix)
    assert (tmp_path / "streamed").read_bytes() == path.read_bytes()


def test_an_existing_file_is_not_replaced_without_force(table: sp.Table, tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("mine")
    with pytest.raises(sp.OutputError) as caught:
        table.write(path)
    assert (caught.value.code, caught.value.errno, caught.value.filename) == ("exists", errno.EEXIST, str(path))
    assert path.read_text() == "mine"
    table.write(path, force=True)
    assert path.read_text() != "mine"


def test_a_file_that_comes_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with pytest.raises(sp.OutputError), Output(path) as out:
        out.write(b"ours")
        path.write_text("theirs")
    assert path.read_text() == "theirs"
    assert [p.name for p in tmp_path.iterdir()] == ["out.csv"]


def test_links_and_old_parts(table: sp.Table, tmp_path: Path) -> None:
    (tmp_path / "target").write_text("mine")
    (tmp_path / "out.csv.part").symlink_to(tmp_path / "target")
    table.write(tmp_path / "out.csv")
    assert (tmp_path / "target").read_text() == "mine"
    (tmp_path / "link.csv").symlink_to(tmp_path / "nowhere")
    with pytest.raises(sp.OutputError):
        table.write(tmp_path / "link.csv")


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_full_disk(table: sp.Table, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"out.{suffix}"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(sp.OutputError) as caught:
            table.write(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (caught.value.errno, caught.value.part_kept) == (errno.EFBIG, False)
    assert list(tmp_path.iterdir()) == []
    table.write(path)  # and the next call works


def test_names_that_can_not_be_written(table: sp.Table, tmp_path: Path) -> None:
    for path in (tmp_path / "no/such/folder.csv", tmp_path):
        with pytest.raises(sp.OutputError):
            table.write(path, to="csv", force=True)
    for path, to in ((tmp_path / "out.xlsx", None), (tmp_path / "out", None), (tmp_path / "out.csv", "json")):
        with pytest.raises(sp.ConfigError):
            table.write(path, to=to)


def test_an_input_error_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes("{}\n".encode("utf-16"))
    with pytest.raises(sp.EncodingUnsupported):
        sp.scan(tmp_path / "log", engine=engine()).write(tmp_path / "out.ndjson")
    assert [p.name for p in tmp_path.iterdir()] == ["log"]


def test_html_of_a_table() -> None:
    shown = sp.scan(HOSTILE, engine=sp.Engine(with_text=True)).table()._repr_html_()
    assert "<script" not in shown
    assert shown.count("<tr>") == 21


# --------------------------------------------------------------------------------------------------------------------------------- scans
def test_the_summary_adds_up(table: sp.Table) -> None:
    scan = sp.scan([HOSTILE, DATA / "framing/blank-lines.jsonl"], engine=engine())
    rows = sum(len(batch) for batch in scan)
    s = scan.summary
    assert s.lines_total == s.lines_blank + s.lines
    assert s.lines == rows == sum(s.classified.values()) + sum(s.rejected.values())
    assert s.to_dict()["lines"] == s["lines"] == s.lines
    assert s.complete
    assert len(s.inputs) == 2
    assert s.limits["max_depth"] == 1024
    assert "0.1.0" in s.versions
    assert f"{s.lines} lines = {sum(s.classified.values())} classified + {sum(s.rejected.values())} rejected" in str(s)
    assert len(table) < rows


@pytest.mark.parametrize("limit", [0, 1, 50, 173, 174, 175, 10_000])
def test_limit(table: sp.Table, limit: int) -> None:
    scan = sp.scan([HOSTILE, HOSTILE], engine=engine(), limit=limit, copies="keep")
    part = scan.table()
    assert len(part) == min(limit, 2 * len(table))
    assert part.to_pylist()[:174] == table.to_pylist()[:limit]
    assert scan.summary.lines == len(part) == sum(scan.summary.classified.values()) + sum(scan.summary.rejected.values())
    assert {m["uid"] for m in part.evidence.to_pylist()} <= {r["uid"] for r in part.to_pylist()}


def test_max_rejects() -> None:
    scan = sp.scan(HOSTILE, engine=engine(), max_rejects=3, strict=False)
    list(scan)
    assert [e.code for e in scan.errors] == ["reject_limit"]
    assert not sp.scan(HOSTILE, engine=engine(), max_rejects=80).errors
    with pytest.raises(sp.InputLimitExceeded):
        list(sp.scan(HOSTILE, engine=engine(), max_rejects=0))


def test_the_summary_of_a_scan_that_was_left(tmp_path: Path) -> None:
    path = tmp_path / "big.jsonl"
    path.write_bytes(b'{"model":"gpt-5","input":"x"}\n' * 300_000)
    scan = sp.scan(path, engine=engine(), threads=1)
    batches = iter(scan)
    rows = len(next(batches))
    batches.close()  # type: ignore[attr-defined]
    s = scan.summary
    assert 0 < rows <= s.lines < 300_000
    assert s.lines == sum(s.classified.values()) + sum(s.rejected.values())
    assert not s.complete


def test_progress() -> None:
    seen: list[Any] = []
    list(sp.scan([HOSTILE, HOSTILE], engine=engine(), progress=seen.append, copies="keep"))
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert seen[-1].done == seen[-1].total == 2 * HOSTILE.stat().st_size
    assert seen[-1].rows == 348


def test_options_are_checked() -> None:
    for options in ({"threads": 0}, {"limit": -1}, {"max_rejects": -1}, {"rules": [{}], "engine": engine()}, {"lens": "no"}):
        with pytest.raises(sp.ConfigError):
            sp.scan(HOSTILE, **options)  # type: ignore[arg-type]
    with pytest.raises(sp.ConfigError, match="no reader"):
        list(sp.scan(HOSTILE, engine=engine(), format="toml"))


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    code = """
import sys
import stateprint as sp
rows = sum(len(b) for b in sp.scan(sys.argv[1], threads=1))
print(rows, next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    line = b'{"model":"gpt-5","input":"' + b"x" * 2000 + b'"}\n'
    environment = {**os.environ, "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1"}  # it keeps what was freed
    found = []
    for n in (10_000, 60_000):
        (tmp_path / "log").write_bytes(line * n)
        command = [sys.executable, "-c", code, str(tmp_path / "log")]
        out = subprocess.run(command, capture_output=True, check=True, text=True, env=environment).stdout
        rows, memory = map(int, out.split())
        assert rows == n
        found.append(memory)
    assert found[1] - found[0] < 24_000  # KiB; the files differ by 100 MB


def test_ctrl_c_is_quick(tmp_path: Path) -> None:
    code = """
import sys, time
import stateprint as sp
scan = sp.scan(sys.argv[1])
for batch in scan:
    break
print("ready", flush=True)
try:
    while True:
        for batch in scan:
            pass
except KeyboardInterrupt:
    s = scan.summary
    assert s.lines == sum(s.classified.values()) + sum(s.rejected.values())
    print(time.time(), flush=True)
"""
    (tmp_path / "log").write_bytes((DATA / "cases.jsonl").read_bytes() * 40)
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(0.2)
        sent = time.time()
        child.send_signal(signal.SIGINT)
        took = float(child.stdout.read()) - sent
        assert child.wait() == 0
    assert took < 1 or SANITIZED  # a batch takes far longer when it is instrumented


def test_tables_of_one_kind_only(table: sp.Table) -> None:
    with pytest.raises(ValueError):
        Table(list(table.batches()), "evidence").__arrow_c_stream__()
    assert json.loads(next(iter(table.batches())).to_ndjson().split(b"\n", 1)[0])["uid"] == table.to_pylist(1)[0]["uid"]
    assert os.path.basename(table.to_pylist(1)[0]["source"]) == "all.log"
