"""Inputs: names, folders, patterns, packings told by their first bytes, and files that end badly."""

import errno
import gc
import gzip
import importlib.util
import io
import json
import os
import random
import socket
import sys
import weakref
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import zstandard

import stateprint as sp
from harness import DATA, engine, unpacked
from stateprint import logs
from stateprint.inputs import deflate, places, sources, streams, zstd

GZ = {e["file"]: e for e in json.loads((DATA / "gz/manifest.json").read_bytes())}
LINES = b"".join(b'{"model":"gpt-5","input":"%d"}\n' % i for i in range(2000))
NOISE = random.Random(3).randbytes(200_000)


def read(path: Path | str, **options: Any) -> tuple[list[dict[str, Any]], sp.Scan]:
    scan = sp.scan(path, engine=engine(), strict=False, **options)
    return scan.table().to_pylist(), scan


# -------------------------------------------------------------------------------------------------------------------------------- names
def names(*inputs: str | Path) -> list[str]:
    return [place.name for place in places.expand(inputs)]


def test_folders_are_walked_in_order_and_links_are_not_followed(tmp_path: Path) -> None:
    for name in ("b/2.jsonl", "b/1.jsonl", "a.jsonl", ".hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"{}\n")
    (tmp_path / "link").symlink_to(tmp_path / "a.jsonl")
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert names(tmp_path) == [str(tmp_path / n) for n in (".hidden", "a.jsonl", "b/1.jsonl", "b/2.jsonl")]
    assert names(f"{tmp_path}/**/*.jsonl") == [str(tmp_path / n) for n in ("a.jsonl", "b/1.jsonl", "b/2.jsonl")]
    assert names(tmp_path / "link") == [str(tmp_path / "link")]  # whom the analyst names is read


def test_patterns(tmp_path: Path) -> None:
    (tmp_path / "a[1].jsonl").write_bytes(b"")
    (tmp_path / "a1.jsonl").write_bytes(b"")
    assert names(f"{tmp_path}/a?.jsonl") == [f"{tmp_path}/a1.jsonl"]
    assert names(f"{tmp_path}/a[1].jsonl") == [f"{tmp_path}/a[1].jsonl"]  # a file of that name comes first


@pytest.mark.parametrize("name", ["none*.jsonl", "empty"])
def test_nothing_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(sp.InputError) as caught:
        names(tmp_path / name)
    assert caught.value.code == "no_match"


def test_what_is_no_file_is_refused_before_any_line(tmp_path: Path) -> None:
    (tmp_path / "good.jsonl").write_bytes(LINES)
    os.mkfifo(tmp_path / "pipe")
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "socket"))
    try:
        for bad, word in (("pipe", "a pipe"), ("socket", "a socket"), ("/dev/null", "a device"), ("missing", "No such file")):
            rows = 0
            with pytest.raises(sp.InputError, match=word):
                for batch in sp.scan([tmp_path / "good.jsonl", tmp_path / bad], engine=engine(), strict=False):
                    rows += len(batch)
            assert rows == 0
    finally:
        listener.close()


