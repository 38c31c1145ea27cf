"""The C core as Python objects: arguments, buffers, memory that is lent out, threads, errors, texts."""

import csv
import gc
import inspect
import io
import json
import mmap
import os
import pickle
import subprocess
import sys
import threading
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from batches import PACKS, URL, exchanges, line, many, rules, scan, timed
from harness import ROOT, SANITIZED, load_jsonl
from stateprint import _core

BODY = b'{"model":"gpt-5","input":"hi"}'
any_core: Any = _core  # for calls that the stub forbids


def new_scan(**options: Any) -> _core.Scan:
    return _core.Scan(rules(), source="log.jsonl", **options)


scan_of: Any = new_scan  # the same
batch_of: Any = exchanges


def rest(reader: _core.Scan) -> list[dict[str, Any]]:
    reader.finish()
    return [row for pair in iter(reader.take, None) for row in pair[0].to_pylist()]


# --- signatures and arguments ---


def test_signatures() -> None:
    options = "source, format=None, threads=1, evidence=False, source_id=None, records=None, container=None"
    assert str(inspect.signature(_core.Scan)) == f"(rules, /, *, {options})"
    for owner in (_core, _core.Rules, _core.Scan, _core.Batch):
        for name, member in vars(owner).items():
            if callable(member) and not name.startswith("__") and not isinstance(member, type):
                assert inspect.signature(member) is not None, name
                assert inspect.getdoc(member), name


@pytest.mark.parametrize(
    "call",
    [
        lambda c: c.classify(),
        lambda c: c.classify(rules()),
        lambda c: c.classify(None, BODY),
        lambda c: c.classify(rules(), BODY, "POST"),
        lambda c: c.classify(rules=rules(), payload=BODY),
        lambda c: c.classify(rules(), BODY, verb="POST"),
        lambda c: c.classify(rules(), "text"),
        lambda c: c.classify(rules(), BODY, url=b"x"),
        lambda c: c.classify(rules(), BODY, headers="{}"),
        lambda c: c.classify(rules(), BODY, headers=bytearray(b"{}")),
        lambda c: c.classify(rules(), BODY, status="200"),
        lambda c: c.classify(rules(), BODY, time=5),
        lambda c: c.Rules(),
        lambda c: c.Rules([]),
        lambda c: c.Rules([("a", "text")], lens=([], [])),
        lambda c: c.Rules([("a",)], lens=([], [])),
        lambda c: c.Rules([(None, b"")], lens=([], [])),
        lambda c: c.Rules([("a", None)], lens=([], [])),
        lambda c: c.Rules([5], lens=([], [])),
        lambda c: c.Rules(5, lens=([], [])),
        lambda c: c.Rules([], lens=5),
        lambda c: c.Rules([], lens=([5], [])),
        lambda c: c.Rules([], lens=([], [None])),
        lambda c: c.Rules([], lens=([], []), limits=[]),
        lambda c: c.Rules([], lens=([], []), limits={1: 1}),
        lambda c: c.Rules([], lens=([], []), limits={"max_depth": "x"}),
        lambda c: c.Rules([], lens=([], []), key="x" * 16),
        lambda c: c.Rules([], lens=([], []), kernel=b"plain"),
        lambda c: c.Rules([], lens=([], []), versions=b""),
        lambda c: c.Scan(),
        lambda c: c.Scan(rules()),
        lambda c: c.Scan(5, source=""),
        lambda c: c.Scan(rules(), source=None),
        lambda c: c.Scan(rules(), source=b""),
        lambda c: c.Scan(rules(), source="", threads="2"),
        lambda c: c.Scan(rules(), source="", rules=1),
        lambda _: scan_of().feed("text"),
        lambda _: scan_of().feed(memoryview(bytes(16)).cast("I")[::2]),
        lambda _: scan_of().room("1"),
        lambda _: scan_of().finish(False, True),
        lambda _: scan_of().finish(cut=False, cat=True),
        lambda _: batch_of().to_pylist("1"),
        lambda _: batch_of().to_csv(),
        lambda _: batch_of().to_csv(True, header=True),
        lambda _: batch_of().counts(5),
        lambda c: c.columns(5),
        lambda c: c.canonical_number(None),
        lambda c: c.canonical_number(b"1"),
        lambda c: type("Sub", (c.Batch,), {}),
        lambda c: setattr(c.Scan, "x", 1),
    ],
)
def test_wrong_types(call: Any) -> None:
    with pytest.raises((TypeError, BufferError)):
        call(any_core)


