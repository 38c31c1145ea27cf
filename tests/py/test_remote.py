"""Inputs by URL: a store in memory and a web server on this machine, both real."""

import gzip
import http.server
import io
import sys
import threading
import traceback
import uuid
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
import pytest

import stateprint as sp
from harness import engine
from stateprint.inputs.places import expand
from stateprint.inputs.remote import shown

LINES = b"".join(b'{"model":"gpt-5","input":"%d"}\n' % i for i in range(20_000))


def read(*urls: str, **options: Any) -> tuple[list[dict[str, Any]], sp.Scan]:
    scan = sp.scan(urls, engine=engine(), strict=False, **options)
    return scan.table().to_pylist(), scan


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.jsonl", LINES)
    return out.getvalue()


FILES = {"a.jsonl": LINES, "b/c.jsonl.gz": gzip.compress(LINES), "b/d!.zip": zipped(), "empty": b""}
TABLE = b"PAR1" + bytes(20 << 20)
RANGES = {"ranges", "expires", "leaves"}


# ------------------------------------------------------------------------------------------------------------------------------ a store
@pytest.fixture
def store() -> Iterator[str]:
    """The URL of a folder of its own."""
    memory, folder = fsspec.filesystem("memory"), f"/{uuid.uuid4().hex}"
    for name, content in FILES.items():
        memory.pipe_file(f"{folder}/{name}", content)
    yield f"memory:/{folder}"
    memory.rm(folder, recursive=True)