def test_errors_on_opening_keep_their_class(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(sp.scan(tmp_path / "missing", engine=engine()))
    with pytest.raises(FileNotFoundError):
        list(sp.scan("a\0b", engine=engine()))


def test_standard_input_once() -> None:
    with pytest.raises(sp.InputError, match="once"):
        list(sp.scan(["-", "-"], engine=engine()))


# --------------------------------------------------------------------------------------------------------------------------------- gzip
@pytest.mark.parametrize(
    "name", [n for n in GZ if not n.startswith("bomb") and n not in {"ok-plain-named-gz.jsonl.gz", "ok-zero-bytes.jsonl.gz"}]
)
@pytest.mark.usefixtures("inflater")
def test_gunzip_gives_the_same_whatever_the_reads(name: str) -> None:
    data = (DATA / "gz" / name).read_bytes()
    first = unpacked(deflate.gunzip, data, 1 << 20)
    assert all(unpacked(deflate.gunzip, data, step) == first for step in (1, 7, 4096))
    if name != "nested.jsonl.gz":
        assert first[1] == GZ[name]["input_error"]
    if GZ[name]["input_complete"]:
        assert first[0] == gzip.decompress(data)


@pytest.mark.usefixtures("inflater")
def test_all_before_the_damage_is_kept() -> None:
    out, code, cut = unpacked(deflate.gunzip, (DATA / "gz/flip-mid.jsonl.gz").read_bytes(), 1 << 20)
    assert (out.count(b"\n"), len(out) - out.rindex(b"\n") - 1, code, cut) == (1006, 133, "gzip_data", True)


@pytest.mark.usefixtures("inflater")
def test_gzip_headers() -> None:
    body = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = body.compress(LINES) + body.flush() + zlib.crc32(LINES).to_bytes(4, "little") + len(LINES).to_bytes(4, "little")
    fixed = b"\x1f\x8b\x08%c\0\0\0\0\0\xff"
    extra = b"\x05\0hello"
    full = fixed % 0x1E + extra + b"name\0comment\0"
    full += (zlib.crc32(full) & 0xFFFF).to_bytes(2, "little")
    assert unpacked(deflate.gunzip, full + packed, 3) == (LINES, None, False)
    assert unpacked(deflate.gunzip, full[:-1] + bytes([full[-1] ^ 1]) + packed, 3) == (b"", "gzip_crc", True)
    assert unpacked(deflate.gunzip, fixed % 0x20 + packed, 3) == (b"", "gzip_data", True)
    assert unpacked(deflate.gunzip, fixed % 8 + b"x" * 100_000, 4096) == (b"", "gzip_truncated", True)


def damaged(rng: random.Random) -> bytes:
    """A gzip stream of one or more members, packed in one of many ways, with one thing wrong or none."""
    text = LINES[: rng.choice([0, 50, 3000, 60_000])] + NOISE[: rng.choice([0, 70_000])]
    strategies = (zlib.Z_DEFAULT_STRATEGY, zlib.Z_FIXED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE)
    pack = zlib.compressobj(rng.choice([0, 1, 6, 9]), zlib.DEFLATED, 31, 9, rng.choice(strategies))
    one = pack.compress(text) + pack.flush()
    data = bytearray(one * rng.choice([1, 1, 2]))
    at = rng.randrange(10, rng.choice([130, len(data)])) % len(data)  # often in the tables of the first block
    kind = rng.randrange(8)
    if kind < 5:
        data[at] ^= 1 << rng.randrange(8)
    elif kind == 5:
        del data[at:]
    elif kind == 6:
        data[at : at + 4] = rng.randbytes(rng.randrange(9))
    return bytes(data + b"GARBAGE"[: rng.randrange(8)] if rng.random() < 0.2 else data)


@pytest.mark.parametrize("seed", range(4))
def test_all_decoders_find_the_same_damage_at_the_same_byte(seed: int) -> None:
    """What comes out, the reason, and its place: rows and errors must not depend on what is installed."""
    rng = random.Random(seed)
    by_zlib = deflate.inflaters()[-1]
    assert by_zlib.name == "zlib"
    codes = set()
    for _ in range(300):
        data, step = damaged(rng), rng.choice([1 << 10, 1 << 20])
        want = fault_of(data, step, by_zlib)
        codes.add(want[1])
        for other in deflate.inflaters()[:-1]:
            assert fault_of(data, step, other) == want
    assert codes >= {None, "gzip_data", "gzip_crc", "gzip_truncated", "gzip_trailing_garbage"}


def fault_of(data: bytes, step: int, by: deflate.Inflater) -> tuple[bytes, str | None, int, bool]:
    stream = io.BytesIO(data)
    pieces = []
    try:
        pieces.extend(deflate.gunzip(stream.read(10), lambda n: stream.read(min(n, step)), by))
    except streams.Fault as fault:
        return b"".join(pieces), fault.code, fault.byte, fault.cut
    return b"".join(pieces), None, 0, False


def test_which_decoders_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test extra has zlib-ng; without it, zlib does the work."""
    names = [i.name for i in deflate.inflaters()]
    assert names == (["zlib-ng"] if importlib.util.find_spec("zlib_ng") else []) + ["zlib"]
    monkeypatch.setitem(sys.modules, "zlib_ng", None)
    assert [i.name for i in deflate.inflaters()] == ["zlib"]
    assert unpacked(deflate.gunzip, (DATA / "gz/ok-3.jsonl.gz").read_bytes(), 4096)[1] is None


# --------------------------------------------------------------------------------------------------------------------------------- zstd
FRAME = zstandard.ZstdCompressor(write_checksum=True).compress(NOISE + LINES * 20)
STREAM = (lambda c: c.compress(LINES) + c.flush())(zstandard.ZstdCompressor(write_content_size=False).compressobj())
SKIPPED = b"\x5a\x2a\x4d\x18\x05\0\0\0hello"
WHOLE = NOISE + LINES * 20


ZSTD: dict[str, tuple[bytes, bytes, str | None]] = {
    "one frame": (FRAME, WHOLE, None),
    "no length in the header": (STREAM, LINES, None),
    "frames and skippable frames": (SKIPPED + FRAME + SKIPPED + STREAM, WHOLE + LINES, None),
    "empty": (zstandard.compress(b""), b"", None),
    "cut in the checksum": (FRAME[:-2], WHOLE, "zstd_truncated"),
    "cut in the header": (FRAME[:6], b"", "zstd_truncated"),
    "cut in the second magic": (FRAME + FRAME[:2], WHOLE, "zstd_truncated"),
    "cut in a skippable frame": (SKIPPED[:-1], b"", "zstd_truncated"),
    "checksum": (FRAME[:-4] + b"abcd", WHOLE, "zstd_checksum"),
    "garbage": (FRAME + b"GARBAGE", WHOLE, "zstd_trailing_garbage"),
    "window": (b"\x28\xb5\x2f\xfd\x00\xa0" + FRAME[6:], b"", "zstd_window"),
    "dictionary": (b"\x28\xb5\x2f\xfd\x01\x58\x07" + FRAME[6:], b"", "zstd_dictionary"),
}


@pytest.mark.parametrize("step", [1, 1000, 1 << 20])
@pytest.mark.parametrize(("data", "want", "code"), ZSTD.values(), ids=ZSTD)
def test_unzstd(data: bytes, want: bytes, code: str | None, step: int) -> None:
    out, got, _ = unpacked(zstd.unzstd, data, step)
    assert got == code
    assert out == want


def test_zstd_cut_or_damaged_anywhere_gives_a_beginning() -> None:
    for at in range(0, len(FRAME), 7919):
        out, code, cut = unpacked(zstd.unzstd, FRAME[:at], 4096)
        assert WHOLE.startswith(out)
        assert (code, cut) == ("zstd_truncated", True) or at == 0
        bad = FRAME[:at] + bytes([FRAME[at] ^ 0x10]) + FRAME[at + 1 :]
        code = unpacked(zstd.unzstd, bad, 4096)[1]
        assert code is not None or at < 18  # a bit of the header may change nothing
        assert code is None or code.startswith("zstd_")


# --------------------------------------------------------------------------------------------------------------------------- whole scans
@pytest.mark.parametrize("name", [n for n, e in GZ.items() if not n.startswith("bomb") and e["input_error"]])
@pytest.mark.usefixtures("inflater")
def test_a_damaged_file_is_read_as_far_as_it_goes(name: str) -> None:
    rows, scan = read(DATA / "gz" / name)
    (one,) = scan.summary["inputs"]
    assert (one["complete"], one["error"]) == (False, GZ[name]["input_error"])
    assert scan.summary.lines == len(rows) == sum(scan.summary.classified.values()) + sum(scan.summary.rejected.values())
    assert scan.errors[0].lines_done == scan.summary.lines_total


@pytest.mark.usefixtures("inflater")
def test_an_incomplete_input_is_said_aloud() -> None:
    with pytest.warns(sp.InputWarning, match="stops before its end"):
        assert len(sp.scan(DATA / "gz/cut-in-data.jsonl.gz", engine=engine()).table()) == 1000


@pytest.mark.parametrize(("magic", "word"), [(b"\x04\x22\x4d\x18", "lz4"), (b"\x1f\x9d", "compress"), (b"7z\xbc\xaf\x27\x1c", "7z")])
@pytest.mark.usefixtures("inflater")
def test_other_packings_are_named(tmp_path: Path, magic: bytes, word: str) -> None:
    (tmp_path / "log.jsonl").write_bytes(magic + NOISE)
    rows, scan = read(tmp_path / "log.jsonl")
    assert rows == []
    assert scan.errors[0].code == "unsupported_packing"
    assert word in str(scan.errors[0])
    (tmp_path / "twice").write_bytes(gzip.compress(magic + NOISE))
    assert [e.code for e in read(tmp_path / "twice")[1].errors] == ["nested_compression"]


@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress], ids=["plain", "gzip", "zstd"])
@pytest.mark.parametrize("limit", [1, 5, 100, len(LINES) - 1, len(LINES), len(LINES) + 1])
@pytest.mark.usefixtures("inflater")
def test_unpacked_limit(tmp_path: Path, pack: Callable[[bytes], bytes], limit: int) -> None:
    (tmp_path / "log").write_bytes(pack(LINES))
    scan = sp.scan(tmp_path / "log", engine=engine_with(limit), strict=False)
    rows = scan.table()
    over = limit < len(LINES)
    assert [e.code for e in scan.errors] == ["unpacked_limit"] * over
    whole, cut = LINES[:limit].count(b"\n"), not LINES[:limit].endswith(b"\n")
    assert len(rows) == whole + cut
    assert scan.summary.rejected == ({"input_cut": 1} if cut else {})
    assert scan.summary["limits"]["max_unpacked_bytes"] == limit


def engine_with(limit: int) -> sp.Engine:
    return sp.Engine(limits={"max_unpacked_bytes": limit})


@pytest.mark.usefixtures("inflater")
def test_high_ratio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "RATIO_FROM", 4 << 20)
    (tmp_path / "blank").write_bytes(gzip.compress(b"\n" * (5 << 20)))
    rows, scan = read(tmp_path / "blank")
    assert rows == []
    assert scan.summary.lines_blank == 5 << 20
    assert scan.summary["inputs"][0]["file_flags"] == ["high_ratio"]


def test_a_file_that_grows_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_bytes(LINES * 200)
    scan = sp.scan(path, engine=engine(), threads=1)
    rows = 0
    for batch in scan:
        if rows == 0:
            with path.open("ab") as f:
                f.write(LINES)
        rows += len(batch)
    assert rows == 2000 * 201
    assert scan.summary["inputs"][0]["file_flags"] == ["input_changed"]


@pytest.mark.parametrize("good", [0, 1010, 200_003])
def test_an_error_while_reading(good: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever it comes, also in the head: what was read before it is given."""
    data = LINES * (200_000 // len(LINES) + 1)
    (tmp_path / "log").write_bytes(data)
    attempt = places.File._try
    left = good

    def broken(self: places.File, call: Callable[[Any], Any], argument: Any) -> Any:
        nonlocal left
        if not left:
            call = lambda _: (_ for _ in ()).throw(OSError(errno.EIO, "x"))  # noqa: E731
        if isinstance(argument, memoryview):
            with argument[: max(left, 1)] as part:
                got = attempt(self, call, part)
        else:
            got = attempt(self, call, min(argument, max(left, 1)))
        left -= got if isinstance(got, int) else len(got)
        return got

    monkeypatch.setattr(places.File, "_try", broken)
    rows, scan = read(tmp_path / "log")
    assert isinstance(scan.errors[0], OSError)
    assert len(rows) == data[:good].count(b"\n") + (data[good - 1 : good] != b"\n" and good > 0)
    assert not good or rows[-1]["error"].startswith("input_cut")


def test_logs_are_freed_one_by_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by the collector of cycles: it doesn't see the memory of the core."""
    for i in range(3):
        (tmp_path / f"{i}.jsonl").write_bytes(b"%d\n" % i + LINES[:3000])
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"x\n" + LINES)[:-30])
    made: list[weakref.ref[logs.Log]] = []
    init = logs.Log.__init__

    def noted(self: logs.Log, *arguments: Any, **options: Any) -> None:
        init(self, *arguments, **options)
        made.append(weakref.ref(self))

    monkeypatch.setattr(logs.Log, "__init__", noted)
    gc.disable()
    try:
        for batch in sp.scan(tmp_path, engine=engine(), strict=False):
            assert len(batch)
        assert [ref() for ref in made] == [None] * 4
    finally:
        gc.enable()