@pytest.mark.parametrize(
    "call",
    [
        lambda: _core.classify(rules(), BODY, status=-1),
        lambda: _core.classify(rules(), BODY, status=2**31),
        lambda: _core.classify(rules(), BODY, status=2**100),
        lambda: _core.Rules([], lens=([], []), key=b"short"),
        lambda: _core.Rules([], lens=any_core.flags()),
        lambda: new_scan(threads=0),
        lambda: new_scan(threads=-1),
        lambda: new_scan(threads=2**40),
        lambda: new_scan(source_id="a\0b"),
        lambda: new_scan().room(0),
        lambda: new_scan().room(-1),
        lambda: new_scan().room(2**100),
        lambda: exchanges().slice(-1),
        lambda: exchanges().to_pylist(-1),
        lambda: _core.columns("edges"),
        *(
            lambda text=text: _core.canonical_number(text)
            for text in ("", "-", "01", "+1", ".5", "1.", "1e", "1e+", "1 ", "0x1", "NaN", "1\0", "\ud800", "١")
        ),
    ],
)
def test_wrong_values(call: Any) -> None:
    with pytest.raises(ValueError):
        call()


def test_vocabularies() -> None:
    assert _core.statuses()[0] == ("ok", "")
    assert {"syntax", "truncated", "internal"} <= {code for code, _ in _core.statuses()}
    assert "duplicate_key" in dict(_core.flags())
    limits = {name: (preset, hard) for name, preset, hard, _ in _core.limits()}
    assert {name: preset for name, (preset, _) in limits.items()} == rules().limits()
    assert all(preset <= hard for preset, hard in limits.values())
    assert [name for name, _, _ in _core.columns("exchanges")] == list(timed().to_pylist()[0])
    assert [_core.canonical_number(text) for text in ("1.0", "-0", "1e2", "100E-2")] == ["1", "0", "100", "1"]


# --- rules ---


def test_core_error() -> None:
    with pytest.raises(_core.CoreError) as caught:
        _core.Rules([("bad.json", b'{"a":\n  tru}')], lens=([], []))
    code, file, row, column, message, hint = caught.value.args
    assert (code, file, row) == ("syntax", "bad.json", 2)
    assert column == 6
    assert message
    assert isinstance(hint, str)
    assert pickle.loads(pickle.dumps(caught.value.args)) == caught.value.args


@pytest.mark.parametrize(
    "limits", [{"max_depth": 0}, {"max_depth": 2001}, {"max_depth": -1}, {"max_depth": 2**100}, {"depth": 5}, {"\ud800": 1}]
)
def test_limits_are_checked(limits: dict[str, int]) -> None:
    with pytest.raises(_core.CoreError) as caught:
        _core.Rules([], lens=([], []), limits=limits)
    assert caught.value.args[0] == "limit"


def test_limits_are_set() -> None:
    folder = ROOT / "python/stateprint"
    packs = [(name, (folder / name).read_bytes()) for name in PACKS]
    own = _core.Rules(packs, lens=(["read"], []), limits={"max_number_bytes": 9}, key=bytes(16), tag_key=bytes(16), tags=True, versions="x")
    assert own.limits() == rules().limits() | {"max_number_bytes": 9}
    assert _core.classify(own, b'{"a":[123456789]}').error is None
    error = _core.classify(own, b'{"a":[1234567890]}').error
    assert error is not None
    assert (error["reason"], error["offset"]) == ("number_too_long", 6)
    assert json.loads(own.describe())["digest"] == json.loads(rules().describe())["digest"]


