"""The same log gives the same rows, however many threads read it, however it is packed, named or handed over."""

import gzip
import os
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

import stateprint as sp
from harness import DATA, ROOT, SANITIZED, engine, pack_rows, scan_bytes


@pytest.fixture(scope="module")
def log() -> bytes:
    """Several slices long: recorded exchanges, cases, and broken lines among them."""
    recorded = gzip.decompress((DATA / "corpus-sample.jsonl.gz").read_bytes())
    hostile = (DATA / "hostile-lines/all.log").read_bytes()
    invented = (DATA / "cases.jsonl").read_bytes()
    return (recorded + hostile + invented) * (2 if SANITIZED else 5)


@pytest.fixture(scope="module")
def want(log: bytes) -> list[bytes]:
    return pack_rows(scan_bytes(log, evidence=True).rows)


def rows(path: Path | str, threads: int = 1) -> list[bytes]:
    return pack_rows(sp.scan(path, engine=engine(), threads=threads).table().to_pylist())


@pytest.mark.parametrize("threads", [1, 2, 8])
def test_threads(log: bytes, want: list[bytes], threads: int) -> None:
    result = scan_bytes(log, threads=threads, evidence=True)
    assert pack_rows(result.rows) == want
    assert result.marks == scan_bytes(log, evidence=True).marks if threads > 1 else result.marks
    assert result.summary["lines"] == len(want)


@pytest.mark.parametrize("size", [65_536, 1_000_003])
def test_read_sizes(log: bytes, want: list[bytes], size: int) -> None:
    assert pack_rows(scan_bytes(log, size=size, threads=2).rows) == want


@pytest.mark.parametrize("name", ["log.jsonl", "other-name.txt", "log.gz", "log.zst", "packed-without-a-name", "members.gz"])
@pytest.mark.usefixtures("inflater")
def test_packing_and_names(log: bytes, want: list[bytes], tmp_path: Path, name: str) -> None:
    half = len(log) // 2
    data = {
        "log.gz": lambda: gzip.compress(log, 1),
        "packed-without-a-name": lambda: gzip.compress(log, 1),
        "members.gz": lambda: gzip.compress(log[:half], 1) + gzip.compress(log[half:], 1),
        "log.zst": lambda: zstandard.compress(log, 1),
    }.get(name, lambda: log)()
    (tmp_path / name).write_bytes(data)
    assert rows(tmp_path / name, threads=2) == want


@pytest.mark.parametrize(
    "environment", [{"PYTHONHASHSEED": "1"}, {"PYTHONHASHSEED": "2", "LC_ALL": "C", "TZ": "Asia/Kolkata"}], ids=["", "other locale"]
)
def test_piped_output_is_the_same_bytes(environment: dict[str, str]) -> None:
    """Two processes, one reading a file and one a pipe, the second with other settings of the machine."""
    sample = ROOT / "examples/sample.jsonl"
    command = [sys.executable, "-m", "stateprint", "scan", "--to", "ndjson"]
    plain = subprocess.run([*command, str(sample)], capture_output=True, check=True, cwd=ROOT, stdin=subprocess.DEVNULL)
    with sample.open("rb") as stdin:
        piped = subprocess.run([*command, "-"], capture_output=True, check=True, stdin=stdin, cwd=ROOT, env={**os.environ, **environment})
    named = plain.stdout.count(b"\n")
    assert named == sample.read_bytes().count(b"\n")
    assert strip_source(plain.stdout) == strip_source(piped.stdout)


def strip_source(ndjson: bytes) -> list[bytes]:
    import json

    return pack_rows(json.loads(line) for line in ndjson.split(b"\n") if line)