def test_an_input_that_vanishes_is_told_and_the_rest_is_read(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).write_bytes(LINES[:300] + name.encode() + b"\n")
    scan = sp.scan(tmp_path, engine=engine(), strict=False)
    batches = iter(scan)
    next(batches)
    (tmp_path / "b").unlink()
    for _ in batches:
        pass
    told = [(Path(one["source"]).name, one["complete"], one["error"]) for one in scan.summary.inputs]
    assert told == [("a", True, None), ("b", False, "unreadable"), ("c", True, None)]
    assert [error.source for error in scan.errors] == [str(tmp_path / "b")]


def test_a_log_in_which_nothing_looks_like_a_call_is_told(tmp_path: Path) -> None:
    shops, calls = tmp_path / "shops.jsonl", tmp_path / "calls.jsonl"
    shops.write_text('{"shop": 1}\n{"shop": 2}\n', encoding="utf-8")
    calls.write_bytes(LINES[:300])
    scan = sp.scan([shops, calls], engine=engine(), strict=False)
    assert len(scan.table()) > 2
    assert [(one["recognised"], len(one["hints"])) for one in scan.summary.inputs] == [(False, 1), (True, 0)]
    named = sp.scan(shops, format="bodies", engine=engine())
    assert len(named.table()) == 2
    assert named.summary.inputs[0]["recognised"], "who names a reader need not be told"