# --- classify ---


def test_classify_takes_any_buffer(tmp_path: Path) -> None:
    want = _core.classify(rules(), BODY).exchanges().to_pylist()
    big = b'{"model":"gpt-5","input":"' + b"x" * 300_000 + b'"}'
    for payload in (BODY, big):
        plain = _core.classify(rules(), payload).exchanges().to_pylist()
        file = tmp_path / "payload"
        file.write_bytes(payload)
        with file.open("rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            for buffer in (bytearray(payload), memoryview(payload), memoryview(bytearray(payload)).toreadonly(), mapped):
                assert _core.classify(rules(), buffer).exchanges().to_pylist() == plain
    data = bytearray(BODY)
    _core.classify(rules(), data)
    data.append(0)  # no view is left on it
    assert _core.classify(rules(), None).exchanges().to_pylist() != want


def test_cells_of_an_answer() -> None:
    """By number, the values that its table has; those of a refused payload, too."""
    numbers = range(len(_core.columns("exchanges")))
    for payload in (BODY, line(0), b'{"model":', None):
        answer = _core.classify(rules(), payload, url=URL, method="POST", status=200, time="2026-03-01T12:34:56.000001Z")
        assert [answer.cell(i) for i in numbers] == list(answer.exchanges().to_pylist()[0].values())
        assert (answer.error is None) == (answer.exchanges().to_pylist()[0]["error"] is None)
    far = _core.classify(rules(), BODY, time="9999-12-31T23:59:59.999999Z")
    assert [far.cell(i) for i in numbers] == list(far.exchanges().to_pylist()[0].values())
    for bad, kind in ((len(numbers), IndexError), (-1, ValueError), (2**70, ValueError), ("state", TypeError), (None, TypeError)):
        with pytest.raises(kind):
            any_core.Answer.cell(answer, bad)
    with pytest.raises(TypeError):
        any_core.Answer()


def test_classify_tells_the_place() -> None:
    answer = _core.classify(rules(), b'{"metadata":\n {"a": tru}}')
    row, marks, error = answer.exchanges(), answer.evidence(), answer.error
    assert error == {
        "reason": "syntax",
        "offset": 23,
        "line": 2,
        "column": 11,
        "expected": error["expected"] if error else "",
        "path": "/metadata",
    }
    assert row.rows == 1
    assert row.to_pylist()[0]["state"] is None
    assert len(marks) == 0
    assert _core.classify(rules(), BODY, url=URL).error is None


def test_odd_text_in_arguments() -> None:
    row = _core.classify(rules(), BODY, url="https://api.openai.com/v1/\udcff\0", method="\ud800").exchanges()
    assert row.to_ndjson().decode()
    reader = _core.Scan(rules(), source="na\udcffme \x1b[31m")
    reader.feed(BODY)
    assert rest(reader)[0]["source"] == "na\\udcffme \x1b[31m"
    with pytest.raises(ValueError):
        _core.Scan(rules(), source="a\0b")


# --- scan ---


def test_feed_and_room_are_one() -> None:
    data = b"".join(map(line, range(50)))
    want = [row for pair in scan(data) for row in pair[0].to_pylist()]
    reader = new_scan()
    for at in range(0, len(data), 1000):
        piece = data[at : at + 1000]
        if at % 2000:
            reader.feed(bytearray(piece))
        else:
            with reader.room(4096) as room:
                assert len(room) == 4096
                got = io.BytesIO(piece).readinto(room)
            reader.commit(got)
    assert rest(reader) == want


def test_room_is_released() -> None:
    reader = new_scan()
    for end in (lambda: reader.commit(0), lambda: reader.feed(b""), reader.take, lambda: reader.room(5)):
        room = reader.room(100)
        room[:2] = b"{}"
        end()
        with pytest.raises(ValueError):
            room[0] = 1
    reader.room(10)
    reader.finish()
    assert rest(reader) == []


@pytest.mark.parametrize("method", ["commit", "feed", "take", "room", "finish"])
def test_room_that_is_held(method: str) -> None:
    reader = new_scan()
    room = reader.room(64)
    owner = room.obj
    room[:31] = BODY + b"\n"
    held = room[10:20]
    arguments = {"commit": (31,), "feed": (BODY,), "room": (5,)}.get(method, ())
    for _ in range(2):
        with pytest.raises(BufferError):
            getattr(reader, method)(*arguments)
    held[:] = held  # the memory is still there
    with pytest.raises(BufferError):
        memoryview(owner)  # but nobody gets to it any more
    held.release()
    getattr(reader, method)(*arguments)
    with pytest.raises(BufferError):
        memoryview(owner)
    assert len(rest(reader)) == (method in ("feed", "commit"))  # the others give the room up


def test_room_outlives_its_scan() -> None:
    room = new_scan().room(1 << 20)
    gc.collect()
    room[-1] = 1
    copy = memoryview(room.obj)
    room.release()
    copy[0] = 1
    del copy, room
    ring: list[Any] = [new_scan()]
    ring += [ring[0].room(1 << 20), ring]
    del ring
    gc.collect()


def test_commit_is_bounded() -> None:
    reader = new_scan()
    with pytest.raises(ValueError):
        reader.commit(1)
    reader.commit(0)
    reader.room(10)
    for n in (11, -1, 2**100):
        with pytest.raises(ValueError):
            reader.commit(n)
    reader.room(10)[:2] = b"{}"
    reader.commit(2)
    with pytest.raises(ValueError):
        reader.commit(1)
    assert len(rest(reader)) == 1


def test_finished() -> None:
    reader = new_scan()
    reader.feed(BODY)
    reader.finish(cut=True)
    reader.finish()
    for call in (lambda: reader.feed(BODY), lambda: reader.room(5)):
        with pytest.raises(ValueError):
            call()
    (row,) = rest(reader)
    assert "input_cut" in row["error"]
    assert reader.take() is None
    assert reader.summary()["rejected"] == {"input_cut": 1}


def test_summary() -> None:
    reader = new_scan(threads=2, evidence=True)
    reader.feed(b"\xef\xbb\xbf" + BODY + b"\r\n\n{oops}\n")
    reader.finish()
    list(iter(reader.take, None))
    got = reader.summary()
    assert (got["lines_total"], got["lines_blank"], got["lines"], got["rejected"]) == (3, 1, 2, {"syntax": 1})
    assert sum(got["classified"].values()) == 1
    assert got["file_flags"] == ["bom", "crlf"]
    assert (got["encoding"], got["hints"], got["bytes"]) == (None, [], 43)
    assert (got["clocks"], got["said"]) == ({"none": 1}, {"method": 0, "url": 0, "headers": 0, "response": 0})


@pytest.mark.parametrize("threads", [1, 3])
def test_clocks_and_what_is_said(threads: int) -> None:
    records: list[dict[str, Any]] = [
        {
            "ts": "2026-03-02T08:00:00Z",
            "method": "POST",
            "url": URL,
            "headers": {"a": "b"},
            "body": {"model": "m"},
            "response": {"id": "r"},
        },
        {"ts": 1772438400, "method": "POST", "url": URL, "headers": None, "body": {"model": "m"}, "response": {}},
        {"ts": "2026-03-02 08:00:00", "method": None, "url": URL, "body": {"model": "m"}, "response": "data: {}\n\n"},
        {"ts": "soon", "url": None, "body": {"model": "m"}, "response": None},
        {"url": URL, "body": {"model": "m"}, "response": [{"id": "r"}]},
    ]
    reader = new_scan(format="flat", threads=threads)
    reader.feed(b"".join(json.dumps(record).encode() + b"\n" for record in records))
    assert {row["format"] for row in rest(reader)} == {"flat"}
    got = reader.summary()
    assert got["clocks"] == {"none": 1, "zoned": 1, "naive": 1, "seconds": 1, "unreadable": 1}
    assert got["said"] == {"method": 2, "url": 4, "headers": 1, "response": 3}


def test_no_such_format() -> None:
    with pytest.raises(_core.CoreError) as caught:
        new_scan(format="nonsense")
    assert caught.value.args[0] == "format"
    for name in ("pairs", "batch", "flat", "bodies"):
        new_scan(format=name)


def test_two_threads_on_one_scan() -> None:
    """A second thread gets RuntimeError or its turn, and every byte counts once."""
    reader = new_scan()
    piece = b"".join(line(0) for _ in range(2000))
    fed, busy = Counter[str](), Counter[str]()

    def work(name: str) -> None:
        for _ in range(30):
            try:
                reader.feed(piece)
                fed[name] += 1
                reader.take()
            except RuntimeError:
                busy[name] += 1

    threads = [threading.Thread(target=work, args=(str(i),)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reader.finish()
    while reader.take() is not None:
        pass
    assert reader.summary()["lines_total"] == 2000 * fed.total()


def test_rules_are_shared_by_threads() -> None:
    want = [_core.classify(rules(), line(i)).exchanges().to_ndjson() for i in range(20)]
    got: list[list[bytes]] = []
    barrier = threading.Barrier(8)

    def work() -> None:
        barrier.wait()
        got.append([_core.classify(rules(), line(i)).exchanges().to_ndjson() for i in range(20)])

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert got == [want] * 8


# --- batches as text ---


def test_ndjson() -> None:
    for batch in (exchanges(), timed(), exchanges().slice(5, 20)):
        rows = [json.loads(text) for text in batch.to_ndjson().splitlines()]
        for row in rows:
            assert list(row) == [name for name, _, _ in _core.columns("exchanges")]
            if row["time"] is not None:
                row["time"] = datetime.fromisoformat(row["time"])
        assert rows == batch.to_pylist()
    assert timed().to_pylist()[0]["time"] == datetime(2026, 3, 1, 12, 34, 56, 1, tzinfo=UTC)


def odd_texts() -> list[str]:
    odd = ["=1+1", "'=1", "''＠x", "'plain", "", " ", 'a"b', "a,b", "a\r\nb", "\tx", "-1"]
    file = Path(os.environ.get("STATEPRINT_SHARED", ROOT.parent / "shared")) / "testdata/render-hostile/strings.jsonl"
    return odd + [entry["s"] for entry in load_jsonl(file)] if file.exists() else odd


def unsafe(text: str) -> str:
    """What a reader of our CSV does."""
    bare = text.lstrip("'")
    return text[1:] if text != bare and bare[:1] in tuple("=+-@\t\r\n\0＝＋－＠") else text


@pytest.mark.parametrize("safe", [True, False])
def test_csv(safe: bool) -> None:
    names = [name for name, _, _ in _core.columns("exchanges")]
    for text in odd_texts():
        if "\0" in text:
            continue
        reader = _core.Scan(rules(), source=text)
        reader.feed(line(4))
        reader.finish()
        pair = reader.take()
        assert pair is not None
        raw = pair[0].to_csv(True, safe).decode()
        header, cells = csv.reader(io.StringIO(raw, newline=""))
        want = pair[0].to_pylist()[0]
        assert header == names
        got = dict(zip(header, cells, strict=True))
        assert (unsafe(got["source"]) if safe else got["source"]) == want["source"]
        if safe:
            assert all(not cell.startswith(tuple("=+-@\t\r\n\0＝＋－＠")) for cell in cells)
        assert got["facts"].split() == want["facts"]
        assert got["inference"] == {True: "true", False: "false", None: ""}[want["inference"]]
    assert exchanges().to_csv(False).count(b"\r\n") == 100


def test_counts() -> None:
    batch = exchanges()
    rows = batch.to_pylist()
    for names in (("state",), ("model", "facts"), ("turns", "inference", "line"), ("effects", "flags", "error")):
        want = Counter(tuple(tuple(v) if isinstance(v, list) else v for v in (row[name] for name in names)) for row in rows)
        got = batch.counts(*names)
        assert got == dict(want)
        assert list(got) == list(want)  # in the order of first rows
    assert batch.counts() == {(): 100}
    assert batch.slice(10, 5).counts("model") == dict(Counter((row["model"],) for row in rows[10:15]))
    assert exchanges([]).counts("model") == {}
    with pytest.raises(KeyError):
        batch.counts("model", "no such column")


def test_tally() -> None:
    rows = exchanges().to_pylist()
    tally = _core.Tally()
    for part in (exchanges().slice(0, 30), exchanges().slice(30), timed()):
        tally.add(part)
    got = tally.counts()
    assert got["rows"] == 101
    assert got["present"] == {name: sum(row[name] is not None for row in [*rows, *timed().to_pylist()]) for name in rows[0]}
    at = datetime(2026, 3, 1, 12, 34, 56, 1, tzinfo=UTC)
    us = round(at.timestamp() * 1e6)
    assert (got["timed"], got["backwards"], got["cells"]) == (1, 0, [(us, us, 1, 0, 0, 0)])
    assert got["ids"]["request_id"] == (0, 0, 0)
    assert got["ids"]["payload_and_time"] == (1, 0, 0)
    other = _core.Tally()
    other.add(timed())
    other.merge(tally)
    assert other.counts()["rows"] == 102
    assert other.counts()["ids"]["payload_and_time"] == (2, 1, 0)
    with pytest.raises(TypeError):
        other.merge(other)
    with pytest.raises(ValueError, match="exchanges"):
        other.add(scan(line(0), evidence=True)[0][1])  # type: ignore[arg-type]


def test_pylist_limit() -> None:
    batch = exchanges()
    assert batch.to_pylist(3) == batch.to_pylist()[:3]
    assert batch.to_pylist(0) == []
    assert batch.to_pylist(limit=1000) == batch.to_pylist(None)
    assert repr(batch) == "<stateprint._core.Batch of exchanges, 100 rows>"


@pytest.mark.parametrize("threads", [2, 5])
def test_threads_give_the_same(threads: int) -> None:
    pad = b"".join(line(i) + b'{"model":"gpt-5","input":"' + b"x" * 90_000 + b'"}\n' for i in range(60))
    want, got = ([pair[0].to_ndjson() for pair in scan(pad, threads=n)] for n in (1, threads))
    assert len(want) > 1
    assert b"".join(got) == b"".join(want)


# --- life of the objects ---


def test_no_pickles() -> None:
    for thing in (rules(), exchanges(), new_scan(), _core.classify(rules(), BODY), _core.Tally()):
        with pytest.raises(TypeError):
            pickle.dumps(thing)


def test_collected() -> None:
    for _ in range(50):
        reader = new_scan()
        held: list[Any] = [reader, reader.room(1 << 20), many]
        held.append(held)
    gc.collect()
    alive = [o for o in gc.get_objects() if type(o) is _core.Scan]
    assert len(alive) <= 1  # the last one


@pytest.mark.skipif(SANITIZED, reason="measures memory")
@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")
def test_no_leak_on_errors() -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

    pack = b'{"pack":"' + b"x" * 20_000

    def work() -> None:
        for bad in (
            lambda: _core.Rules([("a", pack), ("b", pack)], lens=(["read"], [])),
            lambda: any_core.Rules([("a" * 5000, pack), ("b", 5)], lens=([], [])),
            lambda: any_core.Rules([("a", pack)], lens=(["x" * 5000, 5], [])),
            lambda: any_core.classify(rules(), bytearray(pack), status="x"),
            lambda: any_core.classify(rules(), bytearray(pack), url="x" * 5000, time=5),
            lambda: any_core.Scan(rules(), source="x" * 5000, format="nonsense"),
            lambda: any_core.stream([exchanges_once, 5], "exchanges", {"a" * 5000: "b"}),
            lambda: any_core.stream([exchanges_once], "exchanges", {"a" * 5000: 5}),
            lambda: new_scan().commit(5),
        ):
            with pytest.raises((TypeError, ValueError, _core.CoreError)):
                bad()
        _core.classify(rules(), pack)

    exchanges_once = exchanges()
    for _ in range(20):
        work()
    before = resident()
    for _ in range(500):
        work()
    assert resident() - before < 4_000_000


@pytest.mark.skipif(SANITIZED, reason="the child has no sanitizer loaded")
def test_imported_twice_and_in_subinterpreters() -> None:
    code = """
import gc, importlib, sys
import stateprint._core as first
del sys.modules["stateprint._core"]
second = importlib.import_module("stateprint._core")
assert second is not first and second.Batch is not first.Batch and second.CoreError is not first.CoreError
try:
    second.Scan(first.Rules([], lens=([], [])), source="")
except TypeError:
    pass
else:
    raise SystemExit("a Rules object of another module was taken")
answer = first.classify(first.Rules([], lens=([], [])), b"{}")
batch = answer.exchanges()
del first, sys.modules["stateprint._core"]
gc.collect()
assert batch.to_pylist() and batch.slice(0).rows == 1   # its type keeps the module
assert answer.exchanges().to_pylist() == batch.to_pylist() and answer.cell(0) == ":0"
try:
    import _testcapi
    for _ in range(3):
        assert _testcapi.run_in_subinterp("import stateprint._core as c; c.classify(c.Rules([], lens=([], [])), b'{}')") == 0
except ImportError:
    pass
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(SANITIZED, reason="the child has no sanitizer loaded")
def test_out_of_memory() -> None:
    """Python's allocations fail one after another: MemoryError or success, and the next call works."""
    pytest.importorskip("_testcapi")
    code = """
import sys
sys.path[:0] = [sys.argv[1]]
import _testcapi
from batches import exchanges, line, rules, timed
from stateprint import _core
batch, data, set_rules = exchanges(range(3)), line(0), rules()
reader = _core.Scan(set_rules, source="x", evidence=True)
answer = _core.classify(set_rules, data, time="2026-03-01T00:00:00Z", status=200)
def run_scan():
    reader.feed(data)
    room = reader.room(100)
    reader.commit(0)
    return reader.take()
calls = [
    lambda: _core.classify(set_rules, data, url="https://api.openai.com/v1/responses", method="POST"),
    lambda: _core.classify(set_rules, b"{tru}").error, lambda: _core.classify(set_rules, None, url="\\udcff", method="\\udcff"),
    answer.exchanges, answer.evidence, lambda: [answer.cell(i) for i in range(len(_core.columns("exchanges")))],
    lambda: batch.to_pylist(), lambda: batch.to_csv(True), lambda: batch.counts("state", "facts"), lambda: batch.slice(1),
    lambda: batch.__arrow_c_array__(), lambda: _core.stream([batch], "exchanges", {"a": "b"}), run_scan, reader.summary,
    lambda: _core.Scan(set_rules, source="y", format=None),
    lambda: _core.Rules([], lens=(["read"], []), limits={"max_depth": 5}, kernel="plain", versions="x"),
    lambda: set_rules.kernel(), lambda: _core.kernels(), lambda: _core.limits(), lambda: _core.columns("evidence"), lambda: _core.canonical_number("1"),
]
for call in calls:
    call()
    for n in range(120):
        _testcapi.set_nomemory(n, n + 1)
        try:
            call()
        except MemoryError:
            pass
        finally:
            _testcapi.remove_mem_hooks()
    call()
"""
    command = [sys.executable, "-c", code, str(ROOT / "tests/py")]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False, timeout=240)
    assert (done.returncode, done.stderr) == (0, "")