def test_rows_are_those_of_the_same_file_here(store: str, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(LINES)
    want, _ = read(str(tmp_path / "log"))
    for name in ("a.jsonl", "b/c.jsonl.gz", "b/d!.zip"):
        for threads in (1, 3):
            rows, scan = read(f"{store}/{name}", threads=threads)
            assert [row | {"source": ""} for row in rows] == [row | {"source": ""} for row in want]
            assert scan.summary.inputs[0]["source"].startswith(f"{store}/{name}")
            assert scan.summary.complete


def test_folders_patterns_and_members(store: str) -> None:
    rows, scan = read(store, copies="keep")
    assert [one["packing"] for one in scan.summary.inputs] == [None, "gzip", "zip", None]
    assert len(rows) == 60_000
    assert [one["source"].rpartition("/")[2] for one in read(f"{store}/**/*.gz")[1].summary.inputs] == ["c.jsonl.gz"]
    assert [one["source"].rpartition("/")[2] for one in read(f"{store}/*")[1].summary.inputs] == ["a.jsonl", "empty"]
    rows, scan = read(f"{store}/b/d!.zip!a.jsonl")
    assert (len(rows), scan.summary.inputs[0]["source"]) == (20_000, f"{store}/b/d!.zip!a.jsonl")
    assert [error.code for error in read(f"{store}/b/d!.zip!x")[1].errors] == ["no_match"]
    for nothing in (f"{store}/*.none", f"{store}/b/*.none"):
        with pytest.raises(sp.InputError) as caught:
            read(nothing)
        assert caught.value.code == "no_match"


def test_a_file_that_became_shorter_is_told(store: str) -> None:
    """Whoever reads it: what unpacks, or the core itself."""
    place = next(expand([f"{store}/a.jsonl"]))
    fsspec.filesystem("memory").pipe_file(f"{store.removeprefix('memory:/')}/a.jsonl", LINES[:1000])
    room = memoryview(bytearray(4096))
    for call in (lambda file: file.read(4096), lambda file: file.fill(room)):
        file = place.open()
        call(file)
        with pytest.raises(sp.InputError, match="only 1,000 of") as caught:
            call(file)
        assert (caught.value.cut, caught.value.byte) == (True, 1000)


def test_progress_knows_the_length(store: str) -> None:
    seen: list[sp.Progress] = []
    read(f"{store}/a.jsonl", progress=seen.append)
    assert (seen[-1].done, seen[-1].total) == (len(LINES), len(LINES))


def test_what_is_not_there(store: str) -> None:
    with pytest.raises(FileNotFoundError, match="missing"):
        read(f"{store}/missing")


# ------------------------------------------------------------------------------------------------------------------------------- the web
class Server(http.server.BaseHTTPRequestHandler):
    """Gives FILES and TABLE, with ranges where asked for them under /ranges, and a part of a log under /cut. Under /expires and /leaves only ranges from
    the start on."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(body=False)

    def do_GET(self) -> None:
        self.answer(body=True)

    def answer(self, *, body: bool) -> None:
        kind, _, name = self.path.partition("?")[0].strip("/").partition("/")
        content = TABLE if name == "table" else FILES.get(name)
        asked = self.headers.get("Range", "").removeprefix("bytes=")
        later = bool(asked) and not asked.startswith("0-")
        if kind == "leaves" and later:
            self.close_connection = True
            return
        if content is None or kind == "forbidden" or (kind == "expires" and later):
            self.send_error(404 if content is None else 403)
            return
        if self.headers.get("Accept-Encoding") != "identity":  # what is packed on the way may be cut unseen
            self.send_error(406)
            return
        first, last = 0, len(content)
        if kind in RANGES and asked:
            first, last = int(asked.partition("-")[0]), min(int(asked.partition("-")[2] or len(content)) + 1, len(content))
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{last - 1}/{len(content)}")
        else:
            self.send_response(200)
        if kind in RANGES:
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(last - first))
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        if body:
            self.wfile.write(content[first : last // 2 if kind == "cut" else last])

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=partial(server.serve_forever, 0.05))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("kind", ["plain", "ranges"])
def test_logs_of_a_web_server(web: str, kind: str) -> None:
    for name in ("a.jsonl", "b/c.jsonl.gz", "b/d!.zip", "b/d!.zip!a.jsonl"):
        rows, scan = read(f"{web}/{kind}/{name}")
        assert len(rows) == 20_000
        assert scan.summary.complete
        assert rows[0]["source"].startswith(f"{web}/{kind}/{name}")


def test_a_connection_that_ends_early_is_told(web: str) -> None:
    rows, scan = read(f"{web}/cut/a.jsonl")
    assert len(rows) < 20_000
    assert [one["complete"] for one in scan.summary.inputs] == [False]
    assert len(scan.errors) == 1


@pytest.mark.parametrize("kind", ["expires", "leaves"])
def test_a_server_that_fails_within_a_table(kind: str, web: str) -> None:
    """The end of a table is read after its beginning. What the store says of it is told in words of ours: its own hold the URL."""
    secret = uuid.uuid4().hex
    with pytest.raises(sp.InputError) as caught:
        sp.scan(f"{web}/{kind}/table?signature={secret}", engine=engine()).table()
    assert (caught.value.source, isinstance(caught.value, PermissionError)) == (f"{web}/{kind}/table", kind == "expires")
    assert secret not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(("kind", "error"), [("forbidden", PermissionError), ("none", FileNotFoundError)])
def test_errors_of_a_web_server(web: str, kind: str, error: type[OSError]) -> None:
    with pytest.raises(error):
        read(f"{web}/{kind}/{'a.jsonl' if kind == 'forbidden' else 'x'}")
    with pytest.raises(sp.InputError, match="refused"):
        read("http://127.0.0.1:1/x")


def test_no_secret_of_a_url_is_shown(web: str) -> None:
    rows, scan = read(f"{web.replace('//', '//user:pass@')}/plain/a.jsonl?signature=secret#part")
    assert rows[0]["source"] == scan.summary.inputs[0]["source"] == f"{web}/plain/a.jsonl"
    with pytest.raises(sp.InputError) as caught:
        read(f"{web}/none/x?signature=secret")
    assert "secret" not in str(caught.value) + repr(caught.value.__cause__) + repr(caught.value.__context__)
    assert shown("abfs://container@account/x#1?") == "abfs://container@account/x#1?"
    assert shown("ftp://user:pass@host/x") == "ftp://host/x"


# --------------------------------------------------------------------------------------------------------------------------- what is amiss
def test_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(sp.ConfigError) as caught:
        read("s3://bucket/log")
    assert "stateprint[remote]" in str(caught.value)


def test_the_library_of_a_store_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.registry import known_implementations

    monkeypatch.setitem(known_implementations, "own", {"class": "none.such.Store", "err": "none"})
    with pytest.raises(sp.ConfigError) as caught:
        read("own://bucket/log")
    assert "stateprint[remote]" in str(caught.value)
    with pytest.raises(sp.ConfigError, match="no store"):
        read("nothing-such://x")


@pytest.mark.parametrize("url", ["file:///etc/hostname", "zip://a::memory://x.zip"])
def test_what_is_no_remote_file(url: str) -> None:
    with pytest.raises(sp.InputError, match="no remote file"):
        read(url)


def test_a_file_of_such_a_name_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "s3:/bucket").mkdir(parents=True)
    (tmp_path / "s3:/bucket/log").write_bytes(LINES)
    assert len(read("s3://bucket/log")[0]) == 20_000