@pytest.mark.parametrize(
    "options",
    [
        {"threads": 0},
        {"threads": 1 << 20},
        {"threads": 1.5},
        {"limit": 1 << 63},
        {"limit": -1},
        {"max_rejects": "1"},
        {"records": 5},
        {"records": [5]},
        {"where": 5},
        {"sample": "0.1"},
        {"sample": 0.5, "seed": 1.5},
        {"since": pd.NaT},
    ],
)
def test_options_that_are_none(options: dict[str, Any]) -> None:
    with pytest.raises(sp.ConfigError, match=next(reversed(options))):
        sp.scan("log.jsonl", **options)


class OldFrame(list[str]):
    """As a data frame of a library that knows no Arrow: going through it gives the names of its columns."""

    def __dataframe__(self) -> None: ...


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (io.BytesIO(b'{"secret": 1}\n'), "an open file"),
        (io.StringIO('{"secret": 1}\n'), "an open file"),
        ([io.BytesIO(b'{"secret": 1}\n')], "an open file"),
        (b'{"secret": 1}', "bytes"),
        ([bytearray(b"secret")], "bytearray"),
        ({"secret": 1}, "dict"),
        ([{"secret": 1}], "dict"),
        (None, "NoneType"),
        (5, "int"),
        (["a.jsonl", 5], "int"),
        (OldFrame(), "this OldFrame"),
    ],
)
def test_what_is_no_input_is_refused_and_not_taken_for_names(given: Any, told: str) -> None:
    for call in (sp.scan, sp.coverage, sp.peek):
        with pytest.raises(sp.ConfigError, match=f"{told} is no input") as caught:
            call(given)
        assert "secret" not in str(caught.value) + caught.value.hint


def test_names_may_come_one_after_another(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(LINES)
    assert sp.scan(name for name in [str(path)]).table().to_arrow() == sp.scan(path).table().to_arrow()
    with pytest.raises(sp.ConfigError, match="there is no input"):
        sp.peek([])  # type: ignore[arg-type]
